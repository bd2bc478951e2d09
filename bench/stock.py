"""Benchmark of the staff's stock pages: `python -m bench.stock [--rounds 60] [--import-lines 50000]`.

It measures the shop that the environment names, as `bench.pages` does, signed in as a member of the stock staff, which
it creates if needed. With `--import-lines` it also checks and applies an import file with that many counts.

It writes to the database: every third variant gets sales of the last 30 days, so that there is something to sort by.
Run it on a copy that is not needed.
"""

from __future__ import annotations

import argparse
import base64
import json
import statistics
import time
from contextlib import suppress
from itertools import islice

import sqlalchemy as sa
from flask import Flask
from werkzeug.test import Client

from bench.pages import bare_app, count_selects, timed
from config import Config
from storefront import create_app
from storefront.accounts import service as accounts
from storefront.accounts.values import EmailTaken, Role, UserId
from storefront.catalog import inventory
from storefront.catalog.models import NEVER_ENDS, Variant
from storefront.db.session import read_session, transaction

PAGES = {
    "shop, all products": "/products",
    "stock": "/staff/stock",
    "stock, by name": "/staff/stock?sort=name",
    "stock, fewest available": "/staff/stock?sort=available",
    "stock, days left": "/staff/stock?sort=days",
    "stock, most sold": "/staff/stock?sort=sold",
    "low": "/staff/stock?show=low",
    "low, by name": "/staff/stock?show=low&sort=name",
    "low, days left": "/staff/stock?show=low&sort=days",
    "low, most sold": "/staff/stock?show=low&sort=sold",
    "sold out, fewest available": "/staff/stock?show=out&sort=available",
    "sold out, most sold": "/staff/stock?show=out&sort=sold",
    "reserved": "/staff/stock?show=reserved",
    "reserved, by name": "/staff/stock?show=reserved&sort=name",
    "off sale": "/staff/stock?show=inactive",
    "off sale, days left": "/staff/stock?show=inactive&sort=days",
    "search, a SKU": "/staff/stock?q=GEN-0004242",
    "search, its beginning": "/staff/stock?q=GEN-00",
    "search, one word": "/staff/stock?q=monsoon",
    "search, one word, low": "/staff/stock?q=monsoon&show=low",
    "restock list": "/staff/stock/restock",
    "ledger": "/staff/stock/movements",
    "ledger of a SKU": "/staff/stock/movements?sku=GEN-0004242",
    "ledger of a person": "/staff/stock/movements?who=demo",
    "ledger of a reason": "/staff/stock/movements?why=lost",
    "ledger of a day": "/staff/stock/movements?since=2020-01-01&until=2020-01-02",
}


def sign_in(shop: Flask, client: Client) -> None:
    """Sign a client in as a member of the stock staff."""
    email = "bench@localhost.example"
    with suppress(EmailTaken):
        accounts.create_staff(email, "Bench", Role.STOCK_STAFF, "only for measuring 4711")
    user = next(member for member in accounts.staff_members() if member.email == email)
    reference = accounts.open_session(UserId(user.id), "bench", second_factor=True)
    serializer = shop.session_interface.get_signing_serializer(shop)  # type: ignore[attr-defined]
    client.set_cookie(shop.config["SESSION_COOKIE_NAME"], serializer.dumps({"_user_id": reference, "_fresh": True}))


def fill_sales_column() -> None:
    """Set the sales of the last 30 days of every third variant, without ledger entries."""
    with transaction("catalog") as session:
        sales = sa.update(Variant).where(Variant.id % 3 == 0).values(sold_30=Variant.id % 40)
        session.execute(sales)


def page_after(url: str, *row: object) -> str:
    """URL of the page after a row.

    :param row: the row's values of the sort columns
    """
    cursor = base64.urlsafe_b64encode(json.dumps([False, *row]).encode()).decode().rstrip("=")
    return f"{url}{'&' if '?' in url else '?'}at={cursor}"


def measure_import(line_count: int) -> None:
    """Check and apply a file of counts, each one higher than the current stock."""
    rows = [f"{row.sku},{row.on_hand},{row.on_hand + 1}" for row in islice(inventory.admin.export_stock(), line_count)]
    content = "\n".join(["sku,on_hand,count", *rows, ""]).encode()
    began = time.perf_counter()
    import_id = inventory.admin.check_file(content, file_name="bench.csv", actor="bench")
    checked = time.perf_counter()
    inventory.admin.start_import(import_id)
    inventory.admin.apply_import(import_id)
    applied = time.perf_counter()
    read_session().rollback()
    state = inventory.admin.get_import(import_id).state
    print(f"{len(rows):,} lines: checked in {checked - began:.1f} s, {state} in {applied - checked:.1f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--import-lines", type=int, default=0)
    arguments = parser.parse_args()

    shop = create_app(Config())
    bare, client = Client(bare_app()), shop.test_client()
    with shop.test_request_context():
        sign_in(shop, client)
        fill_sales_column()
    with shop.app_context():
        row = (
            read_session()
            .execute(sa.select(Variant).where(Variant.days_left == NEVER_ENDS).offset(60_000))
            .scalars()
            .first()
        )
        deep_pages = {
            "stock, deep": page_after("/staff/stock", row.sku),
            "stock, days left, deep": page_after("/staff/stock?sort=days", row.days_left, row.id),
        }
    pages = PAGES | deep_pages
    selects = {name: count_selects(lambda url=url: client.get(url)) for name, url in pages.items()}
    times: dict[str, list[float]] = {name: [] for name in ("bare", *pages)}
    for _ in range(arguments.rounds):
        times["bare"].append(timed(bare, "/"))
        for name, url in pages.items():
            times[name].append(timed(client, url))

    basis = statistics.median(times["bare"])
    print(f"{'page':32} {'ratio':>7} {'median ms':>10} {'p95 ms':>8} {'selects':>8}")
    for name, seconds in times.items():
        p95, median = statistics.quantiles(seconds, n=20)[-1], statistics.median(seconds)
        print(f"{name:32} {median / basis:7.1f} {median * 1000:10.2f} {p95 * 1000:8.2f} {selects.get(name, 0):8}")
    if arguments.import_lines:
        with shop.app_context():
            measure_import(arguments.import_lines)


if __name__ == "__main__":
    main()
