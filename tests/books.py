"""The auditor: reads the tables of every schema and says whether goods, money and letters add up."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import select

from storefront import doctor
from storefront.catalog.models import Product, StockMovement, StockReservation, Variant
from storefront.checkout.models import Checkout
from storefront.database import queries
from storefront.orders.models import Item, Message, Order
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
    with queries() as session:
        row = session.execute(select(Variant.on_hand, Variant.reserved).where(Variant.sku == sku)).one()
    return Stock(*row)


def orders_of(checkout: str) -> list[OrderStatus]:
    """The state of every order of a checkout; there should be at most one."""
    with queries() as session:
        return [OrderStatus(s) for s in session.scalars(select(Order.status).where(Order.checkout_id == checkout))]


def payments_of(checkout: str) -> list[PaymentStatus]:
    with queries() as session:
        found = session.scalars(select(Payment.status).where(Payment.checkout_id == checkout))
        return [PaymentStatus(status) for status in found]


def charges_of(checkout: str) -> list[PaymentStatus]:
    """What the sandbox provider itself holds: it plays another firm, with books of its own."""
    with queries() as session:
        found = session.scalars(select(SandboxCharge.state).where(SandboxCharge.key == checkout))
        return [PaymentStatus(state) for state in found]


def state_of(checkout: str) -> str:
    with queries() as session:
        return session.scalars(select(Checkout.state).where(Checkout.id == checkout)).one()


def step_of(checkout: str) -> int:
    """Number of the step that its record names."""
    with queries() as session:
        return session.scalars(select(Checkout.step).where(Checkout.id == checkout)).one()


def assert_balanced() -> None:
    """The laws of the shop, which hold whenever nobody is in the middle of something; the doctor must agree."""
    queries().close()  # what was read before is not what stands there now
    with queries():
        assert list(doctor.faults()) == []
        _assert_goods_add_up()
        _assert_money_adds_up()
        _assert_every_confirmed_order_left_word()


def _assert_goods_add_up() -> None:
    session = queries()
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
    session = queries()
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
    session = queries()
    never_confirmed = (OrderStatus.PENDING, OrderStatus.CANCELLED)
    confirmed = session.scalars(select(Order.order_id).where(Order.status.not_in(never_confirmed)))
    assert Counter(session.scalars(select(Message.key))) == Counter(f"order-placed/{number}" for number in confirmed)
