"""Concurrent orders by the API: the last units of a product, and one order sent many times.

The long tests do the same with more customers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import pytest
from sqlalchemy import select

from storefront.catalog.values import ProductCard
from storefront.db.session import read_session
from storefront.orders import service as orders
from storefront.orders.models import Order
from tests import consistency
from tests.api.order_payloads import order_body
from tests.consistency import Stock
from tests.factories.catalog import make_product
from tests.live_server import eventually
from tests.proofs.live_shop import Customer, LoadShop, Record, report
from tests.proofs.load_clients import Call, Reply
from tests.proofs.test_double import TIMES, emails_about

Body = dict[str, Any]

METHODS: list[Body] = [{"type": "cod"}, {"type": "card", "cardNumber": "4242"}, {"type": "upi", "upiId": "asha@okbank"}]


def by_orders(customer: Customer, mug: ProductCard, method: Body) -> Call:
    return customer.orders([order_body((mug, 1), paymentMethod=method)])


def by_checkout(customer: Customer, mug: ProductCard, method: Body) -> Call:
    return customer.check_out(method=method["type"])


def order_id(reply: Reply) -> str:
    body = reply.body.get("order", reply.body)
    return str(body["id"])


# ------------------------------------------------------------------------------------------- the last units


@pytest.mark.parametrize("endpoint", [by_orders, by_checkout])
@pytest.mark.parametrize(("buyers", "units"), [(20, 6), pytest.param(500, 50, marks=pytest.mark.long)])
def test_only_as_many_orders_as_units_succeed_and_the_rest_get_a_clear_error(
    load_shop: LoadShop,
    record_property: Record,
    buyers: int,
    units: int,
    endpoint: Callable[[Customer, ProductCard, Body], Call],
) -> None:
    mug = make_product(name="Clay Mug", stock=units)
    emails_before, methods = load_shop.order_emails(), cycle(METHODS)
    customers = [load_shop.customer((mug, 1)) for _ in range(buyers)]
    replies = [reply for (reply,) in load_shop.call([endpoint(each, mug, next(methods)) for each in customers])]
    report(record_property, replies, f"{Counter(reply.status for reply in replies)}")
    assert Counter(reply.status for reply in replies) == {200: units, 409: buyers - units}
    assert len({order_id(reply) for reply in replies if reply.status == 200}) == units
    assert consistency.stock_of(mug.sku) == Stock(on_hand=0, reserved=0)
    for customer, reply in zip(customers, replies, strict=True):
        if reply.status == 409:
            assert reply.body["error"]["code"] == "INSUFFICIENT_STOCK"
            assert "Clay Mug" in reply.body["message"]
        assert customer.cart_units == ({} if reply.status == 200 else {mug.sku: 1})
    assert max(reply.seconds for reply in replies) < 30
    eventually(lambda: load_shop.order_emails() == emails_before + units, "an e-mail for each order")
    load_shop.settle()


# ------------------------------------------------------------------------------------------ repeated orders


@dataclass(frozen=True)
class Repetition:
    """A way to send one order many times.

    :ivar has_key: it has an id or key, so that a late repeat is the same order, too
    """

    send: Callable[[Customer, ProductCard], Call]
    has_key: bool = True


def order_of(mug: ProductCard, identity: str) -> Body:
    return order_body((mug, 2), id=identity, paymentMethod=METHODS[1])


REPETITIONS = {
    "the client's id": Repetition(lambda who, mug: who.orders([order_of(mug, "ORD-1")] * TIMES)),
    "an Idempotency-Key": Repetition(
        lambda who, mug: who.orders([order_of(mug, f"ORD-{n}") for n in range(TIMES)], "a-key")
    ),
    "a bare double click": Repetition(
        lambda who, mug: who.orders([order_of(mug, f"ORD-{n % 2}") for n in range(TIMES)]), False
    ),
    "a key to /checkout": Repetition(lambda who, mug: who.check_out(TIMES, "a-key")),
    "a bare double click to /checkout": Repetition(lambda who, mug: who.check_out(TIMES), False),
}


@pytest.mark.parametrize("repetition", REPETITIONS)
def test_an_order_sent_twenty_times_at_once_and_again_later_is_one_order(
    load_shop: LoadShop, record_property: Record, repetition: str
) -> None:
    """The same request from another customer is another order."""
    mug = make_product(stock=50)
    mine, theirs = load_shop.customer((mug, 2)), load_shop.customer((mug, 2))
    sent = REPETITIONS[repetition].send(mine, mug)
    (replies,) = load_shop.call([sent])
    report(record_property, replies, f"{repetition}, {TIMES} times")
    assert {reply.status for reply in replies} == {200}
    assert len({order_id(reply) for reply in replies}) == 1
    assert consistency.stock_of(mug.sku) == Stock(on_hand=48, reserved=0)
    load_shop.settle()
    if REPETITIONS[repetition].has_key:
        ((late,),) = load_shop.call([Call(sent.token, sent.path, sent.bodies[:1], sent.key)])
        assert order_id(late) == order_id(replies[0])
    stranger = REPETITIONS[repetition].send(theirs, mug)
    ((other,),) = load_shop.call([Call(stranger.token, stranger.path, stranger.bodies[:1], stranger.key)])
    assert order_id(other) != order_id(replies[0])
    load_shop.settle()
    assert_one_of_everything(order_id(replies[0]))
    assert consistency.stock_of(mug.sku) == Stock(on_hand=46, reserved=0)


def assert_one_of_everything(number: str) -> None:
    checkout = read_session().scalars(select(Order.checkout_id).where(Order.order_id == number)).one()
    assert orders.get_order(number).unit_count == 2
    assert len(consistency.payments_of(checkout)) == len(consistency.charges_of(checkout)) == 1
    assert emails_about(number) == 1


def test_two_orders_with_one_key_at_once_are_one_order_and_errors(load_shop: LoadShop) -> None:
    mug = make_product(stock=50)
    mine = load_shop.customer()
    right, wrong = load_shop.call(
        [mine.orders([order_of(mug, "ORD-1")] * 10, "k"), mine.orders([order_body((mug, 1))] * 10, "k")]
    )
    accepted = [reply for reply in [*right, *wrong] if reply.status == 200]
    assert len({order_id(reply) for reply in accepted}) == 1
    assert Counter(reply.status for reply in [*right, *wrong]) == {200: 10, 422: 10}
    load_shop.settle()


# -------------------------------------------------------------------------------- one cart on many devices


@pytest.mark.parametrize("customers", [2, pytest.param(60, marks=pytest.mark.long)])
def test_devices_tabs_and_programs_that_order_one_cart_at_once_make_one_order(
    load_shop: LoadShop, record_property: Record, customers: int
) -> None:
    """A1: two devices with three tabs, the API by its products and by its cart; each is shown the one order."""
    mug = make_product(stock=5 * customers)
    people = [load_shop.customer((mug, 2)) for _ in range(customers)]
    presses = [load_shop.device(one, "cod", 2) for one in people]
    presses += [load_shop.device(one, "sandbox-success") for one in people]
    calls = [one.orders([order_body((mug, 2), id=None, paymentMethod=METHODS[2])]) for one in people]
    calls += [one.check_out() for one in people]
    answers, replies = load_shop.press_and_call(presses, calls)
    report(record_property, [answer for group in answers for answer in group], f"one cart, {customers} customers")
    load_shop.settle()
    for number, one in enumerate(people):
        mine = read_session().scalars(select(Order.order_id).where(Order.customer_id == one.account.id)).all()
        assert len(mine) == 1, mine
        assert orders.get_order(mine[0]).unit_count == 2
        assert one.cart_units == {}
        for answer in (*answers[number], *answers[customers + number]):
            assert answer.order_id == mine[0], answer
        for (reply,) in (replies[number], replies[customers + number]):
            assert_told_of(reply, mine[0])
    assert consistency.stock_of(mug.sku) == Stock(on_hand=3 * customers, reserved=0)


def assert_told_of(reply: Reply, number: str) -> None:
    """The API answers with the one order, or says that the cart is being ordered, or was."""
    if reply.status == 200:
        assert order_id(reply) == number
    else:
        code = reply.body["error"]["code"]
        assert (reply.status, code) in {(409, "ORDER_IN_PROGRESS"), (409, "CART_EMPTY")}, reply
        assert code != "CART_EMPTY" or number in reply.body["message"]
