"""Bearer tokens for the API. A token carries a session's reference: when the session ends, so does the token."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from datetime import timedelta

import jwt
from flask import current_app

from storefront.accounts.values import SignedIn
from storefront.clock import utc_now

LIFETIME = timedelta(hours=1)
ALGORITHM = "HS256"
AUDIENCE = "storefront-api"
TYPE = "at+jwt"  # RFC 9068: no other kind of token is taken for an access token


def _keys() -> Iterator[tuple[str, bytes]]:
    """Id and key by which tokens are signed, the present one first; then those of SECRET_KEY_FALLBACKS."""
    for secret in (current_app.config["SECRET_KEY"], *current_app.config["SECRET_KEY_FALLBACKS"]):
        key = hmac.digest(secret.encode(), b"storefront bearer tokens", "sha256")
        yield hashlib.sha256(key).hexdigest()[:8], key


def issue(person: SignedIn) -> str:
    """A token for the session a person is signed in by, good for `LIFETIME`."""
    identity, key = next(_keys())
    now = utc_now()
    claims = {
        "iss": current_app.config["PUBLIC_ORIGIN"],
        "aud": AUDIENCE,
        "sub": str(person.id),
        "sid": person.reference,
        "iat": now,
        "exp": now + LIFETIME,
    }
    return jwt.encode(claims, key, ALGORITHM, headers={"kid": identity, "typ": TYPE})


def reference_of(token: str) -> str | None:
    """The session reference a token carries; None unless it is signed by us, for this API, and not over."""
    try:
        header = jwt.get_unverified_header(token)
        key = dict(_keys()).get(header.get("kid", ""))
        if key is None or header.get("typ") != TYPE:
            return None
        claims = jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            issuer=current_app.config["PUBLIC_ORIGIN"],
            # The time is ours to read, not the library's.
            options={"require": ["exp", "sub", "sid"], "verify_exp": False, "verify_iat": False},
        )
    except jwt.InvalidTokenError:
        return None
    is_over = float(claims["exp"]) <= utc_now().timestamp()
    return None if is_over else str(claims["sid"])
