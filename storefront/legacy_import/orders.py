"""Imports orders with their payments and sold units."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial

from storefront.accounts import service as accounts
from storefront.cart import service as cart
from storefront.catalog import products
from storefront.catalog import service as catalog
from storefront.catalog.values import Offer
from storefront.checkout import service as checkout
from storefront.core import contact
from storefront.core.addresses import PostalAddress
from storefront.core.clock import day_of
from storefront.core.money import Money
from storefront.db.import_log import BatchResult, legacy_checkout_id
from storefront.legacy_import import column_names
from storefront.legacy_import.import_run import Run, grouped, identity, numbers
from storefront.legacy_import.order_items import items_of
from storefront.legacy_import.payments import CANCELLED, payment_of, status_of
from storefront.legacy_import.source import OldTable, Row
from storefront.legacy_import.values import (
    Notes,
    UnusableValue,
    amount,
    day,
    line,
    moment,
    safe,
    shortened,
    street,
    text,
    whole,
)
from storefront.orders import service as orders
from storefront.orders.values import MAX_ORDER_ID_LENGTH, LineItem, OrderId, OrderSnapshot, OrderStatus, is_order_id
from storefront.payments import service as payments

ORDERS = "orders"
DELIVERY_TIME = timedelta(days=7)  # contract/angular-api.md 2.2.7
MAX_TRACKING_NUMBER_LENGTH = 64
GUEST_CART = "old-shop"


@dataclass(frozen=True, slots=True)
class Context:
    """The data that a batch of orders refers to.

    :ivar customers: ids of imported accounts
    :ivar offers: by product id
    :ivar items: by the order id they refer to
    :ivar paid: payments, by the order id they refer to
    :ivar known: checkout ids of orders that were imported before
    :ivar taken: order numbers that other orders have already
    """

    customers: Collection[int]
    offers: Mapping[int, Sequence[Offer]]
    items: Mapping[str, Sequence[Row]]
    paid: Mapping[str, Sequence[Row]]
    known: Collection[str]
    taken: set[str]


@dataclass(frozen=True, slots=True)
class OldSale:
    """An order with its payment."""

    order: orders.legacy_import.OldOrder
    payment: payments.legacy_import.OldPayment


def import_orders(run: Run) -> None:
    """Import orders by ascending id. Payment, checkout and sold units are written first, so that it is complete."""
    items, paid = run.table("items of orders", column_names.ORDER_ITEMS), run.table("payments", column_names.PAYMENTS)
    if items is None:
        return
    for rows in run.batches(ORDERS, column_names.ORDERS):
        context = _context(rows, items, paid)
        run.report_batch(ORDERS, _write(run.build(ORDERS, rows, partial(_sale, run, context))))


def _context(rows: Sequence[Row], items: OldTable, paid: OldTable | None) -> Context:
    bought = _rows_about(items, rows)
    checkouts = {
        legacy_checkout_id(old): text(row.get("order_id")).upper() for row in rows if (old := whole(row["id"]))
    }
    known = orders.legacy_import.known_checkouts(list(checkouts))
    return Context(
        customers=accounts.legacy_import.imported_accounts(numbers(rows, "customer_id")),
        offers=products.offers_by_product(catalog.legacy_import.arrived_products(numbers(bought, "product_id"))),
        items=grouped(bought, "order_id"),
        paid=grouped(_rows_about(paid, rows), "order_id") if paid else {},
        known=known,
        taken=orders.legacy_import.taken_numbers([checkouts[each] for each in checkouts.keys() - known]),
    )


def _rows_about(table: OldTable, rows: Sequence[Row]) -> list[Row]:
    """The rows of a table that belong to orders, whether they refer to them by row id or by order number."""
    if table.is_text("order_id"):
        keys = {str(row["id"]) for row in rows} | {str(row.get("order_id")) for row in rows}
        return table.rows_of("order_id", keys)
    return table.rows_of("order_id", numbers(rows, "id"))


def _write(sales: Sequence[OldSale]) -> BatchResult:
    catalog.legacy_import.import_sales(
        [
            catalog.legacy_import.OldSale(sale.order.checkout, _units(sale.order.snapshot), sale.order.placed_at)
            for sale in sales
            if sale.order.status is not OrderStatus.CANCELLED
        ]
    )
    payments.legacy_import.import_payments([sale.payment for sale in sales])
    checkout.legacy_import.import_checkouts(
        {
            sale.order.checkout: (sale.order.order_id, _cart_of(sale.order.snapshot.customer_id), sale.order.placed_at)
            for sale in sales
        }
    )
    return orders.legacy_import.import_orders([sale.order for sale in sales])


def _units(snapshot: OrderSnapshot) -> dict[int, int]:
    units: dict[int, int] = defaultdict(int)
    for item in snapshot.items:
        units[item.product_id] += item.quantity
    return units


def _cart_of(customer: int | None) -> str:
    return GUEST_CART if customer is None else cart.cart_key_of(customer)


def _sale(run: Run, context: Context, row: Row, notes: Notes) -> OldSale:
    checkout_id = legacy_checkout_id(identity(row))
    order_id = _order_id(context, row, checkout_id)
    rows = [*context.items.get(str(row["id"]), ()), *context.items.get(str(row.get("order_id")), ())]
    distinct = list({str(item["id"]): item for item in rows}.values())
    items = tuple(items_of(distinct, context.offers, run.currency, notes))
    paid = next(iter([*context.paid.get(str(row.get("order_id")), ()), *context.paid.get(str(row["id"]), ())]), None)
    dated = {**row, "payment": paid.get("paid_at") if paid else None}
    placed_at = run.at(dated, notes, "placed_at", "changed_at", "payment")
    estimated_on = _estimated_on(run, row, placed_at, notes)
    status, note = status_of(row, paid, estimated_on, notes)
    snapshot = _snapshot(run, context, row, items, notes)
    order = orders.legacy_import.OldOrder(
        id=identity(row),
        order_id=order_id,
        checkout=checkout_id,
        snapshot=snapshot,
        status=status,
        placed_at=placed_at,
        changed_at=max(placed_at, moment(row.get("changed_at"), run.zone) or placed_at),
        estimated_on=estimated_on,
        tracking_number=shortened(row.get("tracking_number"), MAX_TRACKING_NUMBER_LENGTH, "tracking number", notes),
        note=note,
    )
    payment = payments.legacy_import.OldPayment(
        checkout=checkout_id,
        order_id=order_id,
        payment_id=text(paid.get("payment_id"))[:36] if paid else "",
        amount=snapshot.grand_total,
        kind=snapshot.payment_kind,
        is_undone=status in CANCELLED,
        is_collected=orders.legacy_import.is_collected(snapshot.payment_kind, status),
        created_at=(moment(paid.get("paid_at"), run.zone) if paid else None) or placed_at,
    )
    return OldSale(order, payment)


def _estimated_on(run: Run, row: Row, placed_at: datetime, notes: Notes) -> date:
    if (found := day(row.get("estimated_on"), run.zone)) is not None:
        return found
    notes.append(f"it has no day of delivery: set to {DELIVERY_TIME.days} days after the order")
    return day_of(placed_at + DELIVERY_TIME)


def _order_id(context: Context, row: Row, checkout_id: str) -> OrderId:
    order_number = text(row.get("order_id")).upper() or f"ORD-OLD-{identity(row)}"
    if not is_order_id(order_number):
        most = MAX_ORDER_ID_LENGTH
        raise UnusableValue(f"its number has more than {most} characters, or others than letters, digits, . _ and -")
    if safe(order_number) != order_number:
        raise UnusableValue("its number is a card number")
    if checkout_id not in context.known:
        if order_number in context.taken:
            raise UnusableValue("another order has its number")
        context.taken.add(order_number)
    return OrderId(order_number)


def _snapshot(run: Run, context: Context, row: Row, items: tuple[LineItem, ...], notes: Notes) -> OrderSnapshot:
    customer = whole(row.get("customer_id"))
    if customer not in context.customers:
        notes.append("its account was not imported: the owner of its e-mail address can claim it")
        customer = None
    subtotal, shipping, tax, discount, total = _amounts(run, row, items, notes)
    kind, details, lender = payment_of(row, notes)
    return OrderSnapshot(
        customer_id=customer,
        email=line(row.get("email"), contact.MAX_EMAIL_LENGTH, "e-mail address", notes),
        phone=line(row.get("phone"), contact.MAX_PHONE_LENGTH, "phone number", notes),
        address=_address(row, notes),
        items=items,
        subtotal=subtotal,
        shipping=shipping,
        tax=tax,
        discount=discount,
        grand_total=total,
        payment_kind=kind,
        payment_details=details,
        payment_provider=lender,
    )


def _amounts(run: Run, row: Row, items: tuple[LineItem, ...], notes: Notes) -> tuple[Money, Money, Money, Money, Money]:
    """Subtotal, shipping, tax, discount and total, adjusted so that they add up; the total is kept."""
    subtotal = Money(sum(item.line_total.minor for item in items), run.currency)
    shipping, tax, discount = (
        amount(row[name], name, run.currency, notes) if text(row.get(name)) else Money(0, run.currency)
        for name in ("shipping", "tax", "discount")
    )
    adjusted = subtotal + shipping + tax - discount
    total = amount(row["total"], "total", run.currency, notes) if text(row.get("total")) else adjusted
    if total < adjusted:
        discount += adjusted - total
        notes.append("its amounts do not add up: the difference is a discount")
    elif total > adjusted:
        shipping += total - adjusted
        notes.append("its amounts do not add up: the difference is added to the shipping")
    return subtotal, shipping, tax, discount, total


def _address(row: Row, notes: Notes) -> PostalAddress:
    return PostalAddress(
        full_name=line(row.get("full_name"), contact.MAX_NAME_LENGTH, "name", notes),
        phone=line(row.get("phone"), contact.MAX_PHONE_LENGTH, "phone number"),
        **street(row, notes),
    )
