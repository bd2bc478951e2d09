"""A5: every amount and quantity that somebody types is read right or refused, on pages, in forms and query strings.

The fields are found by walking templates, form classes and schemas: a new one is covered on the day it is written, or
makes a test here fail until it is.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, get_args

import pytest
from bs4 import Tag
from flask import Flask
from flask_wtf import FlaskForm
from pydantic import BaseModel, TypeAdapter, ValidationError
from werkzeug.datastructures import MultiDict
from wtforms import DecimalField, FloatField, IntegerField

import storefront
from storefront.accounts.values import Role
from storefront.api.schemas import Incoming, Query
from storefront.core.money import Money
from storefront.orders.values import OrderStatus
from storefront.web.number_fields import MoneyField, QuantityField, written_amount
from tests import page_openers
from tests.factories.accounts import make_staff
from tests.factories.catalog import make_product
from tests.factories.refunds import ask_return, make_order_at
from tests.factories.shopping import fill_cart
from tests.page_client import SAME_ORIGIN, Pages, values_of
from tests.spellings import SPELLINGS

TEMPLATES = Path(storefront.__file__).parent.parent / "templates"
FIGURES = (
    'input[inputmode="numeric"], input[inputmode="decimal"], input[type="number"], [name="figure"], [name^="change-"]'
)
NO_FIGURES = re.compile(r"one-time-code|barcode|_code_field|form\.code")  # codes: nothing to be misread
PROBES = ("12,50", "1.000", "1e3", "1_0", "1\u0662", "1 2", "1\x002", "=1+1")


def _cart(pages: Pages) -> str:
    fill_cart(pages, make_product(), 2)
    return "/cart"


def _scan(pages: Pages) -> str:
    pages.sign_in(make_staff(Role.STOCK_STAFF))
    return f"/staff/stock/scan?code={make_product().sku}"


def _returns(pages: Pages) -> str:
    ask_return(make_order_at(OrderStatus.DELIVERED, (make_product(stock=5), 2)), 1)
    pages.sign_in(make_staff(Role.ORDER_STAFF))
    return "/staff/returns"


PRODUCT = page_openers.product_admin("/staff/products/{product}")
# The page that shows each template with a field of a figure.
PLACES: dict[str, Callable[[Pages], str]] = {
    "cart/_add_line.html": page_openers.plain("/product/5-nike-air-max-270"),
    "cart/_line.html": _cart,
    "orders/return.html": page_openers.return_page,
    "staff/api_keys/api_keys.html": page_openers.as_staff("/staff/api-keys", Role.ADMIN),
    "staff/orders/_refunds.html": page_openers.order_admin("/staff/orders/{order}"),
    "staff/products/_category_form.html": page_openers.product_admin("/staff/products/categories/{category}"),
    "staff/products/_changes.html": page_openers.product_admin(
        "/staff/products/changes?product={product}&act=percent&figure=5"
    ),
    "staff/products/_images.html": page_openers.as_staff("/staff/products/5"),
    "staff/products/_products.html": page_openers.as_staff("/staff/products"),
    "staff/products/_scheduled_prices.html": PRODUCT,
    "staff/products/_variants.html": page_openers.as_staff("/staff/products/new"),
    "staff/returns/_returns.html": _returns,
    "staff/stock/_row.html": page_openers.product_admin("/staff/stock"),
    "staff/stock/_scan.html": _scan,
    "wishlist/_item.html": page_openers.guest_wishlist,
}
WORDED_OTHERWISE = {"staff/products/_images.html", "staff/stock/_scan.html"}  # refused without naming the readings
NEEDED = {"act": "percent", "product": "5"}  # of the bulk form, which else asks to select a product first


def test_every_template_with_a_figure_is_walked() -> None:
    figure = re.compile(r"""inputmode="(?:numeric|decimal)"|type="number"|name="(?:figure|change-)""")
    found = {
        str(path.relative_to(TEMPLATES))
        for path in TEMPLATES.rglob("*.html")
        for line in path.read_text().splitlines()
        if figure.search(line) and not NO_FIGURES.search(line)
    }
    assert found == PLACES.keys()


def _figures(pages: Pages, place: str) -> Iterator[tuple[Tag, Tag]]:
    """The fields of figures on a page, each with its form; one of each kind of row."""
    page = pages.get(PLACES[place](pages))
    rows = {re.sub("[0-9]+", "", f"{field['name']} {field.get('value') == ''}"): field for field in page.all(FIGURES)}
    for field in rows.values():
        if not NO_FIGURES.search(f"{field.get('autocomplete')} {field.get('name')}"):
            form = page.one(f"#{field['form']}") if field.has_attr("form") else field.find_parent("form")
            assert isinstance(form, Tag)
            yield field, form


