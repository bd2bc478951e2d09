"""Random load with stock changes, while the server or the worker is killed every few seconds: no rule is violated.

CHAOS_SECONDS=600 bin/test -m long tests/proofs/test_chaos.py
"""

from __future__ import annotations

import http.client
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import func, select

from storefront.catalog import inventory
from storefront.catalog.models import Variant
from storefront.catalog.values import ProductCard
from storefront.checkout import service as checkout
from storefront.cli.consistency import violations
from storefront.db.session import read_session
from storefront.orders.models import Message, Order
from tests.conftest import ENGINES
from tests.factories.catalog import make_product
from tests.factories.shopping import CONTACT, DELIVERY
from tests.factories.stock import receive
from tests.live_server import Program, eventually
from tests.proofs.live_shop import ORDER_FORM, LoadShop, Record, open_load_shop
from tests.proofs.load_clients import Press, Visitor

pytestmark = pytest.mark.usefixtures("real_time")

SECONDS = float(os.environ.get("CHAOS_SECONDS", "60"))
SHOPPERS = int(os.environ.get("CHAOS_SHOPPERS", "20"))
KILL_INTERVAL = (5.0, 20.0) if SECONDS > 120 else (4.0, 10.0)  # seconds between two kills
SERVES_WITHIN = 5.0  # seconds from the start after kill -9
RECOVERED_WITHIN = 90.0  # seconds; a lease, a sweep and its work on a busy machine
CARDS = ["cod", "cod", "sandbox-success", "sandbox-success", "sandbox-decline", "sandbox-timeout"]
NO_ANSWER = (OSError, http.client.HTTPException, LookupError)  # the server was killed; LookupError: a 503 page


@dataclass
class Results:
    """What the clients observed.

    :ivar orders: order numbers that were shown
    :ivar outcomes: number of visits, statuses and lost answers by kind
    :ivar serves_after: seconds from a start until the server answered
    :ivar lowest: lowest stock figure that was read
    :ivar reads: how often stock was read
    """

    orders: set[str] = field(default_factory=set)
    outcomes: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    serves_after: list[float] = field(default_factory=list)
    lowest: int = 10**9
    reads: int = 0


@pytest.fixture(params=ENGINES)
def load_shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LoadShop]:
    with open_load_shop(request.param, tmp_path) as load_shop, load_shop.app.app_context():
        yield load_shop


def shop_once(host: str, goods: list[ProductCard], results: Results) -> None:
    """Buy one or two random products; some orders are cancelled afterwards."""
    visitor = Visitor(host, "")
    for product in random.sample(goods, random.randint(1, 2)):
        step(visitor, f"/product/{product.id}-{product.slug}", "#add-line", quantity=str(random.randint(1, 3)))
    forms = {"contact": CONTACT, "delivery": DELIVERY, "payment": {"option": random.choice(CARDS)}}
    for name, fields in forms.items():
        step(visitor, f"/checkout/{name}", "form.checkout__form", **fields)
    path, body = visitor.prepare(Press("", "/checkout/review", ORDER_FORM))
    for _ in range(10):  # people press again if there is no answer
        try:
            answer = visitor.press(path, body)
        except NO_ANSWER:
            results.outcomes["retried"] += 1
            time.sleep(0.5)
            continue
        record_statuses(answer.statuses, results)
        if answer.statuses[-1] != 503:
            break
        time.sleep(0.5)
    else:
        return
    results.outcomes["order" if answer.has_order else "refused" if answer.notices else "left"] += 1
    if answer.has_order:
        number = answer.order_id.partition("?")[0]
        results.orders.add(number)
        if random.random() < 0.3:
            step(visitor, f"/orders/{number}", f'form[action$="{number}/cancellation"]')
            results.outcomes["cancelled"] += 1


def record_statuses(statuses: list[int], results: Results) -> None:
    results.outcomes.update(str(status) for status in statuses)
    results.errors += [str(status) for status in statuses if status >= 500 and status != 503]


def step(visitor: Visitor, page: str, form: str, **fields: str) -> None:
    path, body = visitor.prepare(Press("", page, form, fields=fields))
    visitor.ask("POST", path, body)


