"""What the frame of every page needs: assets, filters, navigation and the badge of the cart."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from babel.dates import format_date, format_datetime
from babel.numbers import format_currency, format_percent
from flask import Blueprint, Flask, Response, abort, current_app, request, url_for
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.local import LocalProxy

from storefront import clock, visitor
from storefront.accounts import service as accounts
from storefront.cart import service as cart
from storefront.catalog import service as catalog
from storefront.database import db, is_away
from storefront.money import Money
from storefront.web.request_memo import once_per_request
from storefront.web.route_options import public_cache

A_YEAR = 365 * 24 * 3600  # seconds

T = TypeVar("T")

bp = Blueprint("shell", __name__)
logger = logging.getLogger(__name__)


class Assets:
    """Static files by the hash of their content, and the one stylesheet that all css files are joined to."""

    def __init__(self, root: Path) -> None:
        self._root = root
        files = sorted((root / "css").rglob("*.css"), key=lambda path: (path.name != "layers.css", path))
        self.stylesheet = "\n".join(path.read_text() for path in files)
        self.stylesheet_hash = _digest(self.stylesheet.encode())
        self.url_of = lru_cache(maxsize=None)(self._url_of)

    def _url_of(self, name: str) -> str:
        path = self._root / name
        return url_for("static", filename=name, v=_digest(path.read_bytes()) if path.is_file() else "")


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]


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
    app.context_processor(frame)
    public_cache()(app.view_functions["static"])
    app.after_request(keep_assets)


def frame() -> dict[str, Any]:
    """Asked for only when a template names them, so a fragment without the badge counts nothing.

    A page, and above all the page of an error, stands without its badge or navigation when their database is away.
    """
    no_departments: tuple[catalog.Department, ...] = ()
    return {
        "cart_count": LocalProxy(lambda: _unless_away("cart", _cart_count, 0)),
        "departments": LocalProxy(lambda: _unless_away("catalog", departments, no_departments)),
        "person": LocalProxy(lambda: _unless_away("accounts", visitor.account, None)),
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
    return cart.count_units(visitor.cart_token())


@once_per_request
def _wished() -> frozenset[int]:
    return accounts.wished_products(visitor.wishes_owner())


def _unless_away(schema: str, ask: Callable[[], T], instead: T) -> T:
    if is_away(schema):
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


@bp.get("/assets/store-<digest>.css")
@public_cache(A_YEAR, immutable=True)
def stylesheet(digest: str) -> Response:
    """All css files in one. An old hash is gone: the page that names it is stale, and says so by a reload."""
    assets: Assets = current_app.extensions["assets"]
    if digest != assets.stylesheet_hash:
        abort(404)
    return Response(assets.stylesheet, mimetype="text/css")


def stylesheet_url() -> str:
    return url_for("shell.stylesheet", digest=current_app.extensions["assets"].stylesheet_hash)


def asset_url(name: str) -> str:
    """The address of a file below `static/`, with its hash, so that browsers may keep it for good."""
    assets: Assets = current_app.extensions["assets"]
    return assets.url_of(name)


def keep_assets(response: Response) -> Response:
    """Files below `static/` are immutable where their address holds their hash."""
    if request.endpoint == "static" and "v" in request.args and response.status_code == 200:
        response.headers["Cache-Control"] = f"public, max-age={A_YEAR}, immutable"
    return response


def picture_url(picture: Any) -> str:
    """The address of a `Picture`, or of the source of one."""
    source: str = picture if isinstance(picture, str) else picture.source
    return source if source.startswith(("http://", "https://", "/")) else asset_url(source)


@lru_cache(maxsize=8192)
def _format_money(minor: int, currency: str, locale: str) -> str:
    amount = Money(minor, currency).amount
    has_fraction = amount != amount.to_integral_value()
    # The pattern of the locale's language, digits grouped as its users do (1,59,298 in India).
    pattern = "¤#,##,##0" if locale == "en_IN" else "¤#,##0"
    return format_currency(
        amount, currency, pattern + (".00" if has_fraction else ""), locale=locale, currency_digits=False
    )


def money(value: Money) -> str:
    """₹1,59,298.82; whole amounts without decimals."""
    return _format_money(value.minor, value.currency, current_app.config["SHOP_LOCALE"])


def percent(rate: Decimal) -> str:
    """A rate as people read it: Decimal("0.18") is "18%"."""
    return format_percent(rate, "#,##0.##%", locale=current_app.config["SHOP_LOCALE"])


def _local(value: date | datetime) -> date | datetime:
    return clock.local(value) if isinstance(value, datetime) else value


def day(value: date | datetime) -> str:
    """Tue 24 Nov; with the year when it is not this one."""
    local = _local(value)
    pattern = "EEE d MMM" if local.year == clock.utc_now().year else "EEE d MMM y"
    return format_date(local, pattern, locale=current_app.config["SHOP_LOCALE"])


def moment(value: datetime) -> str:
    """24 Nov 2026, 16:05, in the shop's time zone."""
    return format_datetime(_local(value), "d MMM y, HH:mm", locale=current_app.config["SHOP_LOCALE"])


def plural(count: int, noun: str) -> str:
    """1 product, 2 products."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
