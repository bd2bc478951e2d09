"""Import of orders with their payments, and their consistency."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from flask import Flask

from storefront.accounts.values import UserId
from storefront.catalog import products
from storefront.catalog.values import Sku
from storefront.cli import consistency
from storefront.core.clock import in_shop_time
from storefront.core.money import Money
from storefront.orders import service as orders
from storefront.orders.values import MAX_ORDER_ID_LENGTH, OrderStatus, OrderView
from storefront.payments import service as payments
from storefront.payments.values import PaymentStatus
from storefront.worker import tasks
from tests.factories.accounts import make_staff
from tests.factories.refunds import refund
from tests.factories.shopping import make_snapshot, new_checkout_id
from tests.fakes import MemoryPost
from tests.legacy_import import old_shop as tables
from tests.legacy_import.conftest import Import
from tests.legacy_import.old_shop import OldShop
from tests.page_client import Pages
from tests.times import NOON

ASHA = UserId(7001)
LAMP = 5001
NUMBER = "ORD-1705314600001"
LONG_UNKNOWN = datetime(1970, 1, 1)  # noqa: DTZ001 - as a server writes the moment 0


@pytest.fixture(autouse=True)
def _customer_and_goods(old: OldShop) -> None:
    old.user(ASHA)
    old.product(LAMP)


def paid(order: OrderView) -> PaymentStatus:
    return payments.snapshots()[order.checkout_id].status


def test_an_order_is_imported_unchanged_and_consistent(
    app: Flask, old: OldShop, read: Import, post: MemoryPost
) -> None:
    old.order(1, ASHA, [(LAMP, 2, 1499.0)], tracking_number="AWB-1")
    read()
    order = orders.get_order(NUMBER)
    assert (order.customer_id, order.status, order.email) == (ASHA, OrderStatus.DELIVERED, "asha@example.com")
    assert order.placed_at == datetime(2024, 1, 15, 10, 30, 0, 123456, UTC)
    assert order.estimated_on == date(2024, 1, 22)
    assert (order.subtotal, order.tax, order.grand_total) == tuple(Money(m, "INR") for m in (299800, 53964, 353764))
    assert (order.payment_kind, order.payment_details) == ("card", "**** **** **** 4242 - Asha Rao")
    assert [event.status for event in order.timeline] == [OrderStatus.PENDING, OrderStatus.DELIVERED]
    assert (order.tracking_number, order.items[0].sku, order.items[0].slug) == ("AWB-1", "SKU-OLD-5001", "lamp-5001")
    assert paid(order) is PaymentStatus.CAPTURED
    assert products.get_offer(Sku("SKU-OLD-5001")).available == 12
    tasks.deliver_outboxes()
    assert post.letters == []
    assert list(consistency.violations()) == []


def test_old_orders_stand_below_those_that_the_shop_took_before_they_came(
    app: Flask, old: OldShop, read: Import
) -> None:
    here = orders.create_order(new_checkout_id(), replace(make_snapshot(), customer_id=ASHA))
    old.order(2, ASHA, [(LAMP, 1, 1499.0)])
    old.order(1, ASHA, [(LAMP, 1, 1499.0)], order_date=datetime(2023, 1, 15, 10, 30))  # noqa: DTZ001 - as it was kept
    old.order(3, None, [(LAMP, 1, 1499.0)], order_date=datetime(2025, 1, 15, 10, 30))  # noqa: DTZ001
    old.order(4, None, [(LAMP, 1, 1499.0)], order_date=datetime(2022, 1, 15, 10, 30))  # noqa: DTZ001
    read()
    first, second, third, fourth = (f"ORD-1705314600{id:03}" for id in (1, 2, 3, 4))
    assert [order.id for order in orders.orders_of(ASHA).orders] == [here, second, first]
    assert [order.id for order in orders.export_of(ASHA)] == [first, second, here]
    assert [order.id for order in orders.orders_of_guest("asha@example.com")] == [third, fourth]
    assert [order.id for order in orders.summaries([first, here, second])] == [here, second, first]
    assert [order.id for order in orders.get_orders([here, first])] == [first, here]
    everything = orders.admin_list.OrderQuery(filter=orders.admin_list.OrderFilter.ALL)
    listed = [order.id for order in orders.admin_list.list_orders(everything).orders]
    assert [number for number in listed if number in {here, first, second}] == [here, second, first]


def test_card_payments_of_the_old_shop_are_refunded_by_staff(
    app: Flask, old: OldShop, read: Import, pages: Pages
) -> None:
    old.order(1, ASHA, [(LAMP, 2, 1499.0)])
    read()
    refund(orders.get_order(NUMBER), 1)
    pages.sign_in(make_staff())
    assert "Paid in the old shop: refund it there" in pages.get(f"/staff/orders/{NUMBER}").words


@pytest.mark.parametrize(
    ("said", "status", "payment"),
    [
        ("PLACED", OrderStatus.CONFIRMED, PaymentStatus.CAPTURED),
        ("pending", OrderStatus.CONFIRMED, PaymentStatus.CAPTURED),
        ("Processing", OrderStatus.PROCESSING, PaymentStatus.CAPTURED),
        ("SHIPPED", OrderStatus.SHIPPED, PaymentStatus.CAPTURED),
        ("OUT_FOR_DELIVERY", OrderStatus.SHIPPED, PaymentStatus.CAPTURED),
        ("delivered", OrderStatus.DELIVERED, PaymentStatus.CAPTURED),
        ("CANCELED", OrderStatus.CANCELLED, PaymentStatus.VOIDED),
        ("RETURNED", OrderStatus.CANCELLED, PaymentStatus.VOIDED),
    ],
)
def test_every_status_has_one_here(
    app: Flask, old: OldShop, read: Import, post: MemoryPost, said: str, status: OrderStatus, payment: PaymentStatus
) -> None:
    old.order(1, ASHA, [(LAMP, 1, 1499.0)], status=said)
    read()
    order = orders.get_order(NUMBER)
    assert (order.status, paid(order)) == (status, payment)
    tasks.deliver_outboxes()
    assert post.letters == []
    assert list(consistency.violations()) == []


@pytest.mark.parametrize(
    ("row", "kind", "details", "lender", "payment"),
    [
        ({"payment_type": "COD"}, "cod", "Cash on Delivery", "", PaymentStatus.CAPTURED),  # delivered, so collected
        ({"payment_type": "COD", "status": "SHIPPED"}, "cod", "Cash on Delivery", "", PaymentStatus.DUE),
        (
            {"payment_type": "upi", "payment_details": "ashar@okbank"},
            "upi",
            "ash***@okbank",
            "",
            PaymentStatus.CAPTURED,
        ),
        (
            {"payment_type": "BNPL", "payment_details": "Buy Now Pay Later - Klarna"},
            "bnpl",
            "Buy Now Pay Later - Klarna",
            "Klarna",
            PaymentStatus.CAPTURED,
        ),
        (
            {"payment_details": "4242 4242 4242 4242 - Asha"},
            "card",
            "**** **** **** 4242 - Asha",
            "",
            PaymentStatus.CAPTURED,
        ),
        ({"payment_type": "CARD", "payment_details": None}, "card", "Card", "", PaymentStatus.CAPTURED),
    ],
)
def test_the_payment_method_is_shown_without_card_number(
    app: Flask,
    old: OldShop,
    read: Import,
    row: dict[str, str],
    kind: str,
    details: str,
    lender: str,
    payment: PaymentStatus,
) -> None:
    old.order(1, ASHA, [(LAMP, 1, 1499.0)], **row)
    read()
    order = orders.get_order(NUMBER)
    assert (order.payment_kind, order.payment_details, order.lender, paid(order)) == (kind, details, lender, payment)
    assert list(consistency.violations()) == []


def test_a_payment_keeps_its_number_and_one_that_failed_cancels_its_order(
    app: Flask, old: OldShop, read: Import
) -> None:
    number = "6d2f1c1e-1a52-4b53-9d0c-3c9df0a1b7aa"
    old.order(1, ASHA, [(LAMP, 1, 1499.0)], status="PLACED")
    old.add(
        tables.PAYMENTS, id=8, payment_id=number, order_id=NUMBER, amount=1.0, payment_method="CARD", status="FAILED"
    )
    read()
    order = orders.get_order(NUMBER)
    assert order.status is OrderStatus.CANCELLED
    assert payments.records_of([order.checkout_id])[order.checkout_id].id == number
    assert list(consistency.violations()) == []


@pytest.mark.parametrize(
    ("row", "shipping", "discount", "total"),
    [
        ({"total_amount": 1800.0, "tax": 269.82}, 3118, 0, 180000),
        ({"total_amount": 1700.0, "tax": 269.82}, 0, 6882, 170000),
        ({"total_amount": None, "tax": None}, 0, 0, 149900),
        ({"subtotal": 99999.0}, 0, 0, 176882),
    ],
)
def test_amounts_that_do_not_add_up_are_adjusted_to_the_total(
    app: Flask, old: OldShop, read: Import, row: dict[str, object], shipping: int, discount: int, total: int
) -> None:
    old.order(1, ASHA, [(LAMP, 1, 1499.0)], **row)
    read()
    order = orders.get_order(NUMBER)
    assert (order.shipping.minor, order.discount.minor, order.grand_total.minor) == (shipping, discount, total)
    assert list(consistency.violations()) == []


def test_floating_point_amounts_are_rounded_half_up_and_reported(app: Flask, old: OldShop, read: Import) -> None:
    old.order(1, ASHA, [(LAMP, 1, 1499.005)], tax=0.1 + 0.2, total_amount=1499.31)
    said = read().output
    assert "orders: its tax had more than two decimals: rounded half up: 1 (id 1)" in said
    order = orders.get_order(NUMBER)
    assert (order.items[0].unit_price.minor, order.tax.minor, order.grand_total.minor) == (149901, 30, 149931)


def test_an_order_without_imported_account_has_no_customer(app: Flask, old: OldShop, read: Import) -> None:
    old.order(1, 1, [(LAMP, 1, 1499.0)])  # the shop has an account 1, but it is another's
    assert (
        "orders: its account was not imported: the owner of its e-mail address can claim it: 1 (id 1)" in read().output
    )
    assert orders.get_order(NUMBER).customer_id is None
    assert orders.count_claimable("asha@example.com") == 1


def test_an_order_keeps_items_of_missing_products(app: Flask, old: OldShop, read: Import) -> None:
    old.order(1, ASHA, [(LAMP, 1, 1499.0), (5999, 3, 10.0)])
    assert "a product of it was not imported: its item has no link: 1 (id 1)" in read().output
    assert [item.sku for item in orders.get_order(NUMBER).items] == ["SKU-OLD-5001", "OLD-5999"]
    assert list(consistency.violations()) == []


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"order_id": "X" * 51}, "its number has more than 50 characters"),
        ({"order_id": "ORD/1"}, "its number has more than 50 characters, or others than letters"),
        ({"order_id": "4242-4242-4242-4242"}, "its number is a card number"),
        ({"total_amount": -5.0}, "its total is negative or too large"),
    ],
)
def test_an_invalid_order_is_skipped(app: Flask, old: OldShop, read: Import, row: dict[str, object], said: str) -> None:
    old.order(1, ASHA, [(LAMP, 1, 1499.0)], **row)
    assert f"orders: {said}" in read().output
    assert orders.orders_of(ASHA).count == 0


def test_an_order_without_items_is_skipped(app: Flask, old: OldShop, read: Import) -> None:
    old.order(1, ASHA, [])
    assert "orders: it has no items: 1 (id 1)" in read().output


def test_an_unknown_status_costs_no_order(app: Flask, old: OldShop, read: Import) -> None:
    """D11: it is imported as delivered once its day of delivery is over, as confirmed before, and said."""
    old.order(1, ASHA, [(LAMP, 1, 1499.0)], status="LOST")
    old.order(2, ASHA, [(LAMP, 1, 1499.0)], status="wc-to-be-engraved", order_date=NOON.replace(tzinfo=None))
    old.order(3, ASHA, [(LAMP, 1, 1499.0)], status="Partially Refunded")
    said = read().output
    assert "orders: its status 'lost' is unknown: imported as delivered: 1 (id 1)" in said
    assert "orders: its status 'to be engraved' is unknown: imported as confirmed: 1 (id 2)" in said
    assert "orders: its status is 'partially refunded': imported as delivered with all units" in said
    statuses = [orders.get_order(f"ORD-1705314600{id:03}").status for id in (1, 2, 3)]
    assert statuses == [OrderStatus.DELIVERED, OrderStatus.CONFIRMED, OrderStatus.DELIVERED]
    assert list(consistency.violations()) == []


@pytest.mark.parametrize(
    ("items", "change", "units", "said"),
    [
        ([(LAMP, 1, 1499.0), (LAMP, 0, 10.0)], {"total": None}, [1], "an item of it has no quantity: left out"),
        ([(LAMP, 0, 1499.0)], {"total": None}, [1], "its items have no quantity: counted as one unit each"),
        ([(LAMP, 0, 100.0)], {"total": 250.0}, [1], "the quantity of an item is 0: one unit for its total"),
        ([(LAMP, 1, 1499.0), (LAMP, -1, 10.0)], {"total": -10.0}, [1], "an item of it has no quantity: left out"),
        ([(LAMP, 1, 1499.0)], {"price": -1.0}, [1], "the price of an item is no amount, negative or too large"),
        ([(LAMP, 1, 1499.0)], {"product_id": None}, [1], "a product of it was not imported"),
    ],
)
def test_what_is_wrong_with_an_item_costs_no_order(
    app: Flask,
    old: OldShop,
    read: Import,
    items: list[tuple[int, int, float]],
    change: dict[str, object],
    units: list[int],
    said: str,
) -> None:
    """D11: the last item is unusable; the order comes with its total, and what was done is said."""
    old.order(1, ASHA, items, total_amount=1700.0)
    old.change(tables.ITEMS, 9 + len(items), **change)
    output = read().output
    assert f"orders: {said}" in output
    order = orders.get_order(NUMBER)
    assert ([item.quantity for item in order.items], order.grand_total.minor) == (units, 170000)
    assert list(consistency.violations()) == []


def test_a_tracking_number_that_is_too_long_costs_no_order(app: Flask, old: OldShop, read: Import) -> None:
    """D11: neither does anything else that can be cut."""
    old.order(1, ASHA, [(LAMP, 1, 1499.0)], tracking_number="A" * 65)
    assert "orders: its tracking number has more than 64 characters: cut: 1 (id 1)" in read().output
    assert orders.get_order(NUMBER).tracking_number == "A" * 64


@pytest.mark.parametrize(
    ("row", "placed_on", "due", "said"),
    [
        ({"order_date": None}, date(2026, 11, 22), date(2026, 11, 29), ["it has no date: dated now: 1 (id 1)"]),
        ({"order_date": LONG_UNKNOWN}, date(2026, 11, 22), date(2026, 11, 29), ["it has no date: dated now"]),
        ({}, date(2024, 1, 15), date(2024, 1, 22), ["it has no day of delivery: set to 7 days after the order"]),
        ({"estimated_delivery": datetime(2024, 1, 19)}, date(2024, 1, 15), date(2024, 1, 19), []),  # noqa: DTZ001
    ],
)
def test_a_missing_date_is_said(
    app: Flask, old: OldShop, read: Import, row: dict[str, object], placed_on: date, due: date, said: list[str]
) -> None:
    """D11: never today without a word."""
    old.order(1, ASHA, [(LAMP, 1, 1499.0)], **row)
    output = read().output
    assert all(f"orders: {reason}" in output for reason in said)
    assert ("it has no d" in output) is bool(said)
    order = orders.get_order(NUMBER)
    assert (in_shop_time(order.placed_at).date(), order.estimated_on) == (placed_on, due)


def test_an_order_without_date_has_that_of_its_payment(app: Flask, old: OldShop, read: Import) -> None:
    """D11: before today is taken, other dates of the order are."""
    old.order(1, ASHA, [(LAMP, 1, 1499.0)], order_date=None)
    old.add(tables.PAYMENTS, id=8, order_id=NUMBER, amount=1.0, status="PAID", payment_date=tables.ORDERED)
    assert "orders: it has no date: that of its payment was taken: 1 (id 1)" in read().output
    assert orders.get_order(NUMBER).placed_at == tables.ORDERED.replace(tzinfo=UTC)


def test_the_longest_order_number_is_imported(app: Flask, old: OldShop, read: Import) -> None:
    number = f"ORD_2024.{'7' * 30}-{'X' * 10}"
    assert len(number) == MAX_ORDER_ID_LENGTH
    old.order(1, ASHA, [(LAMP, 1, 1499.0)], order_id=number, status="PLACED")
    read()
    order = orders.get_order(number)
    assert payments.snapshots()[order.checkout_id].order_id == number
    orders.cancel(number, by="the customer")
    tasks.deliver_outboxes()
    assert paid(order) is PaymentStatus.REFUNDED
    assert list(consistency.violations()) == []


def test_of_two_orders_with_one_number_the_first_is_imported(app: Flask, old: OldShop, read: Import) -> None:
    old.order(1, ASHA, [(LAMP, 1, 1499.0)])
    old.order(2, ASHA, [(LAMP, 1, 1499.0)], order_id=NUMBER.lower())
    assert "orders: another order has its number: 1 (id 2)" in read().output
    assert orders.orders_of(ASHA).count == 1


def test_an_imported_order_can_be_cancelled(app: Flask, old: OldShop, read: Import) -> None:
    old.order(1, ASHA, [(LAMP, 2, 1499.0)], status="PLACED")
    read()
    orders.cancel(NUMBER, by="the customer")
    tasks.deliver_outboxes()
    assert products.get_offer(Sku("SKU-OLD-5001")).available == 14
    assert paid(orders.get_order(NUMBER)) is PaymentStatus.REFUNDED
    read()
    assert orders.get_order(NUMBER).status is OrderStatus.CANCELLED
    assert list(consistency.violations()) == []
