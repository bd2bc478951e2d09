"""Public functions of orders: creating one, and the names that other packages use."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, timedelta

from flask import current_app
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from storefront.core.clock import today, utc_now
from storefront.db import audit_log
from storefront.db.audit_log import AuditEntryView, AuditQuery
from storefront.db.session import read_session, transaction
from storefront.orders import admin_list, legacy_import
from storefront.orders.changes import MAX_TRACKING_NUMBER_LENGTH, change_address, expect_on, set_tracking
from storefront.orders.closing import cancel, mark_undelivered, receive_cash
from storefront.orders.consistency import OrderFacts, snapshots, violations
from storefront.orders.credit_notes import CreditNote, UnknownCreditNote, credit_notes_of, get_credit_note
from storefront.orders.customer_orders import (
    claim,
    count_claimable,
    erase_customer,
    has_received,
    join_account,
    key_of,
    orders_of,
    summaries,
)
from storefront.orders.events import STAFF_STEPS
from storefront.orders.guest_buyers import Buyer, Guest, find_buyer, find_guests, orders_of_guest
from storefront.orders.invoice_models import INVOICE
from storefront.orders.invoices import IssuedDocument, Seller, issue_documents
from storefront.orders.models import AuditEntry, Item, Order
from storefront.orders.numbers import MAX_TYPED_LENGTH, find_number, find_orders
from storefront.orders.queries import export_of, get_order, get_orders, status_of
from storefront.orders.refunds import get_refund, refund, refunds_of, refunds_to
from storefront.orders.returns import (
    approve_return,
    count_open_returns,
    decline_return,
    get_return,
    list_returns,
    request_return,
    return_eligibility,
    returns_by,
    returns_of,
    withdraw_return,
)
from storefront.orders.sales_reports import BestSeller, BestSellers, DaySales, Sales, best_sellers, sales
from storefront.orders.status import add_event, advance, cancel_order, confirm_order, hold_order
from storefront.orders.values import (
    LineItem,
    OrderId,
    OrderSnapshot,
    OrderStatus,
    UnknownOrder,
)

__all__ = [
    "INVOICE",
    "MAX_TRACKING_NUMBER_LENGTH",
    "MAX_TYPED_LENGTH",
    "STAFF_STEPS",
    "BestSeller",
    "BestSellers",
    "Buyer",
    "CreditNote",
    "DaySales",
    "Guest",
    "IssuedDocument",
    "OrderFacts",
    "Sales",
    "Seller",
    "UnknownCreditNote",
    "admin_list",
    "advance",
    "approve_return",
    "audit_entries",
    "best_sellers",
    "cancel",
    "cancel_order",
    "change_address",
    "claim",
    "confirm_order",
    "count_claimable",
    "count_open_returns",
    "create_order",
    "credit_notes_of",
    "decline_return",
    "erase_customer",
    "estimated_delivery_date",
    "expect_on",
    "export_of",
    "find_buyer",
    "find_guests",
    "find_number",
    "get_credit_note",
    "get_order",
    "get_orders",
    "get_refund",
    "get_return",
    "has_received",
    "hold_order",
    "issue_documents",
    "join_account",
    "legacy_import",
    "list_returns",
    "mark_undelivered",
    "orders_of",
    "orders_of_guest",
    "receive_cash",
    "refund",
    "refunds_of",
    "refunds_to",
    "request_return",
    "return_eligibility",
    "returns_by",
    "returns_of",
    "sales",
    "set_tracking",
    "snapshots",
    "status_of",
    "summaries",
    "track",
    "violations",
    "withdraw_return",
]

NUMBERS_TRIED = 5  # there are a million a day: after five collisions something else is wrong


def _new_order_id() -> OrderId:
    """ORD- and twelve digits: the shop's date, and six random ones, so that numbers reveal no order count."""
    return OrderId(f"ORD-{today():%y%m%d}{secrets.randbelow(10**6):06d}")


def estimated_delivery_date() -> date:
    """The day on which an order placed now should arrive: `DELIVERY_DAYS` from today."""
    return today() + timedelta(days=current_app.config["DELIVERY_DAYS"])


def create_order(checkout: str, snapshot: OrderSnapshot) -> OrderId:
    """Create a checkout's order, pending, unless it exists.

    :return: the order's number
    """
    for _ in range(NUMBERS_TRIED - 1):
        if existing := _find_number(checkout):
            return existing
        with suppress(IntegrityError):  # the number is taken, or another runner created the order: look again
            return _create(checkout, snapshot, _new_order_id())
    return _find_number(checkout) or _create(checkout, snapshot, _new_order_id())


def _find_number(checkout: str) -> OrderId | None:
    number = read_session().scalar(select(Order.order_id).where(Order.checkout_id == checkout))
    return OrderId(number) if number else None


def _create(checkout: str, snapshot: OrderSnapshot, order_id: OrderId) -> OrderId:
    address = snapshot.address
    with transaction("orders") as session:
        order = Order(
            order_id=order_id,
            checkout_id=checkout,
            customer_id=snapshot.customer_id,
            customer_email=snapshot.email,
            email_key=key_of(snapshot.email),
            subtotal=snapshot.subtotal.minor,
            shipping=snapshot.shipping.minor,
            tax=snapshot.tax.minor,
            discount=snapshot.discount.minor,
            total_amount=snapshot.grand_total.minor,
            currency=snapshot.grand_total.currency,
            status=OrderStatus.PENDING,
            order_date=utc_now(),
            estimated_delivery=estimated_delivery_date(),
            shipping_full_name=address.full_name,
            shipping_phone=snapshot.phone,
            shipping_address_line1=address.line1,
            shipping_address_line2=address.line2,
            shipping_city=address.city,
            shipping_state=address.state,
            shipping_zip_code=address.postal_code,
            shipping_country=address.country,
            payment_type=snapshot.payment_kind,
            payment_details=snapshot.payment_details,
            payment_provider=snapshot.payment_provider,
        )
        session.add(order)
        session.flush()
        session.add_all(_item(order.id, item) for item in snapshot.items)
        add_event(session, order.id, OrderStatus.PENDING, by="the shop")
    return order_id


def _item(order: int, item: LineItem) -> Item:
    return Item(
        order_id=order,
        product_id=item.product_id,
        product_slug=item.slug,
        sku=item.sku,
        product_name=item.name,
        variant_name=item.option,
        product_image=item.picture,
        hue=item.hue,
        price=item.unit_price.minor,
        quantity=item.quantity,
        total=item.line_total.minor,
    )


def audit_entries(criteria: AuditQuery, count: int) -> Iterator[AuditEntryView]:
    """Entries of the audit log about orders, latest first.

    :param count: at most so many
    """
    return audit_log.entries(AuditEntry, criteria, count)


def track(order_id: str, email: str) -> OrderId:
    """Find an order by its number and the e-mail address it was placed with, which together prove access to it.

    :param order_id: the number in any spelling, see `numbers.find_orders`
    :raise UnknownOrder: no order has both; which of the two is wrong stays open on purpose
    """
    wanted = email.strip().lower()
    # Compared here: MySQL's collation takes "ásha" and "asha" as equal.
    placed = [order for order in find_orders(order_id) if order.customer_email.lower() == wanted]
    if len(placed) != 1:
        raise UnknownOrder(order_id)
    return OrderId(placed[0].order_id)
