"""`/metrics` for Prometheus: on the port of `web.metrics_server`, or to whoever has METRICS_TOKEN."""

from __future__ import annotations

import hmac

from flask import Blueprint, Response, current_app, request
from flask.typing import ResponseReturnValue
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from werkzeug.exceptions import NotFound, Unauthorized

from storefront.core import metrics
from storefront.core.security_log import SecurityEvent, security_event
from storefront.web.metrics_server import OWN_PORT
from storefront.web.route_options import any_host, json_only
from storefront.web.security_headers import limiter
from storefront.web.shop_collector import shop_collector

bp = any_host(json_only(Blueprint("metrics", __name__)))

WRONG_TOKENS = "10/minute"  # from an address; then it waits, with a right one, too


def _was_refused(response: Response) -> bool:
    return response.status_code == Unauthorized.code


@bp.get("/metrics")
@limiter.limit(WRONG_TOKENS, deduct_when=_was_refused)
def show_metrics() -> ResponseReturnValue:
    """The metrics of all processes of this server.

    :raise NotFound: it is neither the port of its own, nor is there a token
    :raise Unauthorized: there is a token, and the request has another or none
    """
    token = current_app.config["METRICS_TOKEN"]
    if not token and not request.environ.get(OWN_PORT):
        raise NotFound
    if token and not _has_token(token):
        security_event(SecurityEvent.TOKEN_REFUSED)
        raise Unauthorized
    headers = {"Cache-Control": "no-store", "Content-Type": CONTENT_TYPE_PLAIN_0_0_4}
    return Response(metrics.exposition(shop_collector()), headers=headers)


def _has_token(token: str) -> bool:
    kind, _, given = request.headers.get("Authorization", "").partition(" ")
    return kind.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), token.encode())
