"""What the stock desk costs beside a bare Flask view: `python -m bench.stock [--rounds 60] [--import-lines 50000]`.

It measures the shop that the environment names, as `bench.pages` does, signed in as somebody of the stock staff, whom
it makes if need be. With `--import-lines` it then checks and applies a file of so many counts, and says how long each
took.
To have something to sort by, it first gives every third variant sales in the last 30 days, in the desk's column alone:
run it on a copy that nobody needs.
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
from storefront.accounts.service import Role, UserId
from storefront.catalog.models import NEVER_ENDS, Variant
from storefront.catalog.service import inventory_admin
from storefront.db.session import read_session, transaction

PAGES = {
    "shop, all products": "/products",
    "desk": "/staff/stock",
    "desk, by name": "/staff/stock?sort=name",
    "desk, fewest available": "/staff/stock?sort=available",
    "desk, days left": "/staff/stock?sort=days",
    "desk, most sold": "/staff/stock?sort=sold",
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
    """Be somebody of the stock staff."""
    email = "bench@localhost.example"
    with suppress(accounts.EmailTaken):
        accounts.create_staff(email, "Bench", Role.STOCK_STAFF, "only for measuring 4711")
    user = next(member for member in accounts.staff_members() if member.email == email)
    reference = accounts.open_session(UserId(user.id), "bench", second_factor=True)
    serializer = shop.session_interface.get_signing_serializer(shop)  # type: ignore[attr-defined]
    client.set_cookie(shop.config["SESSION_COOKIE_NAME"], serializer.dumps({"_user_id": reference, "_fresh": True}))


def sell_some() -> None:
    """Sales for the desk's columns to sort by, without a ledger that would explain them."""
    with transaction("catalog") as session:
        few = sa.update(Variant).where(Variant.id % 3 == 0).values(sold_30=Variant.id % 40)
        session.execute(few)


def far_into(url: str, *row: object) -> str:
    """The address of the page after a row, given what rows are ordered by."""
    cursor = base64.urlsafe_b64encode(json.dumps([False, *row]).encode()).decode().rstrip("=")
    return f"{url}{'&' if '?' in url else '?'}at={cursor}"


def measure_import(line_count: int) -> None:
    """Check and apply a file of counts, each one more than there is."""
    rows = [f"{row.sku},{row.on_hand},{row.on_hand + 1}" for row in islice(inventory_admin.export_stock(), line_count)]
    content = "\n".join(["sku,on_hand,count", *rows, ""]).encode()
    began = time.perf_counter()
    import_id = inventory_admin.check_file(content, file_name="bench.csv", actor="bench")
    checked = time.perf_counter()
    inventory_admin.start_import(import_id)
    inventory_admin.apply_import(import_id)
    applied = time.perf_counter()
    read_session().rollback()
    state = inventory_admin.get_import(import_id).state
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
        sell_some()
    with shop.app_context():
        row = (
            read_session()
            .execute(sa.select(Variant).where(Variant.days_left == NEVER_ENDS).offset(60_000))
            .scalars()
            .first()
        )
        far = {
            "desk, far into it": far_into("/staff/stock", row.sku),
            "desk, days left, far into it": far_into("/staff/stock?sort=days", row.days_left, row.id),
        }
    pages = PAGES | far
    selects = {name: count_selects(lambda url=url: client.get(url)) for name, url in pages.items()}
    times: dict[str, list[float]] = {name: [] for name in ("bare", *pages)}
    for _ in range(arguments.rounds):
        times["bare"].append(timed(bare, "/"))
        for name, url in pages.items():
            times[name].append(timed(client, url))

    basis = statistics.median(times["bare"])
    print(f"{'page':32} {'ratio':>7} {'median ms':>10} {'p95 ms':>8} {'selects':>8}")
    for name, taken in times.items():
        p95, middle = statistics.quantiles(taken, n=20)[-1], statistics.median(taken)
        print(f"{name:32} {middle / basis:7.1f} {middle * 1000:10.2f} {p95 * 1000:8.2f} {selects.get(name, 0):8}")
    if arguments.import_lines:
        with shop.app_context():
            measure_import(arguments.import_lines)


if __name__ == "__main__":
    main()
