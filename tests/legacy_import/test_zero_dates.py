"""A small old shop with what real ones have: zero dates, HTML, words for flags, and a quantity of 0."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from flask import Flask
from sqlalchemy import select

from storefront.catalog import products
from storefront.catalog.models import Product
from storefront.cli import consistency
from storefront.core.clock import in_shop_time
from storefront.db.session import read_session
from storefront.orders import service as orders
from storefront.orders.values import OrderStatus
from tests.legacy_import.conftest import Import
from tests.legacy_import.old_shop import OldShop
from tests.times import NOON

CUP = 5001
STATEMENTS = (
    "DROP TABLE products",
    "DROP TABLE orders",
    "DROP TABLE order_item",
    "CREATE TABLE products(id BIGINT PRIMARY KEY, sku VARCHAR(99), name VARCHAR(255), description TEXT,"
    " price DECIMAL(9,2), stock INT, active VARCHAR(10), created_at DATETIME)",
    f"INSERT INTO products VALUES({CUP},'M1','Cup &amp; Saucer','<p>Nice</p>',499,5,'ACTIVE','2021-01-01 23:30:00'),"
    f"({CUP + 1},'M2','Tray','',499,5,'ASK US','0000-00-00 00:00:00')",
    "CREATE TABLE orders(id BIGINT PRIMARY KEY, order_id VARCHAR(60), customer_email VARCHAR(99),"
    " total_amount DECIMAL(9,2), status VARCHAR(30), order_date DATETIME, estimated_delivery DATE)",
    "INSERT INTO orders VALUES"
    "(1,'ORD-1','a@example.com',499,'Delivered','2023-01-02 03:04:05','2023-01-09'),"
    "(2,'ORD-2','a@example.com',499,'Delivered','0000-00-00 00:00:00','0000-00-00'),"
    "(3,'ORD-3','a@example.com',499,'Partially Refunded','2023-01-02 00:00:00',NULL),"
    "(4,'ORD-4','a@example.com',499,'Delivered','2023-01-02 00:00:00',NULL)",
    "CREATE TABLE order_items(id BIGINT PRIMARY KEY, order_id BIGINT, product_id BIGINT, quantity INT,"
    " price DECIMAL(9,2))",
    f"INSERT INTO order_items VALUES(1,1,{CUP},1,499),(2,2,{CUP},1,499),(3,3,{CUP},1,499),(4,4,{CUP},1,499),"
    f"(5,4,{CUP},0,499)",
)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/Los_Angeles"])
def test_an_old_shop_with_untidy_rows_is_imported_and_what_was_done_is_said(
    app: Flask, other: OldShop, read: Import, zone: str
) -> None:
    """D11: the file of the report, on MariaDB with zero dates as MariaDB keeps them."""
    mode = ["SET sql_mode=''"] if other.url.startswith("mysql") else []
    other.execute(*mode, *STATEMENTS)
    said = read("--time-zone", zone, other.url).output
    for line in (
        "products: it contained HTML: converted to plain text: 1 (id 5001)",
        "products: 'ACTIVE' was taken as on sale: 1 (id 5001)",
        "products: whether it is on sale is not known of 'ASK US': taken as no: 1 (id 5002)",
        "products: it has no date: dated now: 1 (id 5002)",
        "orders: it has no date: dated now: 1 (id 2)",
        "orders: it has no day of delivery: set to 7 days after the order: 3 (id 2, 3, 4)",
        "orders: its status is 'partially refunded': imported as delivered with all units",
        "orders: an item of it has no quantity: left out: 1 (id 4)",
    ):
        assert line in said
    cup = products.get_full_product(CUP, reviews=0)
    assert (cup.name, cup.description) == ("Cup & Saucer", "Nice")
    assert read_session().scalar(select(Product.published_on).where(Product.id == CUP)) == date(2021, 1, 1)
    first, undated, refunded, empty = (orders.get_order(f"ORD-{id}") for id in (1, 2, 3, 4))
    assert first.estimated_on == date(2023, 1, 9)
    assert in_shop_time(undated.placed_at) == NOON
    assert refunded.status is OrderStatus.DELIVERED
    assert [item.quantity for item in empty.items] == [1]
    assert all(order.grand_total.minor == 49900 for order in (first, undated, refunded, empty))
    if zone == "UTC":
        assert first.placed_at == datetime(2023, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert list(consistency.violations()) == []
