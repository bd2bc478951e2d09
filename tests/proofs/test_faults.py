"""The database of one schema is away: only 503, soon, with Retry-After, or the page works without it; then all is well.

The full figures: `bin/test -m long tests/proofs/test_faults.py`.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from werkzeug.test import Client, TestResponse

from config import SCHEMAS
from storefront.checkout import saga
from storefront.cli import consistency
from storefront.core import clock
from storefront.worker import tasks
from tests import consistency as tests_consistency
from tests import demo_shop
from tests.checkout.purchase import at_step
from tests.conftest import ENGINES, MARIADB, make_databases
from tests.factories.catalog import make_product
from tests.factories.shopping import check_out, fill_cart
from tests.fakes import MemoryPost
from tests.isolated_shop import at_once, shop_at
from tests.live_server import eventually
from tests.page_client import SAME_ORIGIN, Pages
from tests.proofs.faults import House, Proxy, filled_up, small_disk
from tests.times import machine_time

pytestmark = pytest.mark.usefixtures("real_time")

ANSWER_WITHIN = 6.0  # seconds
HEALTHY_WITHIN = 10.0
THREADS = 8  # of a server process
PRODUCT = "/product/6-the-seven-husbands-of-evelyn-hugo"
BROWSING = ["/", "/products", "/products?q=lamp", "/category/books", PRODUCT, "/search/suggestions?q=la"]
SHOPPING = ["/cart", "/checkout", "/checkout/contact", "/checkout/review", "/orders", "/track", "/health"]
ORDER_SCHEMAS = {
    "catalog": ["reserve", "secure", "sell"],
    "payments": ["authorise", "capture"],
    "orders": ["create order", "confirm"],
    "cart": ["clear"],
    "checkout": [step.name for step in saga.STEPS],
}
SHORT = {"sqlite": ["gone"], "mariadb": ["refuses"]}
LONG = {"sqlite": ["full", "locked", "being written"], "mariadb": ["cuts", "hangs"]}  # some wait for seconds
EVERY = {engine: SHORT[engine] + LONG[engine] for engine in ("sqlite", "mariadb")}

Fault = tuple[str, str]  # engine, kind


def faults_of(kinds: dict[str, list[str]]) -> list[Fault]:
    return [(engine, kind) for engine in ENGINES for kind in kinds[engine]]


@pytest.fixture(scope="module")
def houses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, House]]:
    with ExitStack() as stack:
        opened: dict[str, House] = {}
        for engine in ENGINES if MARIADB else ["sqlite"]:
            folder = tmp_path_factory.mktemp(f"house-{engine}")
            opened[engine] = stack.enter_context(open_house(engine, folder))
        yield opened


@contextmanager
def open_house(engine: str, folder: Path) -> Iterator[House]:
    with ExitStack() as stack:
        url = stack.enter_context(contextmanager(make_databases)(engine, folder))
        proxies, settings = {}, {}
        if engine == "mariadb":
            server = sa.make_url(str(MARIADB))
            for schema in SCHEMAS:
                proxies[schema] = proxy = Proxy(server.host or "127.0.0.1", server.port or 3306)
                stack.callback(proxy.close)
                aside = sa.make_url(url.replace("{schema}", schema)).set(host="127.0.0.1", port=proxy.port)
                settings[f"{schema.upper()}_DATABASE_URL"] = aside.render_as_string(hide_password=False)
        app = stack.enter_context(shop_at(url, folder, **settings))
        with machine_time(), app.test_request_context():
            demo_shop.fill()
        app.extensions["mailer"] = MemoryPost()
        yield House(app, proxies)


@pytest.fixture(params=faults_of(SHORT), ids="-".join)
def fault(request: pytest.FixtureRequest) -> Fault:
    pair: Fault = request.param
    return pair


@pytest.fixture
def house(fault: Fault, houses: dict[str, House]) -> House:
    if fault[0] not in houses:
        pytest.skip("no MariaDB: start with bin/test")
    return houses[fault[0]]


def ask(client: Client, url: str, method: str = "GET", **form: str) -> TestResponse:
    """One request, which must be answered in time and, if it is refused, so that one knows when to come again."""
    began = time.monotonic()
    response = client.open(url, method=method, data=form or None, headers=SAME_ORIGIN)
    seconds = time.monotonic() - began
    assert seconds < ANSWER_WITHIN, f"{method} {url}: {seconds:.1f} s"
    assert response.status_code < 500 or response.status_code == 503, f"{method} {url}: {response.status_code}"
    if response.status_code == 503:
        assert response.headers["Retry-After"], url
    return response


def a_shopper(house: House) -> Client:
    """Somebody with a full cart who is about to order."""
    pages = Pages(house.app)
    with house.app.test_request_context():  # not as a command, whose connections wait longer
        product = make_product(stock=50)
    fill_cart(pages, product, 2)
    check_out(pages)
    return pages.client


def order_form(client: Client) -> dict[str, str]:
    """What pressing the button of the review sends."""
    pages = Pages(client.application)
    pages.client = client
    form = pages.get("/checkout/review").one("form.checkout-submit__form")
    return {str(field["name"]): str(field["value"]) for field in form.select("input[name]")}


def settle(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the worker does in the next minutes; then everything must agree."""
    with house.app.test_request_context(base_url=house.app.config["PUBLIC_ORIGIN"]):
        for ahead in (2, 4, 6):
            monkeypatch.setattr(clock, "_read", lambda ahead=ahead: datetime.now(UTC) + timedelta(minutes=ahead))
            tasks.sweep()
            if not saga.unfinished():
                break
    with house.app.test_request_context():
        assert list(consistency.violations()) == []
        tests_consistency.assert_balanced()