@pytest.mark.parametrize("place", PLACES)
def test_no_field_of_a_page_takes_another_figure(pages: Pages, place: str) -> None:
    fields = list(_figures(pages, place))
    assert fields
    for field, form in fields:
        assert not field.has_attr("maxlength"), f"{field['name']}: what is pasted would be cut"
        for probe in PROBES:
            words = _refused(pages, field, form, probe)
            if probe == "12,50" and place not in WORDED_OTHERWISE:
                assert "can mean 1,250 or 12.5" in words, f"{field['name']}: {words[:300]}"


def _refused(pages: Pages, field: Tag, form: Tag, probe: str) -> str:
    """Send a form with a figure that has to be refused.

    :return: the text of the answer
    """
    if str(field["name"]).startswith("change-"):
        probe = f"={probe}"  # counted
    sent: dict[str, Any] = {**values_of(form), str(field["name"]): probe}
    if "figure" in sent:
        sent = {**NEEDED, **sent, "act": "percent"}
    if form.get("method", "get").upper() == "GET":
        response = pages.client.get(form["action"], query_string=sent, headers=SAME_ORIGIN)
    else:
        response = pages.client.post(form["action"], data=sent, headers=SAME_ORIGIN)
    assert response.status_code in {400, 409, 422}, f"{field['name']}={probe!r}: {response.status_code}"
    return response.text


# ------------------------------------------------------------------------------------------------ form classes


def _subclasses(kind: type) -> Iterator[type]:
    for module in pkgutil.walk_packages(storefront.__path__, "storefront."):
        if not module.name.endswith(("typst", "__main__")):
            importlib.import_module(module.name)
    todo = [kind]
    while todo:
        known = todo.pop()
        todo += known.__subclasses__()
        if known is not kind and known.__module__.startswith("storefront."):
            yield known


def test_no_form_reads_a_figure_by_another_field(app: Flask) -> None:
    by_id_or_page = {("WishlistForm", "product_id"), ("SearchForm", "page")}  # nobody types these
    with app.test_request_context():
        wrong = {
            (form.__name__, field.name)
            for form in _subclasses(FlaskForm)
            for field in form(formdata=None, meta={"csrf": False})
            if isinstance(field, IntegerField | DecimalField | FloatField)
        }
    assert wrong <= by_id_or_page


def test_every_number_field_of_every_form_reads_right_or_refuses(app: Flask) -> None:
    walked = set()
    with app.test_request_context():
        for kind in _subclasses(FlaskForm):
            for name in [field.name for field in kind(formdata=None, meta={"csrf": False})]:
                for typed, meant in SPELLINGS.items():
                    form: Any = kind(formdata=MultiDict({name: typed}), meta={"csrf": False})
                    field = form[name]
                    if not isinstance(field, QuantityField | MoneyField):
                        break
                    walked.add((kind.__name__, name))
                    if not field.validate(form):
                        assert field.data is None or field.errors
                        assert field._value() == typed
                        continue
                    read = field.data.amount if isinstance(field, MoneyField) else field.data
                    assert read == meant, f"{kind.__name__}.{name}: {typed!r}"
    assert {("AddLineForm", "quantity"), ("RefundForm", "amount"), ("ScheduledPriceForm", "price")} <= walked


@pytest.mark.parametrize("locale", ["en_IN", "de", "fr", "en_US"])
def test_a_prefilled_amount_is_read_back_in_every_locale(
    app: Flask, monkeypatch: pytest.MonkeyPatch, locale: str
) -> None:
    class Form(FlaskForm):
        price = MoneyField("Price", most=10**12)

    monkeypatch.setitem(app.config, "SHOP_LOCALE", locale)
    meant = Money(1234567_50, "INR")
    with app.test_request_context():
        shown = Form(formdata=None, price=meant, meta={"csrf": False}).price._value()
        assert shown == written_amount(meant)
        assert Form(formdata=MultiDict({"price": shown}), meta={"csrf": False}).price.data == meant


# ------------------------------------------------------------------------------------------------ the API


def _numbers(kind: type[BaseModel]) -> Iterator[tuple[str, TypeAdapter[Any]]]:
    for model in _subclasses(kind):
        for name, field in model.model_fields.items():
            kinds = {field.annotation, *get_args(field.annotation)}
            if kinds & {int, Decimal} and str not in kinds:  # an expiry date may be text
                whole = Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation
                yield f"{model.__name__}.{name}", TypeAdapter(whole, config=None)


def test_every_number_of_a_query_string_is_read_right_or_refused() -> None:
    found = dict(_numbers(Query))
    assert {"Quantity.quantity", "ProductSearch.min_price"} & found.keys()
    for name, adapter in found.items():
        for typed, meant in SPELLINGS.items():
            with suppress(ValidationError):
                assert adapter.validate_python(typed) == meant, f"{name}: {typed!r}"


def test_no_number_of_a_body_is_read_from_text() -> None:
    found = dict(_numbers(Incoming))
    assert found
    for name, adapter in found.items():
        for typed in SPELLINGS:
            taken: object = None
            with suppress(ValidationError):
                taken = adapter.validate_python(typed, strict=True)
            assert taken is None, f"{name} takes {typed!r}"
