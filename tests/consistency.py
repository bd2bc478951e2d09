"""The auditor: reads the tables of every schema and says whether goods, money and letters add up."""

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
from storefront.orders.values import OrderStatus
from storefront.payments.models import Payment, SandboxCharge
from storefront.payments.values import PaymentStatus

TAKEN = {PaymentStatus.CAPTURED, PaymentStatus.DUE}
LET_GO = {PaymentStatus.VOIDED, PaymentStatus.DECLINED, PaymentStatus.REFUNDED}


@dataclass(frozen=True)
class Stock:
    on_hand: int
    reserved: int


def stock_of(sku: str) -> Stock:
    with read_session() as session:
        row = session.execute(select(Variant.on_hand, Variant.reserved).where(Variant.sku == sku)).one()
    return Stock(*row)


def orders_of(checkout: str) -> list[OrderStatus]:
    """The state of every order of a checkout; there should be at most one."""
    with read_session() as session:
        return [OrderStatus(s) for s in session.scalars(select(Order.status).where(Order.checkout_id == checkout))]


def payments_of(checkout: str) -> list[PaymentStatus]:
    with read_session() as session:
        found = session.scalars(select(Payment.status).where(Payment.checkout_id == checkout))
        return [PaymentStatus(status) for status in found]


def charges_of(checkout: str) -> list[PaymentStatus]:
    """What the sandbox provider itself holds: it plays another firm, with books of its own."""
    with read_session() as session:
        found = session.scalars(select(SandboxCharge.state).where(SandboxCharge.key == checkout))
        return [PaymentStatus(state) for state in found]


def state_of(checkout: str) -> str:
    with read_session() as session:
        return session.scalars(select(Checkout.state).where(Checkout.id == checkout)).one()


def step_of(checkout: str) -> int:
    """Number of the step that its record names."""
    with read_session() as session:
        return session.scalars(select(Checkout.step).where(Checkout.id == checkout)).one()


def assert_balanced() -> None:
    """The laws of the shop, which hold whenever nobody is in the middle of something; the doctor must agree."""
    read_session().close()  # what was read before is not what stands there now
    with read_session():
        assert list(consistency.violations()) == []
        _assert_goods_add_up()
        _assert_money_adds_up()
        _assert_every_confirmed_order_left_word()


def _assert_goods_add_up() -> None:
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


def _assert_money_adds_up() -> None:
    """Each live order has one payment of its total; no other payment holds anything."""
    session = read_session()
    live = {
        order.checkout_id: (order.order_id, order.total_amount)
        for order in session.scalars(select(Order).where(Order.status != OrderStatus.CANCELLED))
    }
    paid = {}
    for payment in session.scalars(select(Payment)):
        if payment.status in TAKEN:
            paid[payment.checkout_id] = (payment.order_id, payment.amount)
        else:
            assert payment.status in LET_GO, f"payment of {payment.checkout_id} is {payment.status}"
    assert paid == live
    for charge in session.scalars(select(SandboxCharge)):
        if charge.state == PaymentStatus.CAPTURED:
            assert charge.amount == live[charge.key][1]
        else:
            assert charge.state in LET_GO, f"the bank has {charge.key} as {charge.state}"


def _assert_every_confirmed_order_left_word() -> None:
    session = read_session()
    never_confirmed = (OrderStatus.PENDING, OrderStatus.CANCELLED)
    confirmed = session.scalars(select(Order.order_id).where(Order.status.not_in(never_confirmed)))
    steps = select(OrderEvent.topic, Order.order_id).join(Order, Order.id == OrderEvent.order_id)
    told = session.execute(steps.where(OrderEvent.topic != ""))
    expected = [f"order-placed/{number}" for number in confirmed] + [f"{topic}/{number}" for topic, number in told]
    assert Counter(session.scalars(select(Message.key))) == Counter(expected)


# ------------------------------------------------------------------------------------------ what goes back


def units_away(sku: str) -> int:
    """Units that orders took off the shelf for good: sold, and not back by a refund, a return or a cancellation."""
    placed = read_session().scalars(select(Message.key).where(Message.topic == ORDER_PLACED))
    numbers = [key.partition("/")[2] for key in placed]
    bought = select(Item, Order).join(Order, Order.id == Item.order_id)
    rows = read_session().execute(bought.where(Item.sku == sku, Order.order_id.in_(numbers)))
    return sum(_away(item, order) for item, order in rows.all())


def _away(item: Item, order: Order) -> int:
    back = select(func.coalesce(func.sum(RefundLine.quantity), 0)).join(OrderRefund)
    restocked = back.where(RefundLine.item_id == item.id, OrderRefund.is_restocked)
    came_back_whole = order.status == OrderStatus.CANCELLED and order.is_restocked
    left = item.refunded if came_back_whole else item.quantity
    return left - int(read_session().scalar(restocked) or 0)


def assert_bank_gave_back_what_the_shop_promised() -> None:
    paid = {row.checkout_id: row.refunded for row in read_session().scalars(select(Payment))}
    for charge in read_session().scalars(select(SandboxCharge)):
        assert charge.refunded == paid[charge.key], f"{charge.key}: the bank gave {charge.refunded} back"
