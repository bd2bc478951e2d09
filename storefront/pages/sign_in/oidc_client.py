"""Sign-in at an OpenID Connect provider: one that the owner of the shop chose by OIDC_ISSUER."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from authlib.common.errors import AuthlibBaseError
from authlib.integrations.flask_client import OAuth
from flask import Flask, current_app
from flask.typing import ResponseReturnValue
from joserfc.errors import JoseError
from requests import RequestException

from storefront.accounts.values import IdentityClaims
from storefront.core import contact
from storefront.pages.sign_in.forms import MAX_NAME_LENGTH

PROVIDER_SECONDS = 10  # a provider that takes longer did not answer


class ProviderFailed(RuntimeError):
    """The provider could not be asked, or what it said does not hold."""


@dataclass(frozen=True, slots=True)
class Provider:
    """:ivar slug: how addresses name it"""

    name: str
    slug: str


def init_app(app: Flask) -> None:
    """Make the provider known, if the shop has one."""
    if not app.config["OIDC_ISSUER"]:
        app.extensions["oidc"] = None
        return
    app.extensions["oidc"] = OAuth(app).register(
        "provider",
        client_id=app.config["OIDC_CLIENT_ID"],
        client_secret=app.config["OIDC_CLIENT_SECRET"],
        server_metadata_url=f"{app.config['OIDC_ISSUER']}/.well-known/openid-configuration",
        client_kwargs={
            "scope": "openid email profile",
            "code_challenge_method": "S256",
            "default_timeout": PROVIDER_SECONDS,
        },
    )


def find_provider() -> Provider | None:
    """The provider one can sign in with; None in most shops."""
    if current_app.extensions["oidc"] is None:
        return None
    name = current_app.config["OIDC_NAME"]
    return Provider(name, re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "provider")


def go_to_provider(callback: str) -> ResponseReturnValue:
    """Send the browser there.

    :param callback: the address it comes back to
    :raise ProviderFailed: it is away
    """
    client = current_app.extensions["oidc"]
    try:
        _check_issuer(client.load_server_metadata())
        answer: ResponseReturnValue = client.authorize_redirect(callback)
    except (AuthlibBaseError, RequestException, RuntimeError, ValueError) as error:
        raise ProviderFailed(type(error).__name__) from error
    return answer


def _check_issuer(metadata: Mapping[str, Any]) -> None:
    if str(metadata.get("issuer", "")).rstrip("/") != current_app.config["OIDC_ISSUER"]:
        raise ProviderFailed("it calls itself otherwise")


def read_callback() -> IdentityClaims:
    """What the provider says of who comes back from it.

    State, nonce, signature, issuer and audience are looked at by Authlib.

    :raise ProviderFailed: it said no, it is away, or what it said does not hold
    """
    client = current_app.extensions["oidc"]
    try:
        _check_issuer(client.load_server_metadata())
        token = client.authorize_access_token()
        said = dict(token.get("userinfo") or {})
        if said and "email" not in said and "userinfo_endpoint" in client.server_metadata:
            more = client.userinfo(token=token)
            said |= more if more.get("sub") == said["sub"] else {}
    except (AuthlibBaseError, JoseError, RequestException, RuntimeError, ValueError, KeyError) as error:
        raise ProviderFailed(type(error).__name__) from error
    if not said.get("sub"):
        raise ProviderFailed("it names nobody")
    return IdentityClaims(
        issuer=current_app.config["OIDC_ISSUER"],
        subject=str(said["sub"])[:255],
        email=_proved_email(said),
        name=" ".join(str(said.get("name") or "").split())[:MAX_NAME_LENGTH] or None,
    )


def _proved_email(said: Mapping[str, Any]) -> str | None:
    """The address, if the provider saw it proved; some write the yes as a word."""
    if str(said.get("email_verified")).lower() != "true":
        return None
    try:
        return contact.normalize_email(str(said.get("email") or ""))
    except contact.NotAnEmail:
        return None
