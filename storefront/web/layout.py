"""What the frame of every page needs: assets, filters, navigation and the badge of the cart."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from flask import Flask
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.local import LocalProxy

from storefront.accounts import service as accounts
from storefront.cart import service as cart
from storefront.catalog import service as catalog
from storefront.db.session import db, is_unavailable
from storefront.web import session as web_session
from storefront.web.assets import Assets, asset_url, bp, cache_static, stylesheet_url
from storefront.web.filters import day, moment, money, percent, plural
from storefront.web.request_memo import once_per_request
from storefront.web.route_options import public_cache

T = TypeVar("T")

logger = logging.getLogger(__name__)


def init_app(app: Flask) -> None:
    """Make filters and globals known to the templates."""
    app.extensions["assets"] = Assets(Path(str(app.static_folder)))
    app.register_blueprint(bp)
    app.jinja_env.filters.update(
        money=money, day=day, moment=moment, percent=percent, picture_url=picture_url, iso=datetime.isoformat
    )
    app.jinja_env.globals.update(
        asset_url=asset_url,
        stylesheet_url=stylesheet_url,
        plural=plural,
        shop=_shop_facts(app),
    )
    app.context_processor(layout_context)
    public_cache()(app.view_functions["static"])
    app.after_request(cache_static)


def layout_context() -> dict[str, Any]:
    """Asked for only when a template names them, so a fragment without the badge counts nothing.

    A page, and above all the page of an error, stands without its badge or navigation when their database is away.
    """
    no_departments: tuple[catalog.Department, ...] = ()
    return {
        "cart_count": LocalProxy(lambda: _unless_away("cart", _cart_count, 0)),
        "departments": LocalProxy(lambda: _unless_away("catalog", departments, no_departments)),
        "person": LocalProxy(lambda: _unless_away("accounts", web_session.current_account, None)),
        "wished": LocalProxy(wished),
    }


def wished() -> frozenset[int]:
    """Ids of the products on the visitor's wishlist, for every heart of the page and the count in its header."""
    return _unless_away("accounts", _wished, frozenset())


@once_per_request
def departments() -> tuple[catalog.Department, ...]:
    """Every category, in the order of the navigation."""
    return catalog.departments()


@once_per_request
def _cart_count() -> int:
    return cart.count_units(web_session.cart_token())


@once_per_request
def _wished() -> frozenset[int]:
    return accounts.wishlist_product_ids(web_session.wishlist_owner())


def _unless_away(schema: str, ask: Callable[[], T], instead: T) -> T:
    if is_unavailable(schema):
        return instead
    try:
        return ask()
    except (OperationalError, PoolTimeout):
        logger.exception("the frame goes without an answer of its database")
        db.session.rollback()
        return instead


def _shop_facts(app: Flask) -> dict[str, Any]:
    config = app.config
    rules = cart.pricing_rules(config)
    return {
        "name": config["SHOP_NAME"],
        "tagline": config["SHOP_TAGLINE"],
        "mail": config["SHOP_MAIL"],
        "currency": config["CURRENCY"],
        "shipping_fee": rules.shipping_fee,
        "free_shipping_above": rules.free_shipping_above,
        "tax_rate": rules.tax_rate,
        "is_development": config["ENVIRONMENT"] == "development",
    }


def picture_url(picture: Any) -> str:
    """The address of a `Picture`, or of the source of one."""
    source: str = picture if isinstance(picture, str) else picture.source
    return source if source.startswith(("http://", "https://", "/")) else asset_url(source)
