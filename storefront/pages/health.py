"""For whoever watches the shop: is the process up, and can it reach every schema."""

from __future__ import annotations

import logging

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from storefront.db.session import db
from storefront.web.route_options import any_host, json_only
from storefront.web.security_headers import limiter

bp = any_host(json_only(Blueprint("health", __name__)))
limiter.exempt(bp)
logger = logging.getLogger(__name__)


@bp.get("/health", strict_slashes=False)
@bp.get("/health/live", strict_slashes=False)
def health() -> ResponseReturnValue:
    """The process answers."""
    return jsonify(status="UP")


@bp.get("/health/ready", strict_slashes=False)
def ready() -> ResponseReturnValue:
    """Every schema answers; 503 names those that do not."""
    schemas = {str(schema): _is_up(str(schema)) for schema in db.engines}
    is_ready = all(schemas.values())
    body = {
        "status": "UP" if is_ready else "DOWN",
        "schemas": {s: "UP" if up else "DOWN" for s, up in schemas.items()},
    }
    return jsonify(body), 200 if is_ready else 503


def _is_up(schema: str) -> bool:
    try:
        with db.engines[schema].connect() as connection:
            connection.execute(text("SELECT 1"))
    except SQLAlchemyError:
        logger.exception("schema %s cannot be reached", schema)
        return False
    return True