def in_threads(
    load_shop: LoadShop, actions: list[Callable[[], None]], stop: threading.Event, results: Results
) -> list[threading.Thread]:
    """Repeat each action in a thread of its own until `stop` is set."""

    def run(action: Callable[[], None]) -> None:
        while not stop.is_set():
            with load_shop.app.app_context():
                try:
                    action()
                except NO_ANSWER as error:
                    results.outcomes[f"no answer: {type(error).__name__}"] += 1
                    time.sleep(0.3)
                except Exception as error:  # noqa: BLE001 - asserted at the end
                    results.errors.append(f"{type(error).__name__}: {error}")

    threads = [threading.Thread(target=run, args=[action]) for action in actions]
    for thread in threads:
        thread.start()
    return threads


def change_stock(goods: list[ProductCard]) -> None:
    """Let staff receive units of a random product, or remove one."""
    sku, units = random.choice(goods).sku, random.choice([1, 2, 3, 5, -1])
    with suppress(inventory.admin.StockConflict):  # there may be nothing to remove
        receive(sku, units)
    time.sleep(random.uniform(0.1, 0.5))


def watch_stock(results: Results) -> None:
    """Record the lowest stock figures."""
    counts = (Variant.on_hand, Variant.reserved, Variant.on_hand - Variant.reserved)
    lowest = min(read_session().execute(select(*(func.min(count) for count in counts))).one())
    results.lowest = min(results.lowest, lowest)
    results.reads += 1
    time.sleep(0.02)


def kill_and_restart(program: Program, results: Results) -> None:
    program.kill()
    began = time.monotonic()
    program.start()
    if program.name == "server":
        results.serves_after.append(time.monotonic() - began)


def persistent_violations() -> set[str]:
    """Violations that are found repeatedly: the check reads one database after another while the shop is running."""
    found = set(violations())
    for _ in range(5):
        if not found:
            break
        time.sleep(0.5)
        read_session().rollback()
        found &= set(violations())
    read_session().rollback()
    return found


def is_settled() -> bool:
    read_session().rollback()
    open_messages = read_session().scalar(select(func.count()).where(Message.delivered_at.is_(None)))
    running = [state for state, _ in checkout.states().values() if state in {"running", "undoing"}]
    return not open_messages and not running


@pytest.mark.long
def test_no_rule_is_violated_whatever_is_killed(load_shop: LoadShop, record_property: Record) -> None:
    goods = [make_product(name=f"Mug {number}", stock=20) for number in range(6)]
    results, stop, ends_at = Results(), threading.Event(), time.monotonic() + SECONDS
    host = load_shop.live.origin.removeprefix("http://")
    actions = [lambda: shop_once(host, goods, results)] * SHOPPERS
    actions += [lambda: change_stock(goods), lambda: watch_stock(results)]
    threads = in_threads(load_shop, actions, stop, results)
    kills: Counter[str] = Counter()
    try:
        while time.monotonic() < ends_at:
            time.sleep(random.uniform(*KILL_INTERVAL))
            program = random.choice([load_shop.live.server, load_shop.live.server, load_shop.live.worker])
            kill_and_restart(program, results)
            kills[program.name] += 1
            assert persistent_violations() == set()
    finally:
        stop.set()
        for thread in threads:
            thread.join(90)
    began = time.monotonic()
    eventually(is_settled, "everything to recover", within=RECOVERED_WITHIN)
    recovered = time.monotonic() - began
    assert persistent_violations() == set()
    known = set(read_session().scalars(select(Order.order_id)))
    figures = (
        f"{SECONDS:.0f} s, {SHOPPERS} shoppers, kills {dict(kills)}, {len(results.orders)} orders shown, "
        f"{len(known)} written, {dict(results.outcomes)}, lowest stock {results.lowest} in {results.reads} reads, "
        f"served again after {max(results.serves_after, default=0):.1f} s at most under that load, "
        f"settled {recovered:.0f} s after it"
    )
    record_property("figures", figures)
    print(figures)
    assert results.orders <= known
    assert results.lowest >= 0
    assert results.errors == []


@pytest.mark.long
def test_the_server_answers_soon_after_a_kill(load_shop: LoadShop, record_property: Record) -> None:
    """No repair is needed at start-up: unfinished checkouts are resumed in the background."""
    results = Results()
    for _ in range(5):
        kill_and_restart(load_shop.live.server, results)
    record_property("figures", results.serves_after)
    print([f"{seconds:.1f} s" for seconds in results.serves_after])
    assert max(results.serves_after) < SERVES_WITHIN
