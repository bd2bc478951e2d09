"""What the security log tells of the request under way, and whether it has an entry already."""

from __future__ import annotations

from collections.abc import Mapping

from flask import g, has_request_context, request

ACCOUNT = "account_id"  # in `g`: who is asking, once somebody looked
LOGGED = "security_event_logged"  # in `g`: why this request is refused is in the log already


def request_facts() -> Mapping[str, object]:
    """The account, address, method and route of the request, which counts as logged from now on."""
    if not has_request_context():
        return {}
    setattr(g, LOGGED, True)
    return {
        "account": g.get(ACCOUNT),
        "address": request.remote_addr,
        "method": request.method,
        "route": request.url_rule,
    }
