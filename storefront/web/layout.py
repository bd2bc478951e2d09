"""The template context of the page layout: assets, filters, navigation and the cart badge."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from flask import Flask, session
from werkzeug.local import LocalProxy

from storefront.accounts import service as accounts
from storefront.accounts.values import SignedIn
from storefront.cart import service as cart
from storefront.catalog import service as catalog
from storefront.catalog.values import Department, public_name
from storefront.web import session as web_session
from storefront.web.assets import Assets, asset_url, bp, cache_static, stylesheet_url
from storefront.web.filters import day, element_id, moment, money, percent, plural
from storefront.web.optional_reads import unless_unavailable
from storefront.web.request_memo import once_per_request
from storefront.web.route_options import public_cache
from storefront.web.shared_pages import differs_by


def init_app(app: Flask) -> None:
    """Register template filters, globals and the layout context."""
    app.extensions["assets"] = Assets(Path(str(app.static_folder)))
    app.register_blueprint(bp)
    app.jinja_env.filters.update(
        money=money, day=day, moment=moment, percent=percent, picture_url=picture_url, iso=datetime.isoformat
    )
    app.jinja_env.globals.update(
        asset_url=asset_url,
        element_id=element_id,
        stylesheet_url=stylesheet_url,
        plural=plural,
        public_name=public_name,
        shop=_shop_facts(app),
    )
    app.context_processor(layout_context)
    public_cache()(app.view_functions["static"])
    app.after_request(cache_static)


def layout_context() -> dict[str, Any]:
    """The variables of the layout, queried only if a template uses them.

    If their database is unavailable, pages, error pages above all, are rendered without them.
    """
    no_departments: tuple[Department, ...] = ()
    return {
        "cart_count": LocalProxy(lambda: unless_unavailable("cart", _cart_count, 0)),
        "departments": LocalProxy(lambda: unless_unavailable("catalog", departments, no_departments)),
        "person": LocalProxy(_person),
        "wished": LocalProxy(wished),
    }


@differs_by("layout/_account_link.html")
def _account_link(arguments: Mapping[str, Any]) -> dict[str, Any] | None:
    return {} if _person() else None


@differs_by("wishlist/_badge.html")
def _wishlist_badge(arguments: Mapping[str, Any]) -> dict[str, Any] | None:
    return {} if wished() else None


@differs_by("cart/_badge.html")
def _cart_badge(arguments: Mapping[str, Any]) -> dict[str, Any] | None:
    return {} if unless_unavailable("cart", _cart_count, 0) else None


@differs_by("layout/_notices.html")
def _notices(arguments: Mapping[str, Any]) -> dict[str, Any] | None:
    return {} if "_flashes" in session else None


def _person() -> SignedIn | None:
    return unless_unavailable("accounts", web_session.current_account, None)


def wished() -> frozenset[int]:
    """Ids of the products on the visitor's wishlist, for the toggles on the page and the count in its header."""
    return unless_unavailable("accounts", _wished, frozenset())


@once_per_request
def departments() -> tuple[Department, ...]:
    """All categories, in the order of the navigation."""
    return catalog.departments()


@once_per_request
def _cart_count() -> int:
    return cart.count_units(web_session.cart_token())


@once_per_request
def _wished() -> frozenset[int]:
    return accounts.wishlist_product_ids(web_session.wishlist_owner())


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
    """The URL of a `Picture`, or of its source."""
    source: str = picture if isinstance(picture, str) else picture.source
    return source if source.startswith(("http://", "https://", "/")) else asset_url(source)
