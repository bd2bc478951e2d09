"""The secrets that sign deliveries: made, encrypted for storage, and used.

Unlike a password, a secret must be read again to sign. It is stored encrypted (Fernet: AES-128-CBC with HMAC-SHA256),
by a key that is derived from SECRET_KEY, so that a copy of the database alone signs nothing.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from flask import current_app
from standardwebhooks.webhooks import Webhook

from storefront.webhooks.values import SecretUnreadable

SECRET_BYTES = 32  # the specification asks for 24 to 64
PREFIX = "whsec_"


def new_secret() -> str:
    """Make a secret, as receivers enter it: `whsec_` and base64."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def encrypt(secret: str) -> str:
    """Encrypt a secret with SECRET_KEY."""
    return _keys()[0].encrypt(secret.encode()).decode()


def decrypt(stored: str) -> str:
    """Decrypt a secret that was encrypted with SECRET_KEY or one of SECRET_KEY_FALLBACKS.

    :raise SecretUnreadable: it was encrypted with another key
    """
    try:
        return MultiFernet(_keys()).decrypt(stored.encode()).decode()
    except InvalidToken:
        raise SecretUnreadable from None


def is_of_present_key(stored: str) -> bool:
    """Whether a secret is encrypted with SECRET_KEY itself, so that it outlives the fallbacks."""
    try:
        _keys()[0].decrypt(stored.encode())
    except InvalidToken:
        return False
    return True


def signature_headers(keys: Sequence[str], event_id: str, at: datetime, payload: str) -> dict[str, str]:
    """The headers that authenticate a delivery, as Standard Webhooks 1.0 says.

    :param keys: the secrets; one signature is made with each
    :param at: the moment of this attempt
    """
    signatures = [Webhook(key).sign(event_id, at, payload) for key in keys]
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def _keys() -> list[Fernet]:
    config = current_app.config
    return [_fernet(key) for key in (config["SECRET_KEY"], *config["SECRET_KEY_FALLBACKS"])]


@lru_cache(maxsize=16)
def _fernet(key: str) -> Fernet:
    derived = HKDF(SHA256(), length=32, salt=None, info=b"storefront webhook secrets").derive(key.encode())
    return Fernet(base64.urlsafe_b64encode(derived))
