"""Bearer tokens for the API. A token carries a session's reference: when the session ends, so does the token.

Another kind carries the right to choose the password of a sign-up whose address was proved; it is good for that alone.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import jwt
from flask import current_app

from storefront.accounts.values import SignedIn, UserId
from storefront.core.clock import utc_now

LIFETIME = timedelta(hours=1)
ALGORITHM = "HS256"
AUDIENCE = "storefront-api"
TYPE = "at+jwt"  # RFC 9068: no other kind of token is taken for an access token
SIGN_UP_TYPE = "sign-up+jwt"
SIGN_UP_LIFETIME = timedelta(minutes=10)


def _keys() -> Iterator[tuple[str, bytes]]:
    """Id and key by which tokens are signed, the present one first; then those of SECRET_KEY_FALLBACKS."""
    for secret in (current_app.config["SECRET_KEY"], *current_app.config["SECRET_KEY_FALLBACKS"]):
        key = hmac.digest(secret.encode(), b"storefront bearer tokens", "sha256")
        yield hashlib.sha256(key).hexdigest()[:8], key


def issue(person: SignedIn) -> str:
    """A token for the session a person is signed in by, good for `LIFETIME`."""
    return _signed({"sub": str(person.id), "sid": person.reference}, TYPE, LIFETIME)


def issue_for_sign_up(user: UserId) -> str:
    """A token for who proved the address of a sign-up, good for `SIGN_UP_LIFETIME`."""
    return _signed({"sub": str(user)}, SIGN_UP_TYPE, SIGN_UP_LIFETIME)


def _signed(facts: Mapping[str, str], kind: str, lifetime: timedelta) -> str:
    identity, key = next(_keys())
    now = utc_now()
    claims = {
        "iss": current_app.config["PUBLIC_ORIGIN"],
        "aud": AUDIENCE,
        **facts,
        "iat": now,
        "exp": now + lifetime,
    }
    return jwt.encode(claims, key, ALGORITHM, headers={"kid": identity, "typ": kind})


def reference_of(token: str) -> str | None:
    """The session reference a token carries; None unless it is signed by us, for this API, and not over."""
    claims = _claims_of(token, TYPE, "sid")
    return str(claims["sid"]) if claims is not None else None


def sign_up_of(token: str) -> UserId | None:
    """The user whose password a token lets choose; None unless it is signed by us, for that, and not over."""
    claims = _claims_of(token, SIGN_UP_TYPE)
    return UserId(int(claims["sub"])) if claims is not None else None


def _claims_of(token: str, kind: str, *needed: str) -> dict[str, Any] | None:
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
            # The time is ours to read, not the library's.
            options={"require": ["exp", "sub", *needed], "verify_exp": False, "verify_iat": False},
        )
    except jwt.InvalidTokenError:
        return None
    is_over = float(claims["exp"]) <= utc_now().timestamp()
    return None if is_over else claims