def wait_until_ready(house: House) -> None:
    ready = house.app.test_client()
    eventually(lambda: ready.get("/health/ready").status_code == 200, "every schema to answer", within=HEALTHY_WITHIN)


def assert_healthy_soon(house: House, client: Client) -> None:
    """Without a restart, every page works again."""
    wait_until_ready(house)
    for url in [*BROWSING, *SHOPPING]:
        assert ask(client, url).status_code < 400, url


def walk_about(house: House, kind: str, schema: str) -> Counter[int]:
    """Ask for everything while a schema is away.

    :return: the answers
    """
    client = a_shopper(house)
    form = order_form(client)
    with house.fault(kind, schema):
        answers = {url: ask(client, url).status_code for url in [*BROWSING, *SHOPPING]}
        answers["order"] = ask(client, "/checkout/review", "POST", **form).status_code
        answers["sweep"] = sweep_quietly(house)
    if schema != "catalog":
        assert {answers[url] for url in BROWSING} <= {200, 303}, f"browsing needs no {schema}: {answers}"
    assert_healthy_soon(house, client)
    return Counter(answers.values())


def sweep_quietly(house: House) -> int:
    with house.app.test_request_context(base_url=house.app.config["PUBLIC_ORIGIN"]):
        tasks.sweep()
    return 200


