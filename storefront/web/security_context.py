"""Facts about the current request for the security log."""

from __future__ import annotations

from collections.abc import Mapping

from flask import g, has_request_context, request

ACCOUNT = "account_id"  # in `g`: the signed-in account, once it was looked up
LOGGED = "security_event_logged"  # in `g`: the refusal of this request is logged already


def request_facts() -> Mapping[str, object]:
    """Account, IP address, method and route of the current request, which is marked as logged."""
    if not has_request_context():
        return {}
    setattr(g, LOGGED, True)
    return {
        "account": g.get(ACCOUNT),
        "address": request.remote_addr,
        "method": request.method,
        "route": request.url_rule,
    }
