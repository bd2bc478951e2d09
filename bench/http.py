"""Benchmark over HTTP: `python -m bench.http [--seconds 3] [--rounds 3] [--connections 8] [--orders 40]`; needs wrk.

The shop that the environment names (STOREFRONT_DATA, DATABASE_URL) and two yardsticks run in the same server with the
same settings (WEB_CONCURRENCY, WEB_THREADS), asked in turn, so that other load affects all alike: (a) a constant
page of 30 kB, (b) a page of 24 products by the ORM. Ratios are medians of the rounds; requests per second depend on
the machine. Every request of a row must be answered 200 or 303. "Alone" is with one connection, so that at most half of
two processors is busy.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
from collections import defaultdict
from dataclasses import dataclass, field
from urllib.parse import urlencode

from bench import visitors
from bench.server import PORTS, Figures, memory, processor_seconds, run_wrk, server

CATEGORY = "/category/electronics"
PRODUCT = "/product/1-apple-iphone-15-pro-max"


@dataclass(frozen=True)
class Row:
    """Something that is measured.

    :ivar visitor: "new" has no cookie; "cart" has three lines in the cart; "account" is signed in
    :ivar base: the yardstick of its ratio
    :ivar form: fields to post, besides the SKU; none: a GET
    """

    name: str
    path: str
    visitor: str = "new"
    base: str = "b"
    form: dict[str, str] | None = None


ROWS = [
    Row("home", "/", base="a"),
    Row("category", CATEGORY, base="a"),
    Row("product", PRODUCT, base="a"),
    *(
        Row(f"{name}, {described}", path, visitor)
        for visitor, described in (("cart", "with a cart"), ("account", "signed in"))
        for name, path in (
            ("category", CATEGORY),
            ("product", PRODUCT),
            ("search", "/products?q=monsoon"),
        )
    ),
    Row("cart, three lines", "/cart", "cart"),
    Row("add to a new cart", "/cart/lines", form={"quantity": "1", "csrf_token": ""}),
    Row("JSON product", "/api/products/1"),
    Row("JSON list, 20 products", "/api/products?page=0&size=20"),
]


@dataclass
class Results:
    """The figures of all rounds, by row; the yardsticks are rows, too."""

    busy: defaultdict[str, list[Figures]] = field(default_factory=lambda: defaultdict(list))
    alone: dict[str, Figures] = field(default_factory=dict)
    ratios: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))


class Benchmark:
    """Measures every row, in turn with the yardsticks."""

    def __init__(self, shop: int, yardstick: int, options: argparse.Namespace) -> None:
        """Prepare the visitors.

        :param shop: id of the first process of its server
        """
        self._shop, self._yardstick, self._options = shop, yardstick, options
        cart, self._sku = visitors.cart_visitor()
        self._cookies = {"new": "", "cart": cart, "account": visitors.signed_in_cookie()}

    def run(self) -> Results:
        results = Results()
        for number in range(self._options.rounds):
            bases = {}
            for name, path in (("a", "/constant"), ("b", "/orm")):
                bases[name] = self._ask_yardstick(path)
                results.busy[f"({name})"].append(bases[name])
            for row in ROWS:
                found = self._ask(row, connections=self._options.connections)
                results.busy[row.name].append(found)
                results.ratios[row.name].append(found.per_second / bases[row.base].per_second)
                if number == 0:
                    results.alone[row.name] = self._ask(row, connections=1)
        return results

    def _ask_yardstick(self, path: str) -> Figures:
        size = {"seconds": self._options.seconds, "connections": self._options.connections}
        return run_wrk(PORTS["yardstick"], path, {}, "", self._yardstick, **size)

    def _ask(self, row: Row, *, connections: int) -> Figures:
        headers = {"Accept-Encoding": "gzip, deflate, br, zstd"}
        if cookie := self._cookies[row.visitor]:
            headers["Cookie"] = cookie
        form = urlencode({**row.form, "sku": self._sku}) if row.form else ""
        if form:
            headers |= {"Content-Type": visitors.FORM, "HX-Request": "true", **visitors.OWN}
        size = {"seconds": self._options.seconds, "connections": connections}
        return run_wrk(PORTS["shop"], row.path, headers, form, self._shop, **size)

    def order(self, count: int) -> tuple[float, float]:
        """Place orders, one after another.

        :return: seconds of processor and requests of an order
        """
        products = visitors.products_for_sale(count)
        visitors.order(products[0])  # prepares what the first order of a process needs
        before = processor_seconds(self._shop)
        requests = [visitors.order(product) for product in products]
        return (processor_seconds(self._shop) - before) / count, statistics.mean(requests)


def show(results: Results) -> None:
    """Print the table."""
    bases = {row.name: row.base for row in ROWS}
    heads = ("req/s", "p50 ms", "p99 ms", "alone p50", "alone p99", "cpu ms", "kB", "ratio")
    print(f"{'row':24}" + "".join(f"{head:>14}" for head in heads))
    for name, figures in results.busy.items():
        middle = sorted(figures, key=lambda each: each.per_second)[len(figures) // 2]
        alone = results.alone.get(name)
        columns = [f"{middle.per_second:.0f}", f"{middle.p50 * 1000:.2f}", f"{middle.p99 * 1000:.2f}"]
        columns += [f"{alone.p50 * 1000:.2f}", f"{alone.p99 * 1000:.2f}"] if alone else ["", ""]
        columns += [f"{middle.processor * 1000:.2f}", f"{middle.bytes / 1000:.1f}"]
        columns += [f"{statistics.median(results.ratios[name]):.0%} of ({bases[name]})" if alone else ""]
        print(f"{name:24}" + "".join(f"{column:>14}" for column in columns))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=3, help="of each run")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--orders", type=int, default=40)
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is missing. On Debian: apt-get install wrk")
    options = parser.parse_args()
    with server("yardstick", "bench.yardsticks:app") as yardstick, server("shop", "wsgi:app") as shop:
        benchmark = Benchmark(shop, yardstick, options)
        show(benchmark.run())
        processor, requests = benchmark.order(options.orders)
        print(f"an order by a guest: {processor * 1000:.0f} ms of processor, {requests:.0f} requests")
        print(f"memory of a server process: {memory(shop):.0f} MiB; of the yardstick's: {memory(yardstick):.0f} MiB")


if __name__ == "__main__":
    main()
