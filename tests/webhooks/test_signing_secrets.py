"""The secrets of webhooks: their form, their signatures, and how they are stored."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from flask import Flask
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from storefront.core.clock import utc_now
from storefront.webhooks import signing_secrets
from storefront.webhooks.values import SecretUnreadable
from tests.isolated_shop import shop_at


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """An application without tables."""
    folder = tmp_path_factory.mktemp("secrets")
    with shop_at(f"sqlite:///{folder}/{{schema}}.db", folder) as app, app.app_context():
        yield app


def test_a_secret_is_as_long_and_written_as_the_specification_says() -> None:
    secret = signing_secrets.new_secret()
    assert secret.startswith("whsec_")
    assert 24 <= len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) <= 64
    assert secret != signing_secrets.new_secret()


def test_a_signature_is_that_of_the_reference() -> None:
    """The example of the reference implementation."""
    headers = signing_secrets.signature_headers(
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        datetime.fromtimestamp(1614265330.9, UTC),
        '{"test": 2432232314}',
    )
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@pytest.mark.usefixtures("real_time")
def test_receivers_that_use_the_reference_accept_any_of_two_secrets() -> None:
    old, new = signing_secrets.new_secret(), signing_secrets.new_secret()
    payload = '{"type":"order.paid","name":"Ågot 🌱"}'
    headers = signing_secrets.signature_headers([new, old], "msg_1", utc_now(), payload)
    for secret in (old, new):
        assert Webhook(secret).verify(payload, headers)["type"] == "order.paid"
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(payload + " ", headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(signing_secrets.new_secret()).verify(payload, headers)


def test_a_stored_secret_shows_nothing_and_is_read_again(bare: Flask) -> None:
    secret = signing_secrets.new_secret()
    stored = signing_secrets.encrypt(secret)
    assert secret.removeprefix("whsec_") not in stored
    assert stored != signing_secrets.encrypt(secret)
    assert signing_secrets.decrypt(stored) == secret


def test_a_secret_of_a_former_key_is_read_while_it_is_a_fallback(bare: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    stored, former = signing_secrets.encrypt("whsec_abc"), bare.config["SECRET_KEY"]
    monkeypatch.setitem(bare.config, "SECRET_KEY", "another key")
    with pytest.raises(SecretUnreadable):
        signing_secrets.decrypt(stored)
    monkeypatch.setitem(bare.config, "SECRET_KEY_FALLBACKS", [former])
    assert signing_secrets.decrypt(stored) == "whsec_abc"
    assert not signing_secrets.is_of_present_key(stored)
    assert signing_secrets.is_of_present_key(signing_secrets.encrypt("whsec_abc"))
