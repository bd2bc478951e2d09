"""Programs that call the API: the API key in the Authorization header, or a token that was issued for it.

A program is never a user: `session.current_account` knows nothing of it, so that pages and operations for people stay
closed to it. What it may call is decided by `api.guards`.
"""

from __future__ import annotations

import logging
from dataclasses import replace

from flask import Flask, g, request
from werkzeug.wrappers import Response

from storefront.accounts import service as accounts
from storefront.accounts.service import ApiKey, InvalidApiKey, Scope
from storefront.core.security_log import SecurityEvent, security_event
from storefront.db.session import UNAVAILABLE, read_session
from storefront.web import rate_limits

SCOPE_TEXTS = {
    Scope.READ_CATALOG: "Read products, images and reviews",
    Scope.READ_STOCK: "Check whether units are in stock",
    Scope.CHANGE_STOCK: "Take units from stock",
    Scope.READ_ORDERS: "Read every order, with its customer's name and address",
    Scope.CHANGE_ORDERS: "Set status, tracking number and delivery date of every order, or cancel it",
}
_FOUND, _TO_TOUCH = "api_key", "api_key_to_touch"  # in `g`

logger = logging.getLogger(__name__)


def init_app(app: Flask) -> None:
    """Note after each request that its key is in use."""
    app.after_request(_touch_key)


def current_api_key() -> ApiKey | None:
    """The key of the program that sent this request; None if no program did. Queried at most once per request.

    :raise InvalidApiKey: the key or its token is not accepted
    :raise RateLimitExceeded: nor were many others from this IP address
    """
    if "Authorization" not in request.headers:
        return None
    if _FOUND not in g:
        kind, _, credential = request.headers["Authorization"].partition(" ")
        setattr(g, _FOUND, _find(credential.strip()) if kind.lower() == "bearer" else None)
    key: ApiKey | None = g.get(_FOUND)
    return key


def _find(credential: str) -> ApiKey | None:
    if accounts.is_api_key(credential):
        return key_of_secret(credential)
    client = accounts.client_of_token(credential)
    if client is None:
        return None
    key_id, allowed = client
    try:
        key = _in_use(*accounts.find_api_key_by_id(key_id))
    except InvalidApiKey as error:
        refuse(error)
        raise
    return replace(key, scopes=frozenset(scope for scope in key.scopes if scope in allowed))


def key_of_secret(secret: str) -> ApiKey:
    """The key with this secret.

    :raise InvalidApiKey: it is not accepted
    :raise RateLimitExceeded: nor were many others from this IP address
    """
    try:
        return _in_use(*accounts.find_api_key(secret))
    except InvalidApiKey as error:
        refuse(error)
        raise


def _in_use(key: ApiKey, is_touch_due: bool) -> ApiKey:
    if is_touch_due:
        setattr(g, _TO_TOUCH, key.id)
    return key


def refuse(error: InvalidApiKey) -> None:
    """Write a refused key to the security log, and count it. A valid key is not locked out by the count.

    :raise RateLimitExceeded: too many were refused from this IP address
    """
    security_event(SecurityEvent.TOKEN_REFUSED, api_key=error.key_id or None, reason=error.problem)
    rate_limits.limit_refused_key()


def _touch_key(response: Response) -> Response:
    """Note that the key is in use. A failure must not replace the answer, which may be of a change."""
    if key_id := g.pop(_TO_TOUCH, None):
        try:
            accounts.touch_api_key(key_id)
        except UNAVAILABLE as error:
            logger.error("an API key could not be marked as used: %s", error)
            read_session().rollback()
    return response
