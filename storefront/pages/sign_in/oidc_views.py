"""Sign-in at the OpenID Connect provider: redirect and callback."""

from __future__ import annotations

from flask import Blueprint, abort, current_app, flash, request, session, url_for
from flask.typing import ResponseReturnValue

from storefront.accounts import service
from storefront.accounts.values import EmailTaken
from storefront.core.security_log import SecurityEvent, security_event
from storefront.core.urls import safe_next_path
from storefront.pages.sign_in import oidc_client
from storefront.pages.sign_in.views import continue_sign_in, guests_only
from storefront.web import rate_limits
from storefront.web.outage_messages import sign_in_unavailable
from storefront.web.responses import redirect_or_hx
from storefront.web.route_options import no_store

bp = no_store(Blueprint("oidc", __name__))

NEXT = "after-provider"  # session key of the page to return to, which the fixed callback URL cannot carry


def _provider(slug: str) -> oidc_client.Provider:
    provider = oidc_client.find_provider()
    if provider is None or provider.slug != slug:
        abort(404)
    return provider


@bp.get("/login/with/<slug>")
@guests_only
def start(slug: str) -> ResponseReturnValue:
    """Redirect to the provider."""
    provider = _provider(slug)
    if provider.problem:
        return _unavailable(provider)
    rate_limits.limit_code()
    callback = current_app.config["PUBLIC_ORIGIN"] + url_for(".callback", slug=slug)
    try:
        redirect = oidc_client.redirect_to_provider(callback)
    except oidc_client.ProviderFailed as error:
        return _failed(provider, error)
    session[NEXT] = safe_next_path(request.args.get("next"))
    return redirect


@bp.get("/login/with/<slug>/callback")
@guests_only
def callback(slug: str) -> ResponseReturnValue:
    """Handle the provider's redirect back: sign in the user it names."""
    provider = _provider(slug)
    next_path = safe_next_path(session.pop(NEXT, None))
    try:
        claims = oidc_client.read_callback()
    except oidc_client.ProviderFailed as error:
        return _failed(provider, error)
    try:
        return continue_sign_in(service.sign_in_by_identity(claims), next_path)
    except EmailTaken as error:
        return _failed(provider, error)


def _unavailable(provider: oidc_client.Provider) -> ResponseReturnValue:
    flash(sign_in_unavailable(provider.name), "problem")
    return redirect_or_hx(url_for("sign_in.sign_in"))


def _failed(provider: oidc_client.Provider, error: Exception) -> ResponseReturnValue:
    if isinstance(error, oidc_client.ProviderUnavailable):
        return _unavailable(provider)
    reason = str(error) or type(error).__name__
    security_event(SecurityEvent.SIGN_IN_REFUSED, by="provider", reason=reason)
    flash(f"Signing in with {provider.name} did not work. Try again, or use your password.", "problem")
    return redirect_or_hx(url_for("sign_in.sign_in"))
