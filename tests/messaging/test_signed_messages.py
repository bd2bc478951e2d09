"""Messages of the queue: only what this shop signed is unpickled."""

from __future__ import annotations

import pickle

import pytest
from flask import Flask

from storefront.messaging.signed_messages import SALT, MessageSigner
from tests.conftest import NOON
from tests.fakes import Clock

ran: list[str] = []


class Attack:
    """Whoever unpickles this runs code of ours."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return ran.append, ("it ran",)


def test_what_was_signed_comes_back() -> None:
    signer = MessageSigner("key" * 20)
    assert signer.deserialize(signer.serialize({"a": (1, 2)})) == {"a": (1, 2)}


def test_a_message_names_the_time_at_which_it_was_put_into_the_queue(now: Clock) -> None:
    signer = MessageSigner("key" * 20)
    sent = signer.serialize("deliver")
    now.advance(minutes=3)
    assert signer.enqueued_at(sent) == NOON
    with pytest.raises(ValueError, match="Signature"):
        MessageSigner("another key" * 5).enqueued_at(sent)


@pytest.mark.parametrize("forged_by", [None, "another key" * 5])
def test_what_somebody_else_wrote_is_not_unpickled(forged_by: str | None) -> None:
    """B8: who can write to Redis cannot run code."""
    sent = pickle.dumps(Attack()) if forged_by is None else MessageSigner(forged_by).serialize(Attack())
    with pytest.raises(ValueError, match=r"Signature|Separator"):
        MessageSigner("key" * 20, ["former" * 10]).deserialize(sent)
    assert ran == []


def test_a_message_signed_with_a_former_key_is_accepted() -> None:
    """B8: so that a new SECRET_KEY loses no message that waits."""
    sent = MessageSigner("former" * 10).serialize("deliver")
    assert MessageSigner("key" * 20, ["older" * 10, "former" * 10]).deserialize(sent) == "deliver"


def test_the_queue_of_the_shop_is_signed(app: Flask) -> None:
    """B8"""
    serializer = app.extensions["huey"].serializer
    assert isinstance(serializer, MessageSigner)
    assert serializer.salt == SALT.encode()
