"""Bar B5: an order sent many times at once, late, from two tabs, by a stranger: one order, one charge, one letter."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from sqlalchemy import func, select

from storefront.db.session import db, read_session
from storefront.orders import events
from storefront.orders.models import Message
from storefront.payments.models import Payment, Refund
from storefront.payments.service import PaymentStatus
from tests import consistency
from tests.consistency import Stock
from tests.factories.catalog import make_product
from tests.factories.shopping import make_order
from tests.proofs.live_shop import PAYMENTS, Hall, Record, report
from tests.proofs.load_clients import Press, Visitor, cookie_of, session_of

TIMES = 20


def with_fields(body: str, **changed: str) -> str:
    return urlencode(dict(parse_qsl(body)) | changed)


def times_pressed(press: Press, times: int) -> Press:
    return Press(press.cookie, press.page, press.form, times)


def letters_about(order_id: str) -> int:
    """Letters sent about an order; one sent twice counts twice."""
    asked = select(func.sum(Message.attempts)).where(
        Message.topic.in_([events.ORDER_PLACED, events.CANCELLED_LETTER]), Message.key.endswith(f"/{order_id}")
    )
    return int(read_session().scalar(asked) or 0)


@pytest.mark.parametrize("payment", PAYMENTS)
def test_one_form_sent_twenty_times_at_once_then_late_then_by_a_stranger_is_one_order(
    hall: Hall, record_property: Record, payment: str
) -> None:
    mug = make_product(stock=50)
    first, stranger = hall.shopper((mug, 2), payment=payment), hall.shopper((mug, 1))
    checkout = session_of(hall.app, first.cookie)["checkout"]
    host = urlsplit(hall.live.origin).netloc
    tab, theirs = Visitor(host, first.cookie), Visitor(host, stranger.cookie)
    path, form = tab.prepare(first)

    (answers,) = hall.press([Press(tab.cookie, first.page, first.form, TIMES)])
    report(record_property, answers, f"one form {TIMES} times")
    assert {answer.order_id for answer in answers} == {answers[0].order_id}
    late = tab.press(path, form)
    assert late.order_id == answers[0].order_id
    _, foreign = theirs.prepare(stranger)
    assert theirs.press(path, with_fields(foreign, key=checkout)).statuses == [404]

    hall.settle()
    assert len(consistency.orders_of(checkout)) == len(consistency.payments_of(checkout)) == 1
    assert len(consistency.charges_of(checkout)) == (payment != "cod")
    assert consistency.stock_of(mug.sku) == Stock(on_hand=48, reserved=0)
    assert letters_about(late.order_id) == 1


def test_two_tabs_with_the_same_review_lead_to_the_same_order(hall: Hall) -> None:
    shopper = hall.shopper((make_product(stock=50), 1), payment="sandbox-success")
    answers = [answer for (answer,) in hall.press([shopper, shopper, shopper])]
    assert len({answer.order_id for answer in answers}) == 1
    assert all(answer.has_order for answer in answers)
    hall.settle()


def test_a_form_that_was_ordered_with_is_refused_with_other_contents(hall: Hall) -> None:
    mug = make_product(stock=50)
    shopper = hall.shopper((mug, 1), payment="sandbox-success")
    checkout = session_of(hall.app, shopper.cookie)["checkout"]
    tab = Visitor(urlsplit(hall.live.origin).netloc, shopper.cookie)
    path, form = tab.prepare(shopper)
    assert tab.press(path, form).has_order
    refused = tab.press(path, with_fields(form, total="0" * 32))
    assert refused.statuses == [422]
    db.session.rollback()
    assert len(consistency.orders_of(checkout)) == len(consistency.charges_of(checkout)) == 1
    assert consistency.stock_of(mug.sku) == Stock(on_hand=49, reserved=0)
    hall.settle()


def test_two_contents_under_one_key_at_once_are_one_order_and_refusals(hall: Hall) -> None:
    mug = make_product(stock=50)
    shopper = hall.shopper((mug, 1))
    other = Press(shopper.cookie, shopper.page, shopper.form, 10, {"total": "0" * 32})
    right, wrong = hall.press([times_pressed(shopper, 10), other])
    assert len({answer.order_id for answer in right}) == 1
    assert all(answer.has_order for answer in right)
    for (
        answer
    ) in wrong:  # one that was read before the order and answered after it is shown the order, or its empty cart
        assert answer.statuses[-1] in {409, 422} or answer.path == "/cart" or answer.order_id == right[0].order_id
    assert consistency.stock_of(mug.sku) == Stock(on_hand=49, reserved=0)
    hall.settle()


@pytest.mark.parametrize("payment", PAYMENTS)
def test_cancelled_twenty_times_at_once_goods_and_money_go_back_once(
    hall: Hall, record_property: Record, payment: str
) -> None:
    mug = make_product(stock=50)
    order = make_order((mug, 2), payment=payment)
    page = f"/orders/{order.id}"
    press = Press(cookie_of(hall.app, orders=[order.id]), page, "form[action$=cancellation]", TIMES)
    (answers,) = hall.press([press])
    report(record_property, answers, f"one cancellation {TIMES} times")
    assert {tuple(answer.statuses) for answer in answers} == {(303, 200)}
    hall.settle()
    assert consistency.stock_of(mug.sku) == Stock(on_hand=50, reserved=0)
    paid = read_session().scalars(select(Payment).where(Payment.order_id == order.id)).one()
    assert paid.status == (PaymentStatus.VOIDED if payment == "cod" else PaymentStatus.REFUNDED)
    refunds = read_session().scalars(select(Refund.amount).where(Refund.payment_id == paid.id)).all()
    assert refunds == ([] if payment == "cod" else [order.grand_total.minor])
    assert letters_about(order.id) == 2  # confirmed, cancelled
