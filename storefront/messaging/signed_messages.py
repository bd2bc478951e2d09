"""Messages of the queue, signed: they are pickles, and loading one that somebody else wrote would run their code.

Each begins with the time at which it was put into the queue.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from huey.serializer import Serializer, SignedSerializer

from storefront.core.clock import utc_now

SALT = "storefront queue, with times"  # so that no signature of another part of the shop fits
_TIME = struct.Struct(">d")  # seconds since 1970


class MessageSigner(SignedSerializer):  # type: ignore[misc]
    """Signs with the present key, and accepts messages that were signed with a former one."""

    def __init__(self, key: str, former_keys: Sequence[str] = ()) -> None:
        super().__init__(secret=key, salt=SALT)
        self._former = [SignedSerializer(secret=former, salt=SALT) for former in former_keys]

    def enqueued_at(self, signed: bytes) -> datetime:
        """When a message was put into the queue.

        :raise ValueError: the message was not signed by this shop
        """
        (seconds,) = _TIME.unpack_from(self._unsign(signed))
        return datetime.fromtimestamp(seconds, UTC)

    def _sign(self, message: bytes) -> bytes:
        signed: bytes = super()._sign(_TIME.pack(utc_now().timestamp()) + message)
        return signed

    def _deserialize(self, data: bytes) -> Any:
        return Serializer._deserialize(self, self._unsign(data)[_TIME.size :])

    def _unsign(self, signed: bytes) -> bytes:
        """Check the signature, before anything is unpickled.

        :raise ValueError: the message was not signed by this shop; huey logs and drops it
        """
        for former in self._former:
            try:
                message: bytes = former._unsign(signed)
            except ValueError:
                continue
            return message
        checked: bytes = super()._unsign(signed)
        return checked
