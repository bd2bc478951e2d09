"""Concurrent refunds, cancellations and returns refund and restock once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from storefront.accounts import service as accounts
from storefront.accounts.values import Role
from storefront.cli import consistency
from storefront.core.errors import DomainError
from storefront.db.session import db, read_session
from storefront.orders import events
from storefront.orders import service as orders
from storefront.orders.models import Message
from storefront.orders.refund_values import RefundRequest
from storefront.orders.values import OrderStatus, OrderView
from storefront.payments.models import Payment, Refund, SandboxCharge
from storefront.worker import tasks
from tests import consistency as tests_consistency
from tests.conftest import ENGINES
from tests.consistency import Stock
from tests.factories.accounts import make_staff
from tests.factories.catalog import make_product
from tests.factories.refunds import ask_return, make_order_at, new_key, units_of
from tests.factories.shopping import make_order
from tests.fakes import Clock, MemoryPost
from tests.isolated_shop import at_once, own_shop
from tests.proofs.live_shop import PAYMENTS, LoadShop, Record, guest_cookie, report
from tests.proofs.load_clients import Press, cookie_of
from tests.proofs.test_double import TIMES

CLERK = "meera@example.com"


def refunds_of(order: OrderView) -> list[int]:
    """The settled refunds of an order's payment, in minor units."""
    with read_session() as session:
        mine = select(Refund.amount).join(Payment, Payment.id == Refund.payment_id)
        done = mine.where(Payment.checkout_id == order.checkout_id, Refund.settled_at.is_not(None))
        return sorted(session.scalars(done))


def emails_sent(topic: str, order: OrderView) -> int:
    """Number of e-mails sent about an order; one sent twice counts twice."""
    sent = select(func.sum(Message.attempts)).where(Message.topic == topic, Message.key.contains(f"/{order.id}"))
    return int(read_session().scalar(sent) or 0)


def staff_cookie(load_shop: LoadShop) -> str:
    """The session cookie of a member of the order staff."""
    account = make_staff(Role.ORDER_STAFF)
    reference = accounts.open_session(account.id, "a program", second_factor=True)
    return cookie_of(load_shop.app, _user_id=reference, _fresh=True)


@pytest.mark.parametrize("payment", PAYMENTS)
def test_one_refund_submitted_twenty_times_at_once_is_one_refund_one_restock_one_email(
    load_shop: LoadShop, record_property: Record, payment: str
) -> None:
    mug = make_product(stock=50)
    order = make_order((mug, 3), payment=payment)
    # Restocking and shipping are checked by default.
    fields = {f"units-{order.items[0].id}": "1", "do": "refund", "shown": "109000"}
    press = Press(staff_cookie(load_shop), f"/staff/orders/{order.id}", "#refund", TIMES, fields)
    (answers,) = load_shop.press([press])
    report(record_property, answers, f"one refund {TIMES} times")
    assert {tuple(answer.statuses) for answer in answers} == {(303, 200)}
    load_shop.settle()
    assert refunds_of(order) == [109_000]
    assert tests_consistency.stock_of(mug.sku) == Stock(on_hand=48, reserved=0)
    assert emails_sent(events.REFUND_LETTER, order) == 1


def test_one_return_requested_and_approved_twenty_times_at_once_is_one_refund(load_shop: LoadShop) -> None:
    mug = make_product(stock=50)
    order = make_order_at(OrderStatus.DELIVERED, (mug, 3))
    shopper = guest_cookie(load_shop.app, orders=[order.id])
    fields = {f"units-{order.items[0].id}": "2"}
    (answers,) = load_shop.press([Press(shopper, f"/orders/{order.id}/return", "#return-form", TIMES, fields)])
    assert {tuple(answer.statuses) for answer in answers} == {(303, 200)}
    (asked,) = orders.returns_of(orders.get_order(order.id))
    approved = {"shown": str(2 * 59_000 + 50_000)}
    (answers,) = load_shop.press(
        [Press(staff_cookie(load_shop), "/staff/returns", f"#return-{asked.id} .return-approval", TIMES, approved)]
    )
    assert {tuple(answer.statuses) for answer in answers} == {(303, 200)}
    load_shop.settle()
    assert refunds_of(order) == [2 * 59_000 + 50_000]
    assert tests_consistency.stock_of(mug.sku) == Stock(on_hand=49, reserved=0)
    assert (emails_sent(events.RETURN_LETTER, order), emails_sent(events.REFUND_LETTER, order)) == (1, 1)