@pytest.mark.parametrize("schema", SCHEMAS)
def test_without_one_database_the_shop_answers_503_or_goes_on(
    house: House, fault: Fault, schema: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    print(fault, schema, dict(walk_about(house, fault[1], schema)))
    settle(house, monkeypatch)


@pytest.mark.long
@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize("fault", faults_of(LONG), ids="-".join, indirect=True)
def test_every_other_fault_is_given_up_in_time(
    house: House, fault: Fault, schema: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    print(fault, schema, dict(walk_about(house, fault[1], schema)))
    settle(house, monkeypatch)


@pytest.mark.parametrize("fault", [("sqlite", "locked"), ("mariadb", "hangs")], ids="-".join, indirect=True)
def test_browsing_goes_on_while_the_carts_keep_one_waiting(house: House, fault: Fault) -> None:
    client = a_shopper(house)
    with house.fault(fault[1], "cart"):
        assert ask(client, "/").status_code == 200  # waits once for the badge
        began = time.monotonic()
        assert ask(client, PRODUCT).status_code == 200
        assert time.monotonic() - began < 1
    assert_healthy_soon(house, client)


def order_while(house: House, kind: str, schema: str, step: str, when: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """The database goes away in the middle of an order.

    :return: the status of the answer
    """
    client = a_shopper(house)
    form = order_form(client)
    with monkeypatch.context() as patch, ExitStack() as stack:
        at_step(patch, step, lambda: stack.enter_context(house.fault(kind, schema)), when=when)
        status = ask(client, "/checkout/review", "POST", **form).status_code
    wait_until_ready(house)
    settle(house, monkeypatch)
    assert ask(client, "/checkout/review", "POST", **form).status_code == 303, "sent again, it leads to the order"
    return status


ALL_STEPS = [(schema, step) for schema, steps in ORDER_SCHEMAS.items() for step in steps]
OWN_STEPS = [*(pair for pair in ALL_STEPS if pair[0] != "checkout"), ("checkout", "capture")]


@pytest.mark.parametrize(("schema", "step"), OWN_STEPS, ids=lambda name: name.replace(" ", "-"))
def test_a_database_that_goes_away_in_the_middle_of_an_order(
    house: House, fault: Fault, schema: str, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    status = order_while(house, fault[1], schema, step, "before", monkeypatch)
    assert status in {303, 503}


@pytest.mark.long
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("fault", faults_of(EVERY), ids="-".join, indirect=True)
@pytest.mark.parametrize(("schema", "step"), ALL_STEPS, ids=lambda name: name.replace(" ", "-"))
def test_every_fault_in_the_middle_of_an_order(
    house: House, fault: Fault, schema: str, step: str, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert order_while(house, fault[1], schema, step, when, monkeypatch) in {303, 503}


@pytest.mark.parametrize("fault", [("mariadb", "slow")], ids="-".join, indirect=True)
def test_a_slow_database_is_only_slow(house: House, fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    client = a_shopper(house)
    form = order_form(client)
    with house.fault("slow", "checkout"):
        assert ask(client, "/checkout/review", "POST", **form).status_code == 303
    settle(house, monkeypatch)


@pytest.mark.long
@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize("fault", faults_of(EVERY), ids="-".join, indirect=True)
def test_fifty_requests_of_a_crowd_without_one_database(
    house: House, fault: Fault, schema: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    crowd_without(house, fault[1], schema, 50)
    settle(house, monkeypatch)


@pytest.mark.parametrize("fault", [("sqlite", "locked")], ids="-".join, indirect=True)
def test_a_crowd_waits_for_a_locked_file_once_and_not_one_after_the_other(
    house: House, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    crowd_without(house, fault[1], "cart", THREADS)
    settle(house, monkeypatch)


def crowd_without(house: House, kind: str, schema: str, count: int) -> None:
    """So many requests, a few at a time, while a database is away; each is answered in time."""
    clients = [a_shopper(house) for _ in range(5)]
    asked = ["/", PRODUCT, "/products?q=lamp", "/cart", "/checkout", "/orders", "/category/books", "/track"] * 7
    acts = [lambda n=n, url=url: ask(clients[n % 5], url).status_code for n, url in enumerate(asked[:count])]
    answers: list[int | Exception] = []
    with house.fault(kind, schema):
        for first in range(0, len(acts), THREADS):
            answers += at_once(house.app, acts[first : first + THREADS])
    assert not [answer for answer in answers if isinstance(answer, Exception)], answers
    print(kind, schema, dict(Counter(answers)))
    assert_healthy_soon(house, clients[0])


# ---------------------------------------------------------------------------------------------- a full disk


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with ExitStack() as stack:
        try:
            yield stack.enter_context(small_disk(tmp_path_factory.mktemp("disk"), megabytes=64))
        except PermissionError:
            pytest.skip("only root may mount a small disk")


@pytest.fixture(scope="module")
def house_on_disk(disk: Path) -> Iterator[House]:
    with open_house("sqlite", disk) as house:
        yield house


@pytest.mark.parametrize("step", [step.name for step in saga.STEPS])
def test_a_disk_that_is_full_in_the_middle_of_an_order(
    house_on_disk: House, disk: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = a_shopper(house_on_disk)
    form = order_form(client)
    with monkeypatch.context() as patch, ExitStack() as stack:
        at_step(patch, step, lambda: stack.enter_context(filled_up(disk)))
        assert ask(client, "/checkout/review", "POST", **form).status_code == 503
        for url in [*BROWSING, "/cart", "/orders"]:
            assert ask(client, url).status_code < 400, f"reading needs no room: {url}"
    assert_healthy_soon(house_on_disk, client)
    settle(house_on_disk, monkeypatch)
    assert ask(client, "/checkout/review", "POST", **form).status_code == 303
