"""The JSON in a checkout's record, and the snapshot of a cart."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from flask import Flask

from storefront.cart import service as cart
from storefront.catalog.values import Hold
from storefront.checkout import snapshot as plans
from storefront.checkout.snapshot import PlacedOrder
from storefront.checkout.values import Contact
from storefront.payments.service import find_option
from storefront.payments.values import PaymentOption
from tests.factories.catalog import make_product, rupees
from tests.factories.shopping import ADDRESS, EMAIL, PHONE, make_cart, make_draft, make_snapshot

CASH = PaymentOption("cod", "Cash on delivery", "Pay the courier.", "cod", "Cash on Delivery")


def test_a_placed_order_survives_json() -> None:
    placed = PlacedOrder(make_snapshot(name="Müg – “blue” ☕"), CASH, "/checkout/placing/1")
    assert plans.load(json.loads(json.dumps(plans.dump(placed)))) == placed


def test_a_placed_order_of_an_account_survives_json() -> None:
    snapshot = replace(make_snapshot(price=rupees("349.25")), customer_id=7)
    assert plans.load(plans.dump(PlacedOrder(snapshot, CASH, ""))).snapshot == snapshot


def test_a_placed_order_lists_units_to_reserve_and_units_bought() -> None:
    placed = PlacedOrder(make_snapshot(quantity=3), CASH, "")
    assert placed.holds == [Hold("MUG-1", 3)]
    assert placed.bought == {"MUG-1": 3}


@pytest.mark.parametrize(
    ("entered", "missing"),
    [
        ({}, "contact"),
        ({"contact": {"email": EMAIL, "phone": PHONE}}, "delivery"),
        ({"delivery": plans.entry(ADDRESS)}, "contact"),
        ({"contact": {"email": EMAIL, "phone": PHONE}, "delivery": plans.entry(ADDRESS)}, "payment"),
    ],
)
def test_a_draft_names_its_first_missing_step(entered: dict[str, object], missing: str) -> None:
    assert plans.load_draft("1", entered).missing_step == missing


def test_a_draft_survives_json() -> None:
    entered = {"contact": plans.entry(Contact(EMAIL, PHONE)), "delivery": plans.entry(ADDRESS), "payment": "cod"}
    draft = plans.load_draft("1", json.loads(json.dumps(entered)))
    assert (draft.contact, draft.address, draft.payment) == (Contact(EMAIL, PHONE), ADDRESS, "cod")
    assert draft.missing_step is None


def test_a_snapshot_has_every_line_and_figure_of_the_cart(app: Flask) -> None:
    mug = make_product(name="Clay Mug", price="349.25", stock=9)
    shirt = make_product(name="Shirt", price=900, options=(("M", 4),))
    token = make_cart((mug, 3))
    cart.add_line(token, f"{shirt.sku}-M", 1)
    option = find_option("sandbox-success")
    assert option is not None
    quote = cart.quote(token)
    snapshot = plans.snapshot_of(make_draft(token), quote, option)
    assert [(i.name, i.option, i.quantity, i.line_total) for i in snapshot.items] == [
        ("Clay Mug", "", 3, rupees("1047.75")),
        ("Shirt", "M", 1, rupees(900)),
    ]
    assert (snapshot.subtotal, snapshot.shipping, snapshot.tax, snapshot.grand_total) == (
        rupees("1947.75"),
        rupees(500),
        rupees("350.60"),
        rupees("2798.35"),
    )
    assert (snapshot.payment_kind, snapshot.payment_details) == ("card", "**** **** **** 4242")
