"""Consistency checks for tests: read the tables of all schemas and assert that stock, money and messages agree."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import func, select

from storefront.catalog.models import Product, StockMovement, StockReservation, Variant
from storefront.checkout.models import Checkout
from storefront.cli import consistency
from storefront.db.session import read_session
from storefront.orders.events import ORDER_PLACED
from storefront.orders.models import Item, Message, Order, OrderEvent
from storefront.orders.refund_models import OrderRefund, RefundLine
from storefront.orders.values import CALLED_OFF, OrderStatus
from storefront.payments.models import Payment, SandboxCharge
from storefront.payments.values import PaymentStatus
from storefront.worker.webhook_events import WEBHOOK_EVENT_DUE

ACTIVE = {PaymentStatus.CAPTURED, PaymentStatus.DUE}
CLOSED = {PaymentStatus.VOIDED, PaymentStatus.DECLINED, PaymentStatus.REFUNDED}


@dataclass(frozen=True)
class Stock:
    """Units of a variant."""

    on_hand: int
    reserved: int


def stock_of(sku: str) -> Stock:
    """Units on hand and reserved of a variant."""
    with read_session() as session:
        row = session.execute(select(Variant.on_hand, Variant.reserved).where(Variant.sku == sku)).one()
    return Stock(*row)


def orders_of(checkout: str) -> list[OrderStatus]:
    """The status of every order of a checkout; there should be at most one."""
    with read_session() as session:
        return [OrderStatus(s) for s in session.scalars(select(Order.status).where(Order.checkout_id == checkout))]


def payments_of(checkout: str) -> list[PaymentStatus]:
    """The status of every payment of a checkout, as the shop records it."""
    with read_session() as session:
        statuses = session.scalars(select(Payment.status).where(Payment.checkout_id == checkout))
        return [PaymentStatus(status) for status in statuses]


def charges_of(checkout: str) -> list[PaymentStatus]:
    """The state of every charge of a checkout in the sandbox provider's own table."""
    with read_session() as session:
        states = session.scalars(select(SandboxCharge.state).where(SandboxCharge.key == checkout))
        return [PaymentStatus(state) for state in states]


def state_of(checkout: str) -> str:
    """The state of a checkout."""
    with read_session() as session:
        return session.scalars(select(Checkout.state).where(Checkout.id == checkout)).one()


def step_of(checkout: str) -> int:
    """The number of a checkout's current saga step."""
    with read_session() as session:
        return session.scalars(select(Checkout.step).where(Checkout.id == checkout)).one()


def assert_balanced() -> None:
    """Assert the invariants that hold whenever no operation is in progress; the `doctor` command must agree."""
    read_session().close()  # ends the snapshot of earlier reads
    with read_session():
        assert list(consistency.violations()) == []
        _assert_stock_balances()
        _assert_payments_balance()
        _assert_every_event_has_its_message()


def _assert_stock_balances() -> None:
    """Stock equals its ledger, reservations their sum, and committed reservations the live orders' items."""
    session = read_session()
    moved: Counter[int] = Counter()
    for variant_id, delta in session.execute(select(StockMovement.variant_id, StockMovement.delta)):
        moved[variant_id] += delta
    held: Counter[int] = Counter()
    sold: Counter[tuple[str, str]] = Counter()
    skus = {variant.id: variant.sku for variant in session.scalars(select(Variant))}
    for row in session.scalars(select(StockReservation)):
        if row.state == "held":
            held[row.variant_id] += row.quantity
        elif row.state == "committed":
            sold[row.checkout_id, skus[row.variant_id]] += row.quantity
    available: Counter[int] = Counter()
    for variant in session.scalars(select(Variant)):
        assert variant.on_hand == moved[variant.id], f"{variant.sku}: the ledger says {moved[variant.id]}"
        assert variant.reserved == held[variant.id], f"{variant.sku}: held are {held[variant.id]}"
        available[variant.product_id] += variant.on_hand - variant.reserved
    for product_id, stock in session.execute(select(Product.id, Product.stock)):
        assert stock == available[product_id], f"product {product_id}: its variants have {available[product_id]}"
    live = select(Order.checkout_id, Item.sku, Item.quantity).join(Item, Item.order_id == Order.id)
    ordered: Counter[tuple[str, str]] = Counter()
    for checkout, sku, quantity in session.execute(live.where(Order.status != OrderStatus.CANCELLED)):
        ordered[checkout, sku] += quantity
    assert sold == ordered


def _assert_payments_balance() -> None:
    """Each live order has one active payment of its total; every other payment is closed."""
    session = read_session()
    live = {
        order.checkout_id: (order.order_id, order.total_amount)
        for order in session.scalars(select(Order).where(Order.status != OrderStatus.CANCELLED))
    }
    paid = {}
    for payment in session.scalars(select(Payment)):
        if payment.status in ACTIVE:
            paid[payment.checkout_id] = (payment.order_id, payment.amount)
        else:
            assert payment.status in CLOSED, f"payment of {payment.checkout_id} is {payment.status}"
    assert paid == live
    for charge in session.scalars(select(SandboxCharge)):
        if charge.state == PaymentStatus.CAPTURED:
            assert charge.amount == live[charge.key][1]
        else:
            assert charge.state in CLOSED, f"the provider has {charge.key} as {charge.state}"


def _assert_every_event_has_its_message() -> None:
    """Each confirmed order and each order event with a topic published exactly one outbox message."""
    session = read_session()
    never_confirmed = (OrderStatus.PENDING, OrderStatus.CANCELLED)
    confirmed = session.scalars(select(Order.order_id).where(Order.status.not_in(never_confirmed)))
    events = select(OrderEvent.topic, Order.order_id).join(Order, Order.id == OrderEvent.order_id)
    published = session.execute(events.where(OrderEvent.topic != ""))
    expected = [f"order-placed/{number}" for number in confirmed]
    expected += [f"{topic}/{number}" for topic, number in published]
    messages = select(Message.key).where(Message.topic != WEBHOOK_EVENT_DUE)  # of events that could not be recorded
    assert Counter(session.scalars(messages)) == Counter(expected)


# ------------------------------------------------------------------------------------------ refunds and returns


def units_sold(sku: str) -> int:
    """Units sold and not restocked by a refund, a return or a cancellation."""
    placed = read_session().scalars(select(Message.key).where(Message.topic == ORDER_PLACED))
    numbers = [key.partition("/")[2] for key in placed]
    bought = select(Item, Order).join(Order, Order.id == Item.order_id)
    rows = read_session().execute(bought.where(Item.sku == sku, Order.order_id.in_(numbers)))
    return sum(_units_sold_of(item, order) for item, order in rows.all())


def _units_sold_of(item: Item, order: Order) -> int:
    refunded = select(func.coalesce(func.sum(RefundLine.quantity), 0)).join(OrderRefund)
    restocked = refunded.where(RefundLine.item_id == item.id, OrderRefund.is_restocked)
    is_all_restocked = order.status in CALLED_OFF and order.is_restocked
    sold = item.refunded if is_all_restocked else item.quantity
    return sold - int(read_session().scalar(restocked) or 0)


def assert_provider_refunded_what_the_shop_recorded() -> None:
    """The sandbox provider's refunds equal those that the shop recorded, for every charge."""
    recorded = {row.checkout_id: row.refunded for row in read_session().scalars(select(Payment))}
    for charge in read_session().scalars(select(SandboxCharge)):
        assert charge.refunded == recorded[charge.key], f"{charge.key}: the provider refunded {charge.refunded}"
