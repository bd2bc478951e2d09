"""Benchmark of the pages against a bare Flask view: `python -m bench.pages [--rounds 200]`.

It measures the shop that the environment names (STOREFRONT_DATA, DATABASE_URL) in this process, without a network.
Each round requests the bare view and every page in turn, so that other load on the machine affects all alike.
Ratios are to the bare view; milliseconds depend on the machine and cannot be compared with others.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import sqlalchemy as sa
from flask import Flask
from sqlalchemy import event
from werkzeug.test import Client

from config import Config
from storefront import create_app

PAGES = {
    "home": "/",
    "all products": "/products",
    "category": "/category/electronics",
    "category, page 50": "/category/electronics?page=50",
    "category, by price": "/category/electronics?sort=price-low",
    "category, three facets": "/category/electronics?price=1000-5000&price=5000-20000&rating=4&stock=1",
    "category, one brand in stock": "/category/fashion?brand=Mira+House&stock=1",
    "search, one word": "/products?q=monsoon",
    "search, two words": "/products?q=quiet+deccan",
    "search, a SKU": "/products?q=GEN-0004242",
    "product": "/product/1-apple-iphone-15-pro-max",
    "cart, empty": "/cart",
}


def bare_app() -> Flask:
    """A Flask application with a single view that returns "ok"."""
    app = Flask("bare")
    app.add_url_rule("/", "bare", lambda: "ok")
    return app


def timed(client: Client, url: str) -> float:
    """Request a URL and return the seconds that it took; exit unless it answers 200."""
    began = time.perf_counter()
    response = client.get(url)
    body = response.get_data()
    seconds = time.perf_counter() - began
    if response.status_code != 200 or not body:
        raise SystemExit(f"{url}: {response.status_code}")
    return seconds


def count_selects(request: Callable[[], object]) -> int:
    """Number of SELECTs during one call of a function."""
    count = 0

    def add(conn: object, cursor: object, statement: str, *_: object) -> None:
        nonlocal count
        count += statement.lstrip().upper().startswith(("SELECT", "WITH"))

    event.listen(sa.engine.Engine, "before_cursor_execute", add)
    try:
        request()
    finally:
        event.remove(sa.engine.Engine, "before_cursor_execute", add)
    return count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    rounds = parser.parse_args().rounds

    shop = create_app(Config())
    bare, client = Client(bare_app()), Client(shop)
    client.set_cookie(shop.config["SESSION_COOKIE_NAME"], "of nobody")  # or whole pages come from their cache
    times: dict[str, list[float]] = {name: [] for name in ("bare", *PAGES)}
    shop.config["CACHE_ENABLED"] = False
    cold = {name: (count_selects(lambda url=url: client.get(url)), timed(client, url)) for name, url in PAGES.items()}
    shop.config["CACHE_ENABLED"] = True
    for _ in range(rounds):
        times["bare"].append(timed(bare, "/"))
        for name, url in PAGES.items():
            times[name].append(timed(client, url))

    basis = statistics.median(times["bare"])
    print(f"{'page':30} {'ratio':>7} {'median ms':>10} {'p95 ms':>8} {'uncached ms':>12} {'selects':>8}")
    for name, seconds in times.items():
        selects, uncached = cold.get(name, (0, 0.0))
        p95 = statistics.quantiles(seconds, n=20)[-1]
        median = statistics.median(seconds)
        print(
            f"{name:30} {median / basis:7.1f} {median * 1000:10.2f} {p95 * 1000:8.2f} "
            f"{uncached * 1000:12.1f} {selects:8}"
        )


if __name__ == "__main__":
    main()
