"""To the OpenID Connect provider and back."""

from __future__ import annotations

from flask import Blueprint, abort, current_app, flash, request, session, url_for
from flask.typing import ResponseReturnValue

from storefront.accounts import service
from storefront.core.security_log import SecurityEvent, security_event
from storefront.core.urls import safe_next_path
from storefront.pages.sign_in import oidc_client
from storefront.pages.sign_in.views import go_on, guests_only
from storefront.web import rate_limits
from storefront.web.responses import redirect_or_hx
from storefront.web.route_options import no_store

bp = no_store(Blueprint("oidc", __name__))

NEXT = "after-provider"  # where the visitor wanted to go; the provider's own address has no room for it


def _provider(slug: str) -> oidc_client.Provider:
    provider = oidc_client.find_provider()
    if provider is None or provider.slug != slug:
        abort(404)
    return provider


@bp.get("/login/with/<slug>")
@guests_only
def start(slug: str) -> ResponseReturnValue:
    """To the provider."""
    provider = _provider(slug)
    rate_limits.limit_code()
    callback = current_app.config["PUBLIC_ORIGIN"] + url_for(".callback", slug=slug)
    try:
        answer = oidc_client.go_to_provider(callback)
    except oidc_client.ProviderFailed as error:
        return _failed(provider, error)
    session[NEXT] = safe_next_path(request.args.get("next"))
    return answer


@bp.get("/login/with/<slug>/callback")
@guests_only
def callback(slug: str) -> ResponseReturnValue:
    """Back from the provider, with its word for who it is."""
    provider = _provider(slug)
    to = safe_next_path(session.pop(NEXT, None))
    try:
        claims = oidc_client.read_callback()
    except oidc_client.ProviderFailed as error:
        return _failed(provider, error)
    try:
        return go_on(service.sign_in_by_identity(claims), to)
    except service.EmailTaken as error:
        return _failed(provider, error)


def _failed(provider: oidc_client.Provider, error: Exception) -> ResponseReturnValue:
    reason = str(error) or type(error).__name__
    security_event(SecurityEvent.SIGN_IN_REFUSED, by="provider", reason=reason)
    flash(f"Signing in with {provider.name} did not work. Try again, or use your password.", "problem")
    return redirect_or_hx(url_for("sign_in.sign_in"))