# ------------------------------------------------------------------------------------- concurrent services


def settle(app: Flask, now: Clock) -> None:
    """Let several workers deliver at once for the next minutes, then assert consistency."""

    def deliver() -> None:
        with app.test_request_context(base_url=app.config["PUBLIC_ORIGIN"]):
            tasks.deliver_outboxes()

    for _ in range(2):
        now.advance(minutes=5)
        at_once(app, [deliver] * 3)
    with app.app_context():
        db.session.rollback()
        assert list(consistency.violations()) == []


def tried(action: Callable[[], object]) -> Callable[[], str]:
    """Make a call return "done" or the name of the domain error that it raised."""

    def run() -> str:
        try:
            action()
        except DomainError as error:
            return type(error).__name__
        return "done"

    return run


@pytest.mark.parametrize("engine", ENGINES)
def test_concurrent_refunds_and_cancellations_return_everything_once(engine: str, tmp_path: Path, now: Clock) -> None:
    """Two refunds of one unit and two cancellations at once: afterwards the stock and the money are as before."""
    with own_shop(engine, tmp_path) as app:
        app.extensions["mailer"] = MemoryPost()
        with app.app_context():
            mug = make_product(stock=5)
            order, key = make_order((mug, 3), payment="sandbox-success"), new_key()
            wanted = RefundRequest(units_of(order, 1), restock=True)
        refund = tried(lambda: orders.refund(order.id, wanted, key=key, actor=CLERK))
        cancel = tried(lambda: orders.cancel(order.id, by="the shop", may_be_packed=True, actor=CLERK))
        said = at_once(app, [refund, cancel, refund, cancel])
        assert [said[1], said[3]].count("done") == 1
        assert {said[0], said[2]} in ({"done"}, {"NotRefundable"}, {"done", "NotRefundable"})
        settle(app, now)
        with app.app_context():
            assert tests_consistency.stock_of(mug.sku) == Stock(on_hand=5, reserved=0)
            assert sum(refunds_of(order)) == order.grand_total.minor
            charge = select(SandboxCharge.refunded).where(SandboxCharge.key == order.checkout_id)
            assert read_session().scalar(charge) == order.grand_total.minor


@pytest.mark.parametrize("engine", ENGINES)
def test_many_refunds_at_once_return_no_unit_and_no_paisa_twice(engine: str, tmp_path: Path, now: Clock) -> None:
    with own_shop(engine, tmp_path) as app:
        app.extensions["mailer"] = MemoryPost()
        with app.app_context():
            mug = make_product(stock=5, price="33.33")
            order = make_order((mug, 3), payment="sandbox-success")
            wanted = RefundRequest(units_of(order, 1), with_shipping=True, restock=True)
        keys = [new_key() for _ in range(6)]
        actions = [tried(lambda key=key: orders.refund(order.id, wanted, key=key, actor=CLERK)) for key in keys]
        assert sorted(at_once(app, actions)) == ["TooMuchBack"] * 3 + ["done"] * 3
        settle(app, now)
        with app.app_context():
            assert sum(refunds_of(order)) == order.grand_total.minor
            assert tests_consistency.stock_of(mug.sku) == Stock(on_hand=5, reserved=0)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_return_decided_by_three_at_once_is_decided_once(engine: str, tmp_path: Path, now: Clock) -> None:
    with own_shop(engine, tmp_path) as app:
        app.extensions["mailer"] = MemoryPost()
        with app.app_context():
            mug = make_product(stock=5)
            order = make_order_at(OrderStatus.DELIVERED, (mug, 3))
            number = ask_return(order, 2)
            wanted = RefundRequest(units_of(order, 2), restock=True)
        said = at_once(
            app,
            [
                *[tried(lambda: orders.approve_return(number, restock=True, actor=CLERK))] * 2,
                tried(lambda: orders.decline_return(number, "It was used", actor=CLERK)),
                tried(lambda: orders.withdraw_return(order.id, number)),
                tried(lambda: orders.refund(order.id, wanted, key=new_key(), actor=CLERK)),
            ],
        )
        assert said[:4].count("done") == 1
        settle(app, now)
        with app.app_context():
            came_back = 2 if said[4] == "done" or "done" in said[:2] else 0
            assert sum(refunds_of(order)) == came_back * 59_000
            assert tests_consistency.stock_of(mug.sku) == Stock(on_hand=2 + came_back, reserved=0)
