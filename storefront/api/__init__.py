"""The JSON API: the paths of the old gateway, over the services that the pages use. It holds no rules.

Each family of paths is a module of operations (`products.py`); an operation names its path, who may call it and what
goes in and out, and is from that both served (`operations.py`) and described (`openapi.py`, at /api/openapi.json and,
for people, at /api/docs). Shapes stand in `schemas`, values become shapes in `presenters`, refusals become the
contract's errors in `refusals.py`. The contract is docs/decisions/0008 and `tests/api/contract.yaml`.
"""

from __future__ import annotations

from flask import Flask

from storefront import errors
from storefront.api import docs, images, products, refusals, reviews
from storefront.api.operations import OPERATIONS, Operation, PathId, bp, keep_private
from storefront.api.wire import ShopJSON
from storefront.security import csrf

__all__ = ["FAMILIES", "OPERATIONS", "Operation", "init_app"]

FAMILIES = (docs, images, products, reviews)  # importing a family declares its operations


def init_app(app: Flask) -> None:
    """Serve the API; it needs no form tokens, since it takes no cookie from another origin."""
    app.json = ShopJSON(app)
    app.url_map.converters["id"] = PathId
    errors.speak_json(app, refusals.show)
    csrf.exempt(bp)
    app.register_blueprint(bp)
    app.after_request(keep_private)
