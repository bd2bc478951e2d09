"""Bearer tokens (JWT) of the API.

An access token contains a session reference and is valid only as long as that session. A client token is issued to a
program for its API key, and is valid only as long as that key. A sign-up token authorises setting the password of a
sign-up whose address was verified, and nothing else.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from flask import current_app

from storefront.accounts.api_keys import ApiKey, Scope
from storefront.accounts.values import SignedIn, UserId
from storefront.core.clock import utc_now

LIFETIME = timedelta(hours=1)
ALGORITHM = "HS256"
AUDIENCE = "storefront-api"
TYPE = "at+jwt"  # RFC 9068: keeps other tokens from being accepted as access tokens
SIGN_UP_TYPE = "sign-up+jwt"
SIGN_UP_LIFETIME = timedelta(minutes=10)
CLIENT_TYPE = "client+jwt"  # no access token: what acts for an account cannot be mistaken for a program
CLIENT_LIFETIME = timedelta(minutes=15)


def _keys() -> Iterator[tuple[str, bytes]]:
    """Key ids and signing keys, the current one first, then those of SECRET_KEY_FALLBACKS."""
    for secret in (current_app.config["SECRET_KEY"], *current_app.config["SECRET_KEY_FALLBACKS"]):
        key = hmac.digest(secret.encode(), b"storefront bearer tokens", "sha256")
        yield hashlib.sha256(key).hexdigest()[:8], key


def issue(person: SignedIn) -> str:
    """Issue an access token for a session, valid for `LIFETIME`."""
    return _signed({"sub": str(person.id), "sid": person.reference}, TYPE, LIFETIME)


def issue_for_sign_up(user: UserId) -> str:
    """Issue a sign-up token, valid for `SIGN_UP_LIFETIME`. The caller has verified the sign-up's address."""
    return _signed({"sub": str(user)}, SIGN_UP_TYPE, SIGN_UP_LIFETIME)


def issue_for_client(key: ApiKey, scopes: Iterable[Scope]) -> tuple[str, int]:
    """Issue a token to a program, valid for `CLIENT_LIFETIME`, but no longer than its API key.

    :param scopes: some of the key's
    :return: the token, and the seconds it is valid
    """
    lifetime = CLIENT_LIFETIME if key.expires_at is None else min(CLIENT_LIFETIME, key.expires_at - utc_now())
    scope = " ".join(sorted(scopes))
    return _signed({"sub": key.id, "scope": scope}, CLIENT_TYPE, lifetime), int(lifetime.total_seconds())


def _signed(subject_claims: Mapping[str, str], kind: str, lifetime: timedelta) -> str:
    key_id, key = next(_keys())
    now = utc_now()
    claims = {
        "iss": current_app.config["PUBLIC_ORIGIN"],
        "aud": AUDIENCE,
        **subject_claims,
        "iat": now,
        "exp": now + lifetime,
    }
    import jwt  # with cryptography 8 MB, for programs only

    return jwt.encode(claims, key, ALGORITHM, headers={"kid": key_id, "typ": kind})


def reference_of(token: str) -> str | None:
    """The session reference in an access token; None if the token is invalid or expired."""
    claims = _claims_of(token, TYPE, "sid")
    return str(claims["sid"]) if claims is not None else None


def client_of(token: str) -> tuple[str, frozenset[str]] | None:
    """The id of the API key that a client token was issued for, and its scopes; None if it is invalid or expired."""
    claims = _claims_of(token, CLIENT_TYPE, "scope")
    return (str(claims["sub"]), frozenset(str(claims["scope"]).split())) if claims is not None else None


def sign_up_of(token: str) -> UserId | None:
    """The user of a sign-up token; None if the token is invalid or expired."""
    claims = _claims_of(token, SIGN_UP_TYPE)
    return UserId(int(claims["sub"])) if claims is not None else None


def _claims_of(token: str, kind: str, *required: str) -> dict[str, Any] | None:
    import jwt

    try:
        header = jwt.get_unverified_header(token)
        key = dict(_keys()).get(header.get("kid", ""))
        if key is None or header.get("typ") != kind:
            return None
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            issuer=current_app.config["PUBLIC_ORIGIN"],
            # Expiry is checked below against the shop's own clock, which tests can set.
            options={"require": ["exp", "sub", *required], "verify_exp": False, "verify_iat": False},
        )
    except jwt.InvalidTokenError:
        return None
    is_expired = float(claims["exp"]) <= utc_now().timestamp()
    return None if is_expired else claims
