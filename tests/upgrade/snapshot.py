"""Everything that the databases of a shop of commit 438bf0e hold, by what it means and not by what its table is called.

A migration that renames a table or a column changes `RENAMED_TABLES` or `RENAMED_COLUMNS` and nothing else here: rows
are always told under the names of commit 438bf0e.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

# What the present version calls a table of `TABLES`, where it is not what commit 438bf0e called it.
RENAMED_TABLES = {
    "audit log of accounts": "accounts.audit_log",
    "audit log of orders": "orders.audit_log",
    "audit log of the catalog": "catalog.audit_log",
    "duplicate guards": "checkout.duplicate_orders",
    "idempotency keys of products": "catalog.idempotency_keys",
    "imported rows of accounts": "accounts.imported_rows",
    "imported rows of carts": "cart.imported_rows",
    "imported rows of the catalog": "catalog.imported_rows",
    "webhook events": "payments.webhook_events",
}
# What it calls a column, by meaning of the table and old name; None: the column is gone or is converted on purpose.
RENAMED_COLUMNS: dict[tuple[str, str], str | None] = {
    ("order lines", "coming_back"): "in_return",
    ("outbox of accounts", "parked_at"): "failed_at",
    ("outbox of orders", "parked_at"): "failed_at",
    ("outbox of payments", "parked_at"): "failed_at",
    ("outbox of the catalog", "parked_at"): "failed_at",
    ("products", "was"): "compare_at_price",
    ("scheduled prices", "old_was"): "old_compare_at_price",
    ("scheduled prices", "was"): "compare_at_price",
    ("variants", "is_low_told"): "low_stock_notified",
    ("variants", "is_sold"): "is_sellable",
    ("variants", "low_level"): "reorder_level",
    ("variants", "shelf"): "stock_status",
    ("variants", "was"): "compare_at_price",
}

# Messages that migrations leave for the worker.
TOPICS_OF_MIGRATIONS = {"search-index-outdated"}

# The tables of commit 438bf0e, each with its schema, by what they hold.
TABLES = {
    "users": "accounts.users",
    "unfinished sign-ups": "accounts.sign_ups",
    "avatars": "accounts.avatars",
    "sessions": "accounts.sessions",
    "one-time codes": "accounts.otp_codes",
    "identities": "accounts.identities",
    "addresses": "accounts.addresses",
    "payment methods": "accounts.payment_methods",
    "wishlist items": "accounts.wishlist",
    "shared wishlists": "accounts.wishlist_shares",
    "back-in-stock alerts": "accounts.stock_notices",
    "audit log of accounts": "accounts.staff_acts",
    "imported rows of accounts": "accounts.arrivals",
    "outbox of accounts": "accounts.outbox",
    "carts": "cart.cart",
    "cart lines": "cart.cart_item",
    "imported rows of carts": "cart.arrivals",
    "categories": "catalog.categories",
    "products": "catalog.products",
    "variants": "catalog.variants",
    "products in categories": "catalog.product_categories",
    "browse index": "catalog.browse_index",
    "product details": "catalog.product_specs",
    "product pictures": "catalog.product_images",
    "files of pictures": "catalog.picture_files",
    "reviews": "catalog.reviews",
    "votes on reviews": "catalog.review_votes",
    "stock movements": "catalog.stock_movements",
    "stock reservations": "catalog.stock_reservations",
    "stock imports": "catalog.stock_imports",
    "lines of stock imports": "catalog.stock_import_lines",
    "scheduled prices": "catalog.price_changes",
    "redirects of categories": "catalog.slug_redirects",
    "idempotency keys of products": "catalog.product_submits",
    "search index": "catalog.product_search",
    "search words": "catalog.search_words",
    "audit log of the catalog": "catalog.staff_acts",
    "imported rows of the catalog": "catalog.arrivals",
    "outbox of the catalog": "catalog.outbox",
    "checkouts": "checkout.checkouts",
    "duplicate guards": "checkout.twins",
    "orders": "orders.orders",
    "order lines": "orders.order_item",
    "timelines of orders": "orders.order_events",
    "refunds of orders": "orders.order_refunds",
    "lines of refunds": "orders.order_refund_lines",
    "returns": "orders.order_returns",
    "lines of returns": "orders.order_return_lines",
    "invoice series": "orders.invoice_series",
    "invoices": "orders.invoices",
    "audit log of orders": "orders.staff_acts",
    "outbox of orders": "orders.outbox",
    "payments": "payments.payments",
    "refunds of payments": "payments.refunds",
    "webhook events": "payments.payment_events",
    "charges at Stripe": "payments.stripe_charges",
    "charges at the sandbox": "payments.sandbox_charges",
    "refunds at the sandbox": "payments.sandbox_refunds",
    "outbox of payments": "payments.outbox",
}

Row = Mapping[str, Any]
Snapshot = dict[str, list[Row]]


def place_of(table: str) -> str:
    """The schema and the present name of a table, by what it means."""
    return RENAMED_TABLES.get(table, TABLES[table])


def take(databases: Mapping[str, sa.Engine | sa.Connection], old: Snapshot | None = None) -> Snapshot:
    """Read every table of a shop.

    :param databases: by schema
    :param old: what the same shop held at commit 438bf0e: its tables and columns are read under their present names;
        without it the shop is still of that commit
    :return: rows by what their table means, under the names their columns had at commit 438bf0e
    """
    return {table: _rows(databases, table, old) for table in TABLES}


def _rows(databases: Mapping[str, sa.Engine | sa.Connection], table: str, old: Snapshot | None) -> list[Row]:
    schema, _, name = (TABLES[table] if old is None else place_of(table)).partition(".")
    found = databases[schema]
    with found.connect() if isinstance(found, sa.Engine) else nullcontext(found) as connection:
        is_there = sa.inspect(connection).has_table(name)
        found_rows = connection.execute(sa.text(f"SELECT * FROM {name}")).mappings() if is_there else ()
        rows = [dict(row) for row in found_rows if row.get("topic") not in TOPICS_OF_MIGRATIONS]
    return rows if old is None else [_as_before(table, row, old[table]) for row in rows]


def _as_before(table: str, row: Row, before: Sequence[Row]) -> Row:
    names = {column: RENAMED_COLUMNS.get((table, column), column) for column in (before[0] if before else ())}
    return {column: row.get(name, "the column is missing") for column, name in names.items() if name is not None}


def losses(before: Snapshot, after: Snapshot) -> Iterator[str]:
    """Say what a shop does not hold any more, or holds that it did not hold before.

    :return: a line for each table that differs, with what is not alike in the first row of either kind
    """
    for table, rows in before.items():
        gone = {column for (where, column), name in RENAMED_COLUMNS.items() if where == table and name is None}
        had = Counter(_written(row, gone) for row in rows)
        has = Counter(_written(row, gone) for row in after[table])
        if had != has:
            lost, new = had - has, has - had
            was, now = next(iter(lost), frozenset()), next(iter(new), frozenset())
            yield f"{table}: lost {lost.total()} {sorted(was - now)}, new {new.total()} {sorted(now - was)}"


def _written(row: Row, without: set[str]) -> frozenset[str]:
    return frozenset(f"{column}={value!r}" for column, value in row.items() if column not in without)


def figures(held: Snapshot) -> dict[str, Any]:
    """A few sums that a shopkeeper would know by heart; money in minor units."""
    return {
        "orders by status": _sums(held["orders"], "status", "total_amount"),
        "refunds promised by orders": sum(_minor(row["amount"]) for row in held["refunds of orders"]),
        "refunds made by payments": sum(_minor(row["amount"]) for row in held["refunds of payments"]),
        "payments by status": _sums(held["payments"], "status", "amount"),
        "units on hand": sum(row["on_hand"] for row in held["variants"]),
        "units reserved": sum(row["reserved"] for row in held["variants"]),
        "audit entries by who made them": Counter(
            row["actor"] for table, rows in held.items() if table.startswith("audit log") for row in rows
        ),
        "wishlist items": len(held["wishlist items"]),
        "units in carts": sum(row["quantity"] for row in held["cart lines"]),
        "letters given up": sum(row["parked_at"] is not None for row in held["outbox of orders"]),
        "invoices": sorted(row["number"] for row in held["invoices"]),
    }


def _sums(rows: Sequence[Row], by: str, column: str) -> dict[str, int]:
    sums: Counter[str] = Counter()
    for row in rows:
        sums[row[by]] += _minor(row[column])
    return dict(sums)


def _minor(amount: int | Decimal) -> int:
    """MariaDB keeps rupees with two decimals, SQLite paise."""
    return int(amount.scaleb(2)) if isinstance(amount, Decimal) else amount
