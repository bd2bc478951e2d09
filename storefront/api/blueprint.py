"""The API as a part of the application. A new family is imported here, and that is all."""

from __future__ import annotations

from flask import Flask

from storefront.api import (
    auth,
    cart,
    checkout,
    docs,
    images,
    orders,
    payments,
    products,
    reviews,
    users,
)
from storefront.api import (
    errors as api_errors,
)
from storefront.api.json_format import ShopJSON
from storefront.api.operations import PathId, bp, keep_private
from storefront.web import error_pages
from storefront.web.security_headers import csrf

FAMILIES = (
    auth,
    cart,
    checkout,
    docs,
    images,
    orders,
    payments,
    products,
    reviews,
    users,
)  # importing a family declares its operations


def init_app(app: Flask) -> None:
    """Serve the API; it needs no form tokens, since it takes no cookie from another origin."""
    app.json = ShopJSON(app)
    app.url_map.converters["api_id"] = PathId
    error_pages.set_json_error_renderer(app, api_errors.show)
    csrf.exempt(bp)
    app.register_blueprint(bp)
    app.after_request(keep_private)
