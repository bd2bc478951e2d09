"""Drafts and placing an order: a checkout makes one order, at the total the shopper agreed to."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import update

from storefront.cart import service as cart
from storefront.catalog.listing.read_model import refresh
from storefront.catalog.models import Product, Variant
from storefront.catalog.values import ProductCard
from storefront.checkout import service as checkout
from storefront.checkout.values import (
    CartNotOrderable,
    CheckoutDraft,
    CheckoutState,
    Contact,
    DraftIncomplete,
    KeyReused,
    ReviewChanged,
    Shortage,
    UnknownCheckout,
)
from storefront.core.money import Money
from storefront.db.session import transaction
from storefront.orders import service as orders
from tests import consistency
from tests.consistency import Stock
from tests.factories.catalog import make_product, rupees
from tests.factories.shopping import ADDRESS, EMAIL, PHONE, agreed_now, make_cart, make_draft, place, return_url
from tests.factories.stock import receive

pytestmark = pytest.mark.usefixtures("app")


@pytest.fixture
def mug(app: Flask) -> ProductCard:
    return make_product(name="Clay Mug", price=500, stock=5)


def set_price(product: ProductCard, price: Money) -> None:
    with transaction("catalog") as session:
        session.execute(update(Variant).where(Variant.sku == product.sku).values(price=price.minor))
        refresh(session, [product.id])


def withdraw(product: ProductCard) -> None:
    with transaction("catalog") as session:
        session.execute(update(Product).where(Product.id == product.id).values(active=False))


# ----------------------------------------------------------------------------------------------- drafts


def test_a_draft_stores_each_step(mug: ProductCard) -> None:
    token = make_cart((mug, 1))
    draft = checkout.start(token)
    assert draft.missing_step == "contact"
    checkout.enter_contact(draft, Contact(EMAIL, PHONE))
    assert checkout.get_draft(draft.id, token).missing_step == "delivery"
    checkout.enter_delivery(draft, ADDRESS)
    assert checkout.get_draft(draft.id, token).missing_step == "payment"
    checkout.enter_payment(draft, "cod")
    saved = checkout.get_draft(draft.id, token)
    assert (saved.contact, saved.address, saved.payment) == (Contact(EMAIL, PHONE), ADDRESS, "cod")


def test_entering_a_step_again_replaces_only_that_step(mug: ProductCard) -> None:
    token = make_cart((mug, 1))
    draft = make_draft(token)
    checkout.enter_contact(draft, Contact("ravi@example.com", PHONE))
    saved = checkout.get_draft(draft.id, token)
    assert (saved.contact, saved.address) == (Contact("ravi@example.com", PHONE), ADDRESS)


def test_the_checkout_of_another_cart_is_unknown(mug: ProductCard) -> None:
    token = make_cart((mug, 1))
    draft = make_draft(token)
    for asked, by in ((draft.id, "another-cart"), (draft.id, None), ("no-such-checkout", token), (None, token)):
        with pytest.raises(UnknownCheckout):
            checkout.get_draft(asked, by)
        with pytest.raises(UnknownCheckout):
            checkout.outcome_of(asked, by)


def test_signing_in_moves_only_the_guests_own_checkout_to_the_account(mug: ProductCard) -> None:
    token = make_cart((mug, 1))
    draft = make_draft(token)
    checkout.transfer_to_account(draft.id, "another-cart", "account:7")
    assert checkout.get_draft(draft.id, token) == draft
    checkout.transfer_to_account(draft.id, token, "account:7")
    assert checkout.get_draft(draft.id, "account:7") == draft


def test_a_checkout_started_again_copies_the_entries(mug: ProductCard) -> None:
    token = make_cart((mug, 1))
    first = make_draft(token)
    second = checkout.start(token, like=first)
    assert second.id != first.id
    assert (second.contact, second.address, second.payment) == (first.contact, first.address, first.payment)


def test_entries_after_the_order_was_placed_are_ignored(mug: ProductCard) -> None:
    token = make_cart((mug, 1))
    draft = make_draft(token)
    place(draft, token)
    checkout.enter_contact(draft, Contact("ravi@example.com", PHONE))
    assert checkout.get_draft(draft.id, token).contact == Contact(EMAIL, PHONE)


# --------------------------------------------------------------------------------------------- ordering


def test_an_order_has_the_lines_and_figures_of_the_cart(mug: ProductCard) -> None:
    token = make_cart((mug, 2))
    outcome = place(make_draft(token), token)
    assert outcome.state is CheckoutState.COMPLETED
    assert outcome.order_id is not None
    order = orders.get_order(outcome.order_id)
    assert [(item.name, item.quantity) for item in order.items] == [("Clay Mug", 2)]
    assert (order.subtotal, order.shipping, order.tax) == (rupees(1000), rupees(500), rupees(180))
    assert order.grand_total == rupees(1680)
    assert order.address == ADDRESS


def test_an_order_placed_twice_is_one_order(mug: ProductCard) -> None:
    token = make_cart((mug, 2))
    draft = make_draft(token)
    agreed = agreed_now(draft.id, token)
    first = checkout.place_order(draft.id, token, agreed=agreed, return_url=return_url)
    assert checkout.place_order(draft.id, token, agreed=agreed, return_url=return_url) == first
    assert len(consistency.orders_of(draft.id)) == 1
    assert consistency.stock_of(mug.sku) == Stock(3, 0)


def test_a_later_repeat_of_a_submit_returns_the_same_order_and_leaves_the_cart_alone(mug: ProductCard) -> None:
    token = make_cart((mug, 2))
    draft = make_draft(token)
    agreed = agreed_now(draft.id, token)
    first = checkout.place_order(draft.id, token, agreed=agreed, return_url=return_url)
    cart.add_line(token, mug.sku, 3)
    assert checkout.place_order(draft.id, token, agreed=agreed, return_url=return_url) == first
    assert cart.count_units(token) == 3


def test_a_placed_checkout_is_refused_for_a_different_cart(mug: ProductCard) -> None:
    token = make_cart((mug, 2))
    draft = make_draft(token)
    place(draft, token)
    cart.add_line(token, mug.sku, 3)
    with pytest.raises(KeyReused):
        place(draft, token)
    assert len(consistency.orders_of(draft.id)) == 1
    assert cart.count_units(token) == 3


def test_another_carts_checkout_cannot_be_ordered(mug: ProductCard) -> None:
    draft = make_draft(make_cart((mug, 2)))
    other = make_cart((mug, 2))
    with pytest.raises(UnknownCheckout):
        place(draft, other)
    assert consistency.orders_of(draft.id) == []


@pytest.mark.parametrize("step", ["contact", "delivery", "payment"])
def test_no_step_can_be_skipped(mug: ProductCard, step: str) -> None:
    token = make_cart((mug, 1))
    draft = checkout.start(token)
    if step != "contact":
        checkout.enter_contact(draft, Contact(EMAIL, PHONE))
    if step != "delivery":
        checkout.enter_delivery(draft, ADDRESS)
    if step != "payment":
        checkout.enter_payment(draft, "cod")
    with pytest.raises(DraftIncomplete) as refusal:
        place(draft, token)
    assert refusal.value.step == step


def test_a_payment_method_that_is_no_longer_offered_must_be_chosen_again(mug: ProductCard) -> None:
    token = make_cart((mug, 1))
    with pytest.raises(DraftIncomplete) as refusal:
        place(make_draft(token, payment="cheque"), token)
    assert refusal.value.step == "payment"


# ------------------------------------------------------------------------------------- a cart that changed


def assert_not_placed(draft: CheckoutDraft, token: str) -> None:
    assert checkout.outcome_of(draft.id, token).state is CheckoutState.DRAFT
    assert consistency.orders_of(draft.id) == []
    assert consistency.payments_of(draft.id) == []


def test_a_changed_price_is_not_charged_before_the_shopper_saw_it(mug: ProductCard) -> None:
    token = make_cart((mug, 1))
    draft = make_draft(token)
    agreed = agreed_now(draft.id, token)
    set_price(mug, rupees(600))
    with pytest.raises(ReviewChanged) as refusal:
        checkout.place_order(draft.id, token, agreed=agreed, return_url=return_url)
    assert refusal.value.parts == ("products", "total")
    assert_not_placed(draft, token)


def test_a_changed_quantity_is_not_charged_before_the_shopper_saw_it(mug: ProductCard) -> None:
    token = make_cart((mug, 1))
    draft = make_draft(token)
    agreed = agreed_now(draft.id, token)
    cart.add_line(token, mug.sku, 1)
    with pytest.raises(ReviewChanged):
        checkout.place_order(draft.id, token, agreed=agreed, return_url=return_url)
    assert_not_placed(draft, token)


def test_other_products_of_the_same_price_are_refused(mug: ProductCard) -> None:
    jug = make_product(name="Clay Jug", price=500, stock=5)
    token = make_cart((mug, 1))
    draft = make_draft(token)
    agreed = agreed_now(draft.id, token)
    cart.remove_line(token, cart.quote(token).lines[0].id)
    cart.add_line(token, jug.sku, 1)
    with pytest.raises(ReviewChanged):
        checkout.place_order(draft.id, token, agreed=agreed, return_url=return_url)
    assert_not_placed(draft, token)


def test_an_empty_cart_cannot_be_ordered(mug: ProductCard) -> None:
    token = make_cart()
    draft = make_draft(token)
    with pytest.raises(CartNotOrderable) as refusal:
        place(draft, token)
    assert refusal.value.shortages == ()
    assert_not_placed(draft, token)


def test_a_cart_with_more_than_the_available_stock_cannot_be_ordered(mug: ProductCard) -> None:
    token = make_cart((mug, 4))
    draft = make_draft(token)
    receive(mug.sku, -2)
    with pytest.raises(CartNotOrderable) as refusal:
        place(draft, token)
    assert refusal.value.shortages == (Shortage("Clay Mug", left=3),)
    assert_not_placed(draft, token)


def test_a_cart_with_a_withdrawn_product_cannot_be_ordered(mug: ProductCard) -> None:
    token = make_cart((mug, 1))
    draft = make_draft(token)
    withdraw(mug)
    with pytest.raises(CartNotOrderable) as refusal:
        place(draft, token)
    assert refusal.value.shortages == (Shortage("Clay Mug", left=0),)
    assert_not_placed(draft, token)


# ---------------------------------------------------------------------------------------------- outcomes


def test_after_a_declined_payment_another_method_can_be_used(mug: ProductCard) -> None:
    token = make_cart((mug, 2))
    first = make_draft(token, payment="sandbox-decline")
    assert place(first, token).state is CheckoutState.FAILED
    second = checkout.start(token, like=first)
    checkout.enter_payment(second, "cod")
    assert place(second, token).state is CheckoutState.COMPLETED
    consistency.assert_balanced()


def test_a_declined_checkout_submitted_again_has_the_same_outcome(mug: ProductCard) -> None:
    token = make_cart((mug, 2))
    draft = make_draft(token, payment="sandbox-decline")
    first = place(draft, token)
    assert place(draft, token) == first
    assert len(consistency.payments_of(draft.id)) == 1


def test_the_payment_is_exactly_the_total_of_the_order(mug: ProductCard) -> None:
    set_price(mug, rupees("349.25"))
    token = make_cart((mug, 3))
    outcome = place(make_draft(token, payment="sandbox-success"), token)
    assert outcome.order_id is not None
    assert orders.get_order(outcome.order_id).grand_total == rupees("1736.35")
    consistency.assert_balanced()
