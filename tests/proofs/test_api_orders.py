"""Bars B1 and B5 by the API: the last units, and one order sent many times, as programs and the old client send them.

The long form has the bars' own figures, the short one the same acts with fewer shoppers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import pytest
from sqlalchemy import select

from storefront.catalog.service import ProductCard
from storefront.db.session import read_session
from storefront.orders import service as orders
from storefront.orders.models import Order
from tests import consistency
from tests.api.order_payloads import order_body
from tests.consistency import Stock
from tests.factories.catalog import make_product
from tests.live_server import eventually
from tests.proofs.live_shop import Customer, Hall, Record, report
from tests.proofs.load_clients import Call, Reply
from tests.proofs.test_double import TIMES, letters_about

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


@pytest.mark.parametrize("door", [by_orders, by_checkout])
@pytest.mark.parametrize(("buyers", "units"), [(40, 10), pytest.param(500, 50, marks=pytest.mark.long)])
def test_as_many_orders_as_units_and_a_clear_word_for_everybody_else(
    hall: Hall, record_property: Record, buyers: int, units: int, door: Callable[[Customer, ProductCard, Body], Call]
) -> None:
    mug = make_product(name="Clay Mug", stock=units)
    letters, methods = hall.letters(), cycle(METHODS)
    customers = [hall.customer((mug, 1)) for _ in range(buyers)]
    replies = [reply for (reply,) in hall.call([door(each, mug, next(methods)) for each in customers])]
    report(record_property, replies, f"{Counter(reply.status for reply in replies)}")
    assert Counter(reply.status for reply in replies) == {200: units, 409: buyers - units}
    assert len({order_id(reply) for reply in replies if reply.status == 200}) == units
    assert consistency.stock_of(mug.sku) == Stock(on_hand=0, reserved=0)
    for customer, reply in zip(customers, replies, strict=True):
        if reply.status == 409:
            assert reply.body["error"]["code"] == "INSUFFICIENT_STOCK"
            assert "Clay Mug" in reply.body["message"]
        assert customer.kept == ({} if reply.status == 200 else {mug.sku: 1})
    assert max(reply.seconds for reply in replies) < 30
    eventually(lambda: hall.letters() == letters + units, "a letter for each order")
    hall.settle()


# ------------------------------------------------------------------------------------------ one order, often


@dataclass(frozen=True)
class Way:
    """A way to send one order many times.

    :ivar is_named: by an id or key, which makes it the same however late
    """

    send: Callable[[Customer, ProductCard], Call]
    is_named: bool = True


def order_of(mug: ProductCard, identity: str) -> Body:
    return order_body((mug, 2), id=identity, paymentMethod=METHODS[1])


WAYS = {
    "the client's id": Way(lambda who, mug: who.orders([order_of(mug, "ORD-1")] * TIMES)),
    "an Idempotency-Key": Way(lambda who, mug: who.orders([order_of(mug, f"ORD-{n}") for n in range(TIMES)], "a-key")),
    "a bare double click": Way(
        lambda who, mug: who.orders([order_of(mug, f"ORD-{n % 2}") for n in range(TIMES)]), False
    ),
    "a key to /checkout": Way(lambda who, mug: who.check_out(TIMES, "a-key")),
    "a bare double click to /checkout": Way(lambda who, mug: who.check_out(TIMES), False),
}


@pytest.mark.parametrize("way", WAYS)
def test_an_order_sent_twenty_times_at_once_then_late_then_by_somebody_else(
    hall: Hall, record_property: Record, way: str
) -> None:
    mug = make_product(stock=50)
    mine, theirs = hall.customer((mug, 2)), hall.customer((mug, 2))
    sent = WAYS[way].send(mine, mug)
    (replies,) = hall.call([sent])
    report(record_property, replies, f"{way}, {TIMES} times")
    assert {reply.status for reply in replies} == {200}
    assert len({order_id(reply) for reply in replies}) == 1
    assert consistency.stock_of(mug.sku) == Stock(on_hand=48, reserved=0)
    hall.settle()
    if WAYS[way].is_named:
        ((late,),) = hall.call([Call(sent.token, sent.path, sent.bodies[:1], sent.key)])
        assert order_id(late) == order_id(replies[0])
    stranger = WAYS[way].send(theirs, mug)
    ((other,),) = hall.call([Call(stranger.token, stranger.path, stranger.bodies[:1], stranger.key)])
    assert order_id(other) != order_id(replies[0])
    hall.settle()
    assert_one_of_everything(order_id(replies[0]))
    assert consistency.stock_of(mug.sku) == Stock(on_hand=46, reserved=0)


def assert_one_of_everything(number: str) -> None:
    checkout = read_session().scalars(select(Order.checkout_id).where(Order.order_id == number)).one()
    assert orders.get_order(number).unit_count == 2
    assert len(consistency.payments_of(checkout)) == len(consistency.charges_of(checkout)) == 1
    assert letters_about(number) == 1


def test_one_key_for_two_orders_at_once_is_one_order_and_refusals(hall: Hall) -> None:
    mug = make_product(stock=50)
    mine = hall.customer()
    right, wrong = hall.call(
        [mine.orders([order_of(mug, "ORD-1")] * 10, "k"), mine.orders([order_body((mug, 1))] * 10, "k")]
    )
    taken = [reply for reply in [*right, *wrong] if reply.status == 200]
    assert len({order_id(reply) for reply in taken}) == 1
    assert Counter(reply.status for reply in [*right, *wrong]) == {200: 10, 422: 10}
    hall.settle()
