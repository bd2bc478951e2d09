"""What a shopper agrees to: every value of the review page, and nothing else is ordered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask

from storefront.cart import service as cart
from storefront.checkout import service as checkout
from storefront.checkout.review import Review
from storefront.checkout.values import MAX_FINGERPRINT_LENGTH, CheckoutState, Contact, ReviewChanged
from storefront.core.money import Money
from storefront.orders import service as orders
from tests import consistency
from tests.factories.catalog import make_product
from tests.factories.shopping import ADDRESS, EMAIL, PHONE, agreed_now, make_cart, make_draft, return_url
from tests.fakes import Clock

UNSEEN = {"id", "refunded", "in_return"}  # of a line item: facts of an order that exists


@pytest.fixture
def review(app: Flask) -> Review:
    token = make_cart((make_product(name="Clay Mug"), 2), (make_product(name="Bowl"), 1))
    draft = make_draft(token, payment="bnpl")
    return checkout.review_of(draft, cart.quote(token), None)


def other(value: Any) -> Any:
    """Another value of the same type."""
    if isinstance(value, Money):
        return Money(value.minor + 1, value.currency)
    if isinstance(value, date):
        return value + timedelta(days=1)
    if isinstance(value, str):
        return value + "x"
    return 1 if value is None else value + 1


def changed(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value that differs from a dataclass in one leaf, with the leaf's path."""
    for field in fields(value):
        part = getattr(value, field.name)
        if field.name in UNSEEN:
            continue
        if is_dataclass(part) and not isinstance(part, Money):
            for name, new in changed(part, f"{path}{field.name}."):
                yield name, replace(value, **{field.name: new})
        elif isinstance(part, tuple):
            yield f"{path}{field.name}.less", replace(value, **{field.name: part[1:]})
            for number, member in enumerate(part):
                for name, new in changed(member, f"{path}{field.name}[{number}]."):
                    yield name, replace(value, **{field.name: (*part[:number], new, *part[number + 1 :])})
        else:
            yield f"{path}{field.name}", replace(value, **{field.name: other(part)})


def test_whatever_differs_on_the_review_another_fingerprint_is_agreed_to(review: Review) -> None:
    """A2: any value, also one that is added to the review later."""
    variants = dict(changed(review))
    assert {"snapshot.email", "snapshot.address.line1", "payment.lender", "arrives_on", "tax_rate"} <= variants.keys()
    assert {"cart_content", "snapshot.items[1].unit_price", "snapshot.grand_total", "payment.hint"} <= variants.keys()
    same = [name for name, variant in variants.items() if variant.fingerprint == review.fingerprint]
    assert not same
    assert len(review.fingerprint) <= MAX_FINGERPRINT_LENGTH
    assert not review.changes_since(review.fingerprint)


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("snapshot.phone", ["contact details"]),
        ("snapshot.address.city", ["delivery"]),
        ("arrives_on", ["delivery"]),
        ("payment.label", ["payment method"]),
        ("snapshot.items[0].name", ["products"]),
        ("tax_rate", ["total"]),
    ],
)
def test_the_part_that_changed_is_named(review: Review, path: str, parts: list[str]) -> None:
    assert dict(changed(review))[path].changes_since(review.fingerprint) == parts


@pytest.mark.parametrize("forged", ["", "x", "0" * 32, "..", "\0.\0.\0.\0.\0.\0"])
def test_of_a_fingerprint_that_is_none_everything_has_changed(review: Review, forged: str) -> None:
    assert len(review.changes_since(forged)) == 5


CHANGES = {
    "contact details": lambda draft: checkout.enter_contact(draft, Contact("ravi@example.com", PHONE)),
    "delivery": lambda draft: checkout.enter_delivery(draft, replace(ADDRESS, line1="13 Hill Road")),
    "payment method": lambda draft: checkout.enter_payment(draft, "sandbox-success"),
}


@pytest.mark.parametrize("part", CHANGES)
def test_what_another_tab_changed_is_not_ordered_by_an_old_review(app: Flask, part: str) -> None:
    """A2: of the three the fingerprint knew none."""
    token = make_cart((make_product(), 1))
    draft = make_draft(token)
    agreed = agreed_now(draft.id, token)
    CHANGES[part](draft)
    with pytest.raises(ReviewChanged) as refusal:
        checkout.place_order(draft.id, token, agreed=agreed, return_url=return_url)
    assert refusal.value.parts == (part,)
    assert checkout.outcome_of(draft.id, token).state is CheckoutState.DRAFT
    assert consistency.orders_of(draft.id) == []


def test_what_is_ordered_is_what_was_reviewed(app: Flask) -> None:
    """A2: the order has the values of the review, one by one."""
    token = make_cart((make_product(price=500), 2))
    draft = make_draft(token, payment="upi")
    review = checkout.review_of(draft, cart.quote(token), None)
    outcome = checkout.place_order(draft.id, token, agreed=review.fingerprint, return_url=return_url)
    order, shown = orders.get_order(outcome.order_id or ""), review.snapshot
    assert (order.email, order.phone, order.address, order.items) == (EMAIL, PHONE, review.address, shown.items)
    assert (order.subtotal, order.shipping, order.tax) == (shown.subtotal, shown.shipping, shown.tax)
    assert (order.grand_total, order.estimated_on) == (shown.grand_total, review.arrives_on)
    assert (order.payment_kind, order.payment_details) == ("upi", review.payment.details)
    assert review.tax_rate == Decimal("0.18")


def test_a_later_day_of_arrival_is_shown_before_it_is_ordered(app: Flask, now: Clock) -> None:
    """A2: a page opened yesterday."""
    token = make_cart((make_product(), 1))
    draft = make_draft(token)
    agreed = agreed_now(draft.id, token)
    now.advance(days=1)
    with pytest.raises(ReviewChanged) as refusal:
        checkout.place_order(draft.id, token, agreed=agreed, return_url=return_url)
    assert refusal.value.parts == ("delivery",)
