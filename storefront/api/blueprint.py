"""The API as a part of the application. A new family is imported here, and that is all."""

from __future__ import annotations

from flask import Flask

from storefront import errors
from storefront.api import auth, cart, checkout, docs, images, orders, payments, products, refusals, reviews, users
from storefront.api.operations import PathId, bp, keep_private
from storefront.api.wire import ShopJSON
from storefront.security import csrf

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
    errors.speak_json(app, refusals.show)
    csrf.exempt(bp)
    app.register_blueprint(bp)
    app.after_request(keep_private)
