"""Validation of the cart's forms."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from werkzeug.datastructures import MultiDict

from storefront.pages.cart.forms import AddLineForm, ChangeLineForm

WHOLE = "Enter a whole number from 1 to 99"


@pytest.fixture(autouse=True)
def _without_token(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """These tests are about fields; the token has tests of its own."""
    monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", False)
    with app.test_request_context():
        yield


def filled(**fields: str) -> AddLineForm:
    return AddLineForm(MultiDict({"sku": "MUG", "quantity": "1", **fields}))


@pytest.mark.parametrize(("typed", "units"), [("1", 1), ("99", 99), (" 7 ", 7), ("007", 7)])
def test_a_quantity_is_a_whole_number(typed: str, units: int) -> None:
    form = filled(quantity=typed)
    assert form.validate(), form.errors
    assert form.quantity.units == units


@pytest.mark.parametrize(
    "typed", ["0", "-1", "+3", "100", "1.5", "two", "", " ", "NaN", "1e1", "0x1", "9" * 400, "1\0"]
)
def test_any_other_quantity_is_refused_in_plain_words(typed: str) -> None:
    form = filled(quantity=typed)
    assert not form.validate()
    assert form.errors == {"quantity": [WHOLE]}
    change = ChangeLineForm(MultiDict({"quantity": typed}))
    assert not change.validate()
    assert change.errors == {"quantity": [WHOLE]}


def test_a_change_without_quantity_is_refused() -> None:
    form = ChangeLineForm(MultiDict({"other": "1"}))
    assert not form.validate()
    assert form.errors == {"quantity": [WHOLE]}


@pytest.mark.parametrize("sku", ["", "x" * 101])
def test_an_invalid_sku_is_refused(sku: str) -> None:
    form = filled(sku=sku)
    assert not form.validate()
    assert list(form.errors) == ["sku"]


def test_the_default_place_of_a_form_is_the_product_page() -> None:
    form = filled()
    assert form.validate()
    assert (form.place.data, form.slot.data) == ("page", "grid")


@pytest.mark.parametrize(("slot", "kept"), [("loved", "loved"), ('"><script>', "grid"), ("", "grid")])
def test_unknown_slots_are_replaced(slot: str, kept: str) -> None:
    assert filled(slot=slot).slot.data == kept


def test_an_unknown_place_is_refused() -> None:
    form = filled(place="elsewhere")
    assert not form.validate()
    assert list(form.errors) == ["place"]
