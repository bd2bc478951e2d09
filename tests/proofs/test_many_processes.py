"""Three servers behind nginx and two workers are one shop, also while one of them is killed or all are restarted.

docs/scaling.md has the figures of the long tests.
"""

from __future__ import annotations

import http.client
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from itertools import cycle
from pathlib import Path
from time import monotonic
from urllib.parse import urlsplit

import pytest

from storefront.db.session import read_session
from tests import consistency
from tests.conftest import MARIADB
from tests.consistency import Stock
from tests.factories.catalog import make_product
from tests.isolated_shop import shop_at
from tests.live_server import eventually
from tests.many_processes import SERVERS, ManyProcesses, many_processes
from tests.proofs.live_shop import PAYMENTS, SECRET, LoadShop, Record, report
from tests.proofs.load_clients import Answer, press_all
from tests.run import MissingError

pytestmark = pytest.mark.skipif(MARIADB is None, reason="no MariaDB: start with bin/test")

CLIENTS = 6
PAGES = ("/", "/products", "/category/electronics", "/products?q=cotton", "/cart", "/api/products/1")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ManyProcesses]:
    try:
        with many_processes(tmp_path_factory.mktemp("many"), SECRET_KEY=SECRET) as running:
            yield running
    except MissingError as reason:
        pytest.skip(str(reason))


@pytest.fixture
def load_shop(shop: ManyProcesses, real_time: None) -> Iterator[LoadShop]:
    live = shop.live
    with (
        shop_at(live.database_url, live.folder, SECRET_KEY=SECRET, PUBLIC_ORIGIN=live.origin) as app,
        app.app_context(),
    ):
        yield LoadShop(live, app)


class Visitors:
    """Clients that open pages, each in turn, until they are stopped."""

    def __init__(self, origin: str) -> None:
        self.statuses: Counter[int] = Counter()
        self._host, self._lock, self._stopped = urlsplit(origin).netloc, threading.Lock(), threading.Event()

    def browse(self) -> None:
        for page in cycle(PAGES):
            if self._stopped.is_set():
                return
            try:
                with closing(http.client.HTTPConnection(self._host, timeout=60)) as connection:
                    connection.request("GET", page)
                    status = connection.getresponse().status
            except (OSError, http.client.HTTPException):
                status = 0
            with self._lock:
                self.statuses[status] += 1

    def stop(self) -> None:
        self._stopped.set()

    @property
    def failed(self) -> int:
        """Requests without an answer, or with one of a server that could not."""
        return sum(count for status, count in self.statuses.items() if status == 0 or status >= 500)


@contextmanager
def browsing(origin: str) -> Iterator[Visitors]:
    """Have pages opened while the block runs."""
    visitors = Visitors(origin)
    with ThreadPoolExecutor(CLIENTS) as pool:
        clients = [pool.submit(visitors.browse) for _ in range(CLIENTS)]
        try:
            eventually(lambda: visitors.statuses.total() > CLIENTS, "the first pages")
            yield visitors
        finally:
            visitors.stop()
    for client in clients:
        client.result()


def order_while(load_shop: LoadShop, buyers: int, act: Callable[[], object]) -> list[Answer]:
    """Have orders placed at once, and something done as soon as the first of them has taken its unit.

    :return: their answers; some may have failed
    """
    mug = make_product(name="Clay Mug", stock=buyers)
    presses = [load_shop.shopper((mug, 1)) for _ in range(buyers)]

    def act_in_time() -> None:
        with load_shop.app.app_context():
            eventually(lambda: _is_taken(mug.sku, buyers), "the first order")
        act()

    with ThreadPoolExecutor(1) as pool:
        acting = pool.submit(act_in_time)
        answers = [answer for (answer,) in press_all(load_shop.live.origin, presses)]
        acting.result()
    load_shop.settle()
    sold = consistency.units_sold(mug.sku)
    accepted = {answer.order_id for answer in answers if answer.has_order}
    assert len(accepted) <= sold <= buyers, "an order that was accepted is lost, or one was placed twice"
    assert all(load_shop.ordered_units(press).total() <= 1 for press in presses)
    return answers


def _is_taken(sku: str, stock: int) -> bool:
    read_session().rollback()
    return consistency.stock_of(sku) != Stock(on_hand=stock, reserved=0)


