"""Messages of the queue, signed: they are pickles, and loading one that somebody else wrote would run their code."""

from __future__ import annotations

from collections.abc import Sequence

from huey.serializer import SignedSerializer

SALT = "storefront queue"  # so that no signature of another part of the shop fits


class MessageSigner(SignedSerializer):  # type: ignore[misc]
    """Signs with the present key, and accepts messages that were signed with a former one."""

    def __init__(self, key: str, former_keys: Sequence[str] = ()) -> None:
        super().__init__(secret=key, salt=SALT)
        self._former = [SignedSerializer(secret=former, salt=SALT) for former in former_keys]

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
