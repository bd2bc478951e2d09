"""An order sent many times at once, late, from two tabs or by a stranger is one order, one charge and one e-mail."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from sqlalchemy import func, select

from storefront.db.session import db, read_session
from storefront.orders import events
from storefront.orders.models import Message
from storefront.payments.models import Payment, Refund
from storefront.payments.values import PaymentStatus
from tests import consistency
from tests.consistency import Stock
from tests.factories.catalog import make_product
from tests.factories.shopping import make_order
from tests.proofs.live_shop import PAYMENTS, LoadShop, Record, guest_cookie, report
from tests.proofs.load_clients import Press, Visitor, session_of

TIMES = 20


def with_fields(body: str, **changed: str) -> str:
    return urlencode(dict(parse_qsl(body)) | changed)


def times_pressed(press: Press, times: int) -> Press:
    return Press(press.cookie, press.page, press.form, times)


def emails_about(order_id: str) -> int:
    """Number of e-mails sent about an order; one sent twice counts twice."""
    attempts = select(func.sum(Message.attempts)).where(
        Message.topic.in_([events.ORDER_PLACED, events.CANCELLED_LETTER]), Message.key.endswith(f"/{order_id}")
    )
    return int(read_session().scalar(attempts) or 0)


@pytest.mark.parametrize("payment", PAYMENTS)
def test_one_form_sent_twenty_times_at_once_and_again_later_is_one_order(
    load_shop: LoadShop, record_property: Record, payment: str
) -> None:
    """A stranger who sends the form gets 404."""
    mug = make_product(stock=50)
    first, stranger = load_shop.shopper((mug, 2), payment=payment), load_shop.shopper((mug, 1))
    checkout = session_of(load_shop.app, first.cookie)["checkout"]
    host = urlsplit(load_shop.live.origin).netloc
    tab, theirs = Visitor(host, first.cookie), Visitor(host, stranger.cookie)
    path, form = tab.prepare(first)

    (answers,) = load_shop.press([Press(tab.cookie, first.page, first.form, TIMES)])
    report(record_property, answers, f"one form {TIMES} times")
    assert {answer.order_id for answer in answers} == {answers[0].order_id}
    late = tab.press(path, form)
    assert late.order_id == answers[0].order_id
    _, foreign = theirs.prepare(stranger)
    assert theirs.press(path, with_fields(foreign, key=checkout)).statuses == [404]

    load_shop.settle()
    assert len(consistency.orders_of(checkout)) == len(consistency.payments_of(checkout)) == 1
    assert len(consistency.charges_of(checkout)) == (payment != "cod")
    assert consistency.stock_of(mug.sku) == Stock(on_hand=48, reserved=0)
    assert emails_about(late.order_id) == 1


def test_two_tabs_with_the_same_review_lead_to_the_same_order(load_shop: LoadShop) -> None:
    shopper = load_shop.shopper((make_product(stock=50), 1), payment="sandbox-success")
    answers = [answer for (answer,) in load_shop.press([shopper, shopper, shopper])]
    assert len({answer.order_id for answer in answers}) == 1
    assert all(answer.has_order for answer in answers)
    load_shop.settle()


def test_a_used_form_with_other_contents_is_refused(load_shop: LoadShop) -> None:
    mug = make_product(stock=50)
    shopper = load_shop.shopper((mug, 1), payment="sandbox-success")
    checkout = session_of(load_shop.app, shopper.cookie)["checkout"]
    tab = Visitor(urlsplit(load_shop.live.origin).netloc, shopper.cookie)
    path, form = tab.prepare(shopper)
    assert tab.press(path, form).has_order
    refused = tab.press(path, with_fields(form, agreed="0" * 32))
    assert refused.statuses == [422]
    db.session.rollback()
    assert len(consistency.orders_of(checkout)) == len(consistency.charges_of(checkout)) == 1
    assert consistency.stock_of(mug.sku) == Stock(on_hand=49, reserved=0)
    load_shop.settle()


def test_two_contents_with_one_key_at_once_are_one_order_and_errors(load_shop: LoadShop) -> None:
    mug = make_product(stock=50)
    shopper = load_shop.shopper((mug, 1))
    other = Press(shopper.cookie, shopper.page, shopper.form, 10, {"agreed": "0" * 32})
    right, wrong = load_shop.press([times_pressed(shopper, 10), other])
    assert len({answer.order_id for answer in right}) == 1
    assert all(answer.has_order for answer in right)
    for answer in wrong:
        # One that was read before the order and answered after it is shown the order, or the empty cart.
        assert answer.statuses[-1] in {409, 422} or answer.path == "/cart" or answer.order_id == right[0].order_id
    assert consistency.stock_of(mug.sku) == Stock(on_hand=49, reserved=0)
    load_shop.settle()


@pytest.mark.parametrize("payment", PAYMENTS)
def test_twenty_cancellations_at_once_restock_and_refund_once(
    load_shop: LoadShop, record_property: Record, payment: str
) -> None:
    mug = make_product(stock=50)
    order = make_order((mug, 2), payment=payment)
    page = f"/orders/{order.id}"
    press = Press(guest_cookie(load_shop.app, orders=[order.id]), page, "form[action$=cancellation]", TIMES)
    (answers,) = load_shop.press([press])
    report(record_property, answers, f"one cancellation {TIMES} times")
    assert {tuple(answer.statuses) for answer in answers} == {(303, 200)}
    load_shop.settle()
    assert consistency.stock_of(mug.sku) == Stock(on_hand=50, reserved=0)
    paid = read_session().scalars(select(Payment).where(Payment.order_id == order.id)).one()
    assert paid.status == (PaymentStatus.VOIDED if payment == "cod" else PaymentStatus.REFUNDED)
    refunds = read_session().scalars(select(Refund.amount).where(Refund.payment_id == paid.id)).all()
    assert refunds == ([] if payment == "cod" else [order.grand_total.minor])
    assert emails_about(order.id) == 2  # confirmed, cancelled
