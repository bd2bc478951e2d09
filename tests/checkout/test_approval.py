"""A6: a large unpaid order of somebody who proved no address waits for staff, and takes no stock meanwhile."""

from __future__ import annotations

import pytest
from flask import Flask

from storefront.accounts.values import Account
from storefront.cart import service as cart
from storefront.catalog.values import OutOfStock, ProductCard
from storefront.checkout import service as checkout
from storefront.checkout.service import approval
from storefront.checkout.values import CheckoutState, Contact, DirectOrder, NotHeld
from storefront.cli import consistency as doctor
from storefront.core import clock
from storefront.orders import service as orders
from storefront.orders.values import OrderStatus, OrderView
from storefront.payments import service as payments
from tests import consistency
from tests.consistency import Stock
from tests.factories.accounts import make_account
from tests.factories.catalog import make_product
from tests.factories.refunds import deliver
from tests.factories.shopping import ADDRESS, EMAIL, PHONE, agreed_now, make_cart, make_draft, make_order, place
from tests.fakes import Clock, MemoryPost

UNITS, TOTAL = 50, 200_000  # the defaults of UNPROVED_ORDER_MAX_UNITS and UNPROVED_ORDER_MAX_TOTAL


def api_order(account: Account, product: ProductCard, units: int, kind: str = "cod") -> OrderView:
    """Place an order as a client of the API does."""
    payment = payments.offline_option(kind, lender="Klarna")
    assert payment is not None
    token = cart.cart_key_of(account.id)
    wanted = DirectOrder({product.id: units}, Contact(EMAIL, PHONE), ADDRESS, payment)
    outcome = checkout.place_direct_order(token, wanted)
    assert outcome.order_id is not None, outcome
    return orders.get_order(outcome.order_id)


def held_order(units: int = UNITS + 1, *, stock: int = 80) -> tuple[OrderView, ProductCard]:
    mug = make_product(name="Clay Mug", price=100, stock=stock)
    return make_order((mug, units)), mug


@pytest.mark.parametrize(
    ("units", "price", "payment", "status"),
    [
        (UNITS, 100, "cod", OrderStatus.CONFIRMED),
        (UNITS + 1, 100, "cod", OrderStatus.PENDING),
        (1, TOTAL / 1.18 - 0.01, "cod", OrderStatus.CONFIRMED),
        (1, TOTAL / 1.18 + 1, "cod", OrderStatus.PENDING),
        (UNITS + 1, 100, "upi", OrderStatus.PENDING),
        (UNITS + 1, 100, "bnpl", OrderStatus.PENDING),
        (UNITS + 1, 100, "sandbox-success", OrderStatus.CONFIRMED),
    ],
)
def test_a_guests_order_above_either_bound_waits_unless_it_is_paid(
    app: Flask, units: int, price: float, payment: str, status: OrderStatus
) -> None:
    mug = make_product(price=f"{price:.2f}", stock=99)
    order = make_order((mug, units), payment=payment)
    assert (order.status, order.is_held) == (status, status is OrderStatus.PENDING)
    left = 99 - (0 if order.is_held else units)
    assert consistency.stock_of(mug.sku) == Stock(on_hand=left, reserved=0)


def test_an_account_without_a_confirmed_address_waits_and_one_with_does_not(app: Flask) -> None:
    mug = make_product(price=100, stock=500)
    assert api_order(make_account(verified=False), mug, UNITS + 1).is_held
    assert not api_order(make_account(), mug, UNITS + 1).is_held
    assert not api_order(make_account(email=None, phone="+919876543210"), mug, UNITS + 1).is_held


def test_the_bounds_are_settings(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "UNPROVED_ORDER_MAX_UNITS", 1)
    assert make_order((make_product(), 2)).is_held
    monkeypatch.setitem(app.config, "UNPROVED_ORDER_MAX_UNITS", 99)
    assert not held_order()[0].is_held


def test_a_waiting_order_is_there_once_its_cart_is_empty_and_its_customer_is_told(app: Flask, post: MemoryPost) -> None:
    mug = make_product(price=100, stock=80)
    token = make_cart((mug, UNITS + 1))
    draft = make_draft(token)
    agreed = agreed_now(draft.id, token)
    first = place(draft, token)
    again = checkout.place_order(draft.id, token, agreed=agreed, return_url=str)
    assert first.order_id == again.order_id
    assert not cart.quote(token).lines
    deliver()
    assert [mail.subject for mail in post.letters] == [f"We have received your order {first.order_id}"]
    assert "check it before we confirm it" in post.letters[0].text
    assert list(doctor.violations()) == []


def test_a_released_order_goes_on_as_any_other(app: Flask, post: MemoryPost) -> None:
    order, mug = held_order()
    approval.release(order.checkout_id, actor="meera@example.com")
    released = orders.get_order(order.id)
    assert (released.status, released.is_held) == (OrderStatus.CONFIRMED, False)
    assert consistency.stock_of(mug.sku) == Stock(on_hand=80 - UNITS - 1, reserved=0)
    deliver()
    assert post.letters[-1].subject == f"Your order {order.id}"
    assert [entry.actor for entry in orders.admin_list.acts_of(order.id)] == ["meera@example.com"]
    for decide in (approval.release, lambda checkout, actor: approval.refuse(checkout, "No", actor=actor)):
        with pytest.raises(NotHeld):
            decide(order.checkout_id, actor="ravi@example.com")
    assert list(doctor.violations()) == []


def test_a_refused_order_is_cancelled_and_its_customer_reads_why(app: Flask, post: MemoryPost) -> None:
    order, mug = held_order()
    approval.refuse(order.checkout_id, "We could not reach you by phone", actor="meera@example.com")
    refused = orders.get_order(order.id)
    assert refused.status is OrderStatus.CANCELLED
    assert refused.timeline[-1].note == "We could not reach you by phone"
    assert consistency.stock_of(mug.sku) == Stock(on_hand=80, reserved=0)
    deliver()
    assert "You have not paid anything" in post.letters[-1].text
    assert not orders.credit_notes_of(refused)
    with pytest.raises(NotHeld):
        approval.release(order.checkout_id, actor="ravi@example.com")
    assert list(doctor.violations()) == []


def test_an_order_whose_goods_are_gone_stays_until_there_are_more(app: Flask) -> None:
    order, mug = held_order()
    make_order((mug, 40))
    with pytest.raises(OutOfStock):
        approval.release(order.checkout_id, actor="meera@example.com")
    assert orders.get_order(order.id).is_held
    assert consistency.stock_of(mug.sku) == Stock(on_hand=40, reserved=0)


def test_a_release_that_died_is_finished_by_the_worker(app: Flask, now: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    order, mug = held_order()
    with monkeypatch.context() as dying:
        dying.setattr("storefront.checkout.approval.saga.resume", lambda checkout: None)
        approval.release(order.checkout_id, actor="meera@example.com")
    now.advance(minutes=1)
    checkout.resume_unfinished()
    assert orders.get_order(order.id).status is OrderStatus.CONFIRMED
    assert consistency.stock_of(mug.sku).reserved == 0
    assert clock.utc_now() > order.placed_at


def test_the_order_of_a_deleted_account_is_refused(app: Flask) -> None:
    account = make_account(verified=False)
    order = api_order(account, make_product(price=100, stock=80), UNITS + 1)
    checkout.erase(cart.cart_key_of(account.id))
    assert orders.get_order(order.id).status is OrderStatus.CANCELLED
    assert checkout.outcome_of(order.checkout_id, cart.cart_key_of(account.id)).state is CheckoutState.FAILED
