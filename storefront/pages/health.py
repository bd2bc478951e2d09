"""For whoever watches the shop: does the process live, can it serve, and what is missing."""

from __future__ import annotations

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from storefront.web.health_checks import Health, Status, check_health
from storefront.web.route_options import any_host, json_only
from storefront.web.security_headers import limiter

bp = any_host(json_only(Blueprint("health", __name__)))
limiter.exempt(bp)


@bp.get("/health", strict_slashes=False)
@bp.get("/health/live", strict_slashes=False)
def health() -> ResponseReturnValue:
    """The process answers."""
    return jsonify(status=Status.UP)


@bp.get("/health/ready", strict_slashes=False)
def ready() -> ResponseReturnValue:
    """Whether the process should get requests: 503 only if it can serve none; parts that are missing are named."""
    found = check_health()
    return jsonify(_body(found)), 503 if found.status is Status.DOWN else 200


def _body(found: Health) -> dict[str, object]:
    body: dict[str, object] = {
        "status": found.status,
        "schemas": {schema: _word(is_up) for schema, is_up in found.schemas.items()},
        "worker": _word(found.has_worker),
        "disk": _word(found.has_space),
    }
    if found.redis is not None:
        body["redis"] = _word(found.redis)
    return body


def _word(is_up: bool) -> Status:
    return Status.UP if is_up else Status.DOWN
