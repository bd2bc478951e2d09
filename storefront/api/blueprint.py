"""Register the API with the application. A new module of operations only has to be imported here."""

from __future__ import annotations

from flask import Flask

from storefront.api import (
    auth,
    cart,
    checkout,
    docs,
    images,
    oauth,
    orders,
    payments,
    products,
    quotas,
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

OPERATION_MODULES = (
    auth,
    cart,
    checkout,
    docs,
    images,
    oauth,
    orders,
    payments,
    products,
    reviews,
    users,
)  # importing a module declares its operations


def init_app(app: Flask) -> None:
    """Register the API's routes, JSON provider and error renderer.

    The blueprint is exempt from CSRF tokens: a session cookie is accepted from the shop's own origin only.
    """
    app.json = ShopJSON(app)
    app.url_map.converters["api_id"] = PathId
    error_pages.set_json_error_renderer(app, api_errors.render)
    csrf.exempt(bp)
    app.register_blueprint(bp)
    quotas.init_app(app)
    app.after_request(keep_private)
