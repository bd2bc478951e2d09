"""OpenID Connect client for the provider configured by OIDC_ISSUER."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from flask import Flask, current_app
from flask.typing import ResponseReturnValue

from storefront.accounts.values import IdentityClaims
from storefront.core import contact
from storefront.core.card_numbers import redact
from storefront.core.outside_calls import OutsideService, ServiceUnavailable, is_http_failure
from storefront.pages.sign_in.forms import MAX_NAME_LENGTH
from storefront.web.outage_messages import sign_in_unavailable

PROVIDER_TIMEOUT = (3.05, 10)  # seconds per request to the provider: to connect, to answer
PROVIDER = OutsideService("oidc", is_http_failure)


class ProviderFailed(RuntimeError):
    """The provider is unavailable, refused the sign-in, or its response is not valid."""


class ProviderUnavailable(ProviderFailed):
    """The provider failed repeatedly a moment ago, and was not asked."""


@dataclass(frozen=True, slots=True)
class Provider:
    """The configured provider.

    :ivar name: shown on pages
    :ivar slug: its name in URLs
    :ivar problem: why nobody can sign in with it now, in words; empty if they can
    """

    name: str
    slug: str
    problem: str


def init_app(app: Flask) -> None:
    """Register the provider with the app, if one is configured."""
    if not app.config["OIDC_ISSUER"]:
        app.extensions["oidc"] = None
        return
    from authlib.integrations.flask_client import OAuth  # with its dependencies 15 MB, for shops that have a provider

    app.extensions["oidc"] = OAuth(app).register(
        "provider",
        client_id=app.config["OIDC_CLIENT_ID"],
        client_secret=app.config["OIDC_CLIENT_SECRET"],
        server_metadata_url=_metadata_url(app.config["OIDC_ISSUER"]),
        client_kwargs={
            "scope": "openid email profile",
            "code_challenge_method": "S256",
            "default_timeout": PROVIDER_TIMEOUT,
        },
    )


def _metadata_url(issuer: str) -> str:
    return f"{issuer}/.well-known/openid-configuration"


@cache
def _failures() -> tuple[type[Exception], ...]:
    """What the client raises when the provider is unavailable or its response is not valid."""
    from authlib.common.errors import AuthlibBaseError
    from joserfc.errors import JoseError
    from requests import RequestException

    return (AuthlibBaseError, JoseError, RequestException, RuntimeError, ValueError, KeyError)


def find_provider() -> Provider | None:
    """Return the configured provider; None if there is none."""
    if current_app.extensions["oidc"] is None:
        return None
    name = current_app.config["OIDC_NAME"]
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "provider"
    return Provider(name, slug, "" if PROVIDER.is_available(_probe) else sign_in_unavailable(name))


def _probe() -> None:
    """Ask for the provider's metadata. The client remembers them, so it would not ask."""
    import requests

    url = _metadata_url(current_app.config["OIDC_ISSUER"])
    requests.get(url, timeout=PROVIDER_TIMEOUT).raise_for_status()


def _load_metadata(client: Any) -> Mapping[str, Any]:
    """The provider's metadata, which the client asks for once and then remembers.

    :raise ProviderFailed: it reports another issuer
    """
    from requests import ConnectionError as NotConnected

    metadata: Mapping[str, Any] = client.server_metadata
    if "issuer" not in metadata:
        metadata = PROVIDER.call("metadata", client.load_server_metadata, retry_on=(NotConnected,))
    if str(metadata.get("issuer", "")).rstrip("/") != current_app.config["OIDC_ISSUER"]:
        raise ProviderFailed("issuer differs from OIDC_ISSUER")
    return metadata


def redirect_to_provider(callback: str) -> ResponseReturnValue:
    """Redirect the browser to the provider's authorization endpoint.

    :param callback: absolute URL that the provider redirects back to
    :raise ProviderFailed: the provider is unavailable, or reports another issuer
    """
    client = current_app.extensions["oidc"]
    try:
        _load_metadata(client)
        answer: ResponseReturnValue = client.authorize_redirect(callback)
    except ServiceUnavailable as error:
        raise ProviderUnavailable(str(error)) from error
    except _failures() as error:
        raise ProviderFailed(type(error).__name__) from error
    return answer


def read_callback() -> IdentityClaims:
    """Read the claims from the provider's redirect back to the shop.

    Authlib checks state, nonce, signature, issuer and audience.

    :raise ProviderFailed: the provider is unavailable, refused the sign-in, or its response is not valid
    """
    client = current_app.extensions["oidc"]
    try:
        metadata = _load_metadata(client)
        token = PROVIDER.call("token", client.authorize_access_token)
        claims = dict(token.get("userinfo") or {})
        if claims and "email" not in claims and "userinfo_endpoint" in metadata:
            more = PROVIDER.call("userinfo", lambda: client.userinfo(token=token))
            # OpenID Connect Core 5.3.2: a response for another subject must not be used.
            claims |= more if more.get("sub") == claims["sub"] else {}
    except ServiceUnavailable as error:
        raise ProviderUnavailable(str(error)) from error
    except _failures() as error:
        raise ProviderFailed(type(error).__name__) from error
    if not claims.get("sub"):
        raise ProviderFailed("the subject is missing")
    return IdentityClaims(
        issuer=current_app.config["OIDC_ISSUER"],
        subject=str(claims["sub"])[:255],
        email=_verified_email(claims),
        name=redact(" ".join(str(claims.get("name") or "").split()))[:MAX_NAME_LENGTH] or None,
    )


def _verified_email(claims: Mapping[str, Any]) -> str | None:
    """The e-mail address, if the provider verified it. Some providers send `email_verified` as a string."""
    if str(claims.get("email_verified")).lower() != "true":
        return None
    try:
        return contact.normalize_email(str(claims.get("email") or ""))
    except contact.NotAnEmail:
        return None