@pytest.mark.parametrize(("buyers", "units"), [(15, 5), pytest.param(64, 20, marks=pytest.mark.long)])
def test_the_last_units_are_sold_once_whichever_server_is_asked(
    load_shop: LoadShop, record_property: Record, buyers: int, units: int
) -> None:
    mug = make_product(name="Clay Mug", stock=units)
    payments = cycle(PAYMENTS)
    presses = [load_shop.shopper((mug, 1), payment=next(payments)) for _ in range(buyers)]
    answers = [answer for (answer,) in load_shop.press(presses)]
    accepted = {answer.order_id for answer in answers if answer.has_order}
    report(record_property, answers, f"{len(accepted)} orders of {units} units")
    assert len(accepted) == units
    assert consistency.stock_of(mug.sku) == Stock(on_hand=0, reserved=0)
    load_shop.settle()


def test_an_order_sent_twice_at_once_to_several_servers_is_one_order(load_shop: LoadShop) -> None:
    mug = make_product(name="Clay Mug", stock=9)
    press = load_shop.shopper((mug, 1))
    twice = type(press)(press.cookie, press.page, press.form, times=4)
    (answers,) = load_shop.press([twice])
    assert len({answer.order_id for answer in answers if answer.has_order}) == 1
    assert consistency.stock_of(mug.sku) == Stock(on_hand=8, reserved=0)
    load_shop.settle()


@pytest.mark.parametrize("buyers", [12, pytest.param(60, marks=pytest.mark.long)])
def test_a_server_that_is_killed_fails_what_it_has_in_hand_and_loses_no_order(
    shop: ManyProcesses, load_shop: LoadShop, record_property: Record, buyers: int
) -> None:
    victim = shop.servers[0]
    with browsing(shop.live.origin) as visitors:
        answers = order_while(load_shop, buyers, victim.kill)
        failed_orders = sum(max(answer.statuses) >= 500 for answer in answers)
        began = monotonic()
        victim.start()
        seconds = monotonic() - began
    accepted = sum(answer.has_order for answer in answers)
    report(
        record_property,
        answers,
        f"killed: {accepted} of {buyers} orders accepted, {failed_orders} failed, {visitors.failed} of "
        f"{visitors.statuses.total()} pages failed, replaced in {seconds:.1f} s",
    )
    assert accepted + failed_orders == buyers
    in_its_hands = buyers // SERVERS + CLIENTS  # it accepts more connections than it has threads
    assert failed_orders + visitors.failed <= in_its_hands


@pytest.mark.parametrize("buyers", [6, pytest.param(60, marks=pytest.mark.long)])
def test_a_restart_of_one_server_after_the_other_fails_no_request(
    shop: ManyProcesses, load_shop: LoadShop, record_property: Record, buyers: int
) -> None:
    def restart() -> None:
        for server in shop.servers:
            assert server.process is not None
            before = children_of(server.process.pid)
            server.process.send_signal(signal.SIGHUP)
            eventually(lambda: not before & children_of(server.process.pid), "the old process to end")  # noqa: B023
            eventually(server.is_ready, "the new process to answer")

    with browsing(shop.live.origin) as visitors:
        answers = order_while(load_shop, buyers, restart)
    text = f"restarted: {buyers} orders, {visitors.statuses.total()} pages, {visitors.failed} failed"
    report(record_property, answers, text)
    assert all(answer.has_order for answer in answers)
    assert visitors.failed == 0, visitors.statuses


def children_of(pid: int) -> set[str]:
    return set(Path(f"/proc/{pid}/task/{pid}/children").read_text().split())


def test_when_a_worker_is_killed_the_other_does_its_work(
    shop: ManyProcesses, load_shop: LoadShop, record_property: Record
) -> None:
    emails = load_shop.order_emails()
    answers = order_while(load_shop, 6, shop.workers[1].kill)
    shop.workers[1].start()
    assert all(answer.has_order for answer in answers)
    eventually(lambda: load_shop.order_emails() == emails + 6, "an e-mail for each order")


def test_without_redis_the_shop_sells_and_its_jobs_wait(
    shop: ManyProcesses, load_shop: LoadShop, record_property: Record
) -> None:
    emails = load_shop.order_emails()
    mug = make_product(name="Clay Mug", stock=6)
    presses = [load_shop.shopper((mug, 1)) for _ in range(6)]
    with browsing(shop.live.origin) as visitors:
        shop.redis.kill()
        try:
            answers = [answer for (answer,) in load_shop.press(presses)]
        finally:
            shop.redis.start()
        began = monotonic()
        load_shop.settle()
    text = f"without Redis: {len(answers)} orders, {visitors.failed} of {visitors.statuses.total()} pages failed"
    report(record_property, answers, f"{text}, all jobs done {monotonic() - began:.0f} s after its return")
    assert all(answer.has_order for answer in answers)
    assert visitors.failed == 0
    eventually(lambda: load_shop.order_emails() == emails + 6, "an e-mail for each order")
