"""Databases of the old services with the names and types that Spring gave them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from tests.conftest import MARIADB

SECRET = "correct horse battery"
BCRYPT = "$2b$04$5lEBuXzoDDb8T.X/XEEf9ejOIikPXpXGllgxl8uEo/dxpZHZzOhp2"
# As Spring writes them: without a zone.
ORDERED = datetime(2024, 1, 15, 10, 30, 0, 123456)  # noqa: DTZ001
LONG_AGO = datetime(2023, 5, 1, 8, 0)  # noqa: DTZ001

_BIT = sa.Boolean().with_variant(mysql.BIT(1), "mysql", "mariadb")
_MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
_BLOB = sa.LargeBinary().with_variant(mysql.LONGBLOB(), "mysql", "mariadb")

metadata = sa.MetaData()


def _table(name: str, *columns: sa.Column[Any]) -> sa.Table:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Table(name, metadata, sa.Column("id", number, primary_key=True), *columns)


def _text(name: str, length: int = 255) -> sa.Column[Any]:
    return sa.Column(name, sa.String(length))


def _number(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger)


def _double(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Double)


USERS = _table("users", _text("email"), _text("phone"), _text("password_hash"), sa.Column("mfa_enabled", _BIT),
               _text("role"))  # fmt: skip
PROFILES = _table("user_profiles", _number("user_id"), _text("full_name"), _text("avatar_url", 500))
ADDRESSES = _table("addresses", _number("user_id"), _text("full_name"), _text("phone"), _text("address_line1", 500),
                   _text("address_line2", 500), _text("city"), _text("state"), _text("zip_code"), _text("country"),
                   sa.Column("is_default", _BIT))  # fmt: skip
METHODS = _table(
    "payment_methods", _number("user_id"), _text("provider"), _text("token"), sa.Column("is_default", _BIT)
)
WISHES = _table("wishlist", _number("user_id"), _number("product_id"))
CATEGORIES = _table("categories", _text("name"), _text("description"))
PRODUCTS = _table("products", _text("sku"), _text("name", 500), _text("brand"), sa.Column("description", sa.Text),
                  sa.Column("price", sa.Numeric(19, 4)), _text("currency"), sa.Column("stock", sa.Integer),
                  _text("availability_status"), sa.Column("active", _BIT),
                  sa.Column("created_at", _MOMENT))  # fmt: skip
MEMBERSHIPS = sa.Table("product_categories", metadata, _number("product_id"), _number("category_id"))
SPECS = _table("product_specifications", _number("product_id"), _text("spec_name"), _text("spec_value"))
IMAGES = _table("product_images", _number("product_id"), sa.Column("image_data", _BLOB), _text("image_url"),
                _text("alt_text"))  # fmt: skip
REVIEWS = _table("reviews", _number("product_id"), _number("user_id"), _text("user_name"),
                 sa.Column("rating", sa.Integer), _text("title", 600), sa.Column("comment", sa.Text),
                 sa.Column("verified_purchase", _BIT), sa.Column("helpful_count", sa.Integer),
                 sa.Column("created_at", _MOMENT))  # fmt: skip
CARTS = _table("cart", _number("user_id"), sa.Column("updated_at", _MOMENT))
LINES = _table("cart_item", _number("cart_id"), _number("product_id"), sa.Column("quantity", sa.Integer),
               _text("variant"))  # fmt: skip
ORDERS = _table("orders", _text("order_id"), _number("customer_id"), _text("customer_email"), _double("total_amount"),
                _double("subtotal"), _double("shipping"), _double("tax"), _double("discount"), _text("status"),
                sa.Column("order_date", _MOMENT), sa.Column("estimated_delivery", _MOMENT),
                _text("shipping_full_name"), _text("shipping_phone"), _text("shipping_address_line1", 500),
                _text("shipping_address_line2", 500), _text("shipping_city"), _text("shipping_state"),
                _text("shipping_zip_code"), _text("shipping_country"), _text("payment_type"),
                _text("payment_details"), _text("payment_provider"), _text("tracking_number"))  # fmt: skip
ITEMS = _table("order_item", _number("order_id"), _number("product_id"), _text("product_name", 500),
               _text("product_image"), sa.Column("quantity", sa.Integer), _double("price"),
               _double("total"))  # fmt: skip
PAYMENTS = _table("payments", _text("payment_id"), _text("order_id"), _double("amount"), _text("payment_method"),
                  _text("status"), sa.Column("payment_date", _MOMENT))  # fmt: skip


class OldShop:
    """One database with all the tables.

    :ivar url: where it is
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._engine = sa.create_engine(url)
        metadata.create_all(self._engine)

    def add(self, table: sa.Table, **row: Any) -> None:
        self.add_all(table, [row])

    def add_all(self, table: sa.Table, rows: list[dict[str, Any]]) -> None:
        with self._engine.begin() as connection:
            connection.execute(table.insert(), rows)

    def change(self, table: sa.Table, row: int, **values: Any) -> None:
        with self._engine.begin() as connection:
            connection.execute(table.update().where(table.c.id == row).values(**values))

    def execute(self, *statements: str) -> None:
        """Run statements on one connection."""
        with self._engine.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)

    def user(self, id: int, **more: Any) -> None:
        row = {"email": f"person{id}@example.com", "phone": "", "password_hash": BCRYPT, "mfa_enabled": False}
        self.add(USERS, id=id, **row | more)

    def product(self, id: int, **more: Any) -> None:
        row = {"sku": f"SKU-OLD-{id}", "name": f"Lamp {id}", "brand": "Lumen", "description": "It glows.",
               "price": Decimal("1499.00"), "currency": "INR", "stock": 12, "availability_status": "IN_STOCK",
               "active": True, "created_at": LONG_AGO}  # fmt: skip
        self.add(PRODUCTS, id=id, **row | more)

    def address(self, id: int, user: int, **more: Any) -> None:
        row = {"full_name": "Asha Rao", "phone": "+91 98765 43210", "address_line1": "12 Lake Road",
               "address_line2": None, "city": "Pune", "state": "MH", "zip_code": "411001", "country": "India",
               "is_default": False}  # fmt: skip
        self.add(ADDRESSES, id=id, user_id=user, **row | more)

    def review(self, id: int, product: int, user: int, **more: Any) -> None:
        row = {"user_name": "Asha", "rating": 5, "title": "Bright", "comment": "I can read.", "helpful_count": 3,
               "verified_purchase": True, "created_at": ORDERED}  # fmt: skip
        self.add(REVIEWS, id=id, product_id=product, user_id=user, **row | more)

    def order(self, id: int, customer: int | None, items: list[tuple[int, int, float]], **more: Any) -> None:
        """Add an order.

        :param items: product, units and price of each
        """
        subtotal = sum(units * price for _, units, price in items)
        tax = round(subtotal * 0.18, 2)
        row = {"order_id": f"ORD-1705314600{id:03}", "customer_id": customer, "subtotal": subtotal, "shipping": 0.0,
               "customer_email": "asha@example.com", "tax": tax, "discount": 0.0, "total_amount": subtotal + tax,
               "status": "DELIVERED", "order_date": ORDERED, "shipping_full_name": "Asha Rao",
               "shipping_phone": "+91 98765 43210", "shipping_address_line1": "12 Lake Road",
               "shipping_city": "Pune", "shipping_state": "MH", "shipping_zip_code": "411001",
               "shipping_country": "India", "payment_type": "CARD",
               "payment_details": "**** **** **** 4242 - Asha Rao", "payment_provider": ""}  # fmt: skip
        self.add(ORDERS, id=id, **row | more)
        lines = [
            {"id": id * 10 + place, "order_id": id, "product_id": product, "product_name": f"Lamp {product}",
             "quantity": units, "price": price, "total": units * price}
            for place, (product, units, price) in enumerate(items)
        ]  # fmt: skip
        if lines:
            self.add_all(ITEMS, lines)

    def empty(self) -> None:
        """Delete every row, for the next test."""
        with self._engine.begin() as connection:
            for table in metadata.tables.values():
                connection.execute(table.delete())

    def close(self) -> None:
        self._engine.dispose()


@contextmanager
def old_shop(engine: str, folder: Path, name: str = "old") -> Iterator[OldShop]:
    """An old shop on one engine, without a row.

    :param engine: sqlite or mariadb
    """
    if engine == "sqlite":
        shop = OldShop(f"sqlite:///{folder}/{name}.db")
        yield shop
        shop.close()
        return
    database = f"storefront_test_{os.getpid()}_{name}"
    server = sa.create_engine(str(MARIADB), isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(sa.text(f"DROP DATABASE IF EXISTS {database}"))
        connection.execute(sa.text(f"CREATE DATABASE {database} CHARACTER SET utf8mb4"))
        shop = OldShop(f"{MARIADB}/{database}")
        try:
            yield shop
        finally:
            shop.close()
            connection.execute(sa.text(f"DROP DATABASE {database}"))
    server.dispose()
