"""The database of one schema is unavailable: pages work without it or answer 503 with Retry-After, and recover later.

All cases: `bin/test -m long tests/proofs/test_faults.py`.
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
from storefront.accounts import service as accounts
from storefront.checkout import saga
from storefront.cli import consistency
from storefront.core import clock
from storefront.worker import tasks
from tests import consistency as tests_consistency
from tests import demo_shop
from tests.api.client import assert_refused
from tests.api.order_payloads import order_body
from tests.checkout.purchase import at_step
from tests.conftest import ENGINES, MARIADB, make_databases
from tests.factories.accounts import make_account
from tests.factories.catalog import make_product
from tests.factories.shopping import check_out, fill_cart
from tests.fakes import MemoryPost
from tests.isolated_shop import at_once, shop_at
from tests.live_server import eventually
from tests.page_client import SAME_ORIGIN, Pages
from tests.proofs.faults import FaultyShop, Proxy, filled_up, small_disk
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
LONG = {"sqlite": ["full", "locked", "being written"], "mariadb": ["cuts", "hangs"]}  # some block for seconds
EVERY = {engine: SHORT[engine] + LONG[engine] for engine in ("sqlite", "mariadb")}

Fault = tuple[str, str]  # engine, kind


def faults_of(kinds: dict[str, list[str]]) -> list[Fault]:
    return [(engine, kind) for engine in ENGINES for kind in kinds[engine]]


@pytest.fixture(scope="module")
def faulty_shops(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, FaultyShop]]:
    with ExitStack() as stack:
        opened: dict[str, FaultyShop] = {}
        for engine in ENGINES if MARIADB else ["sqlite"]:
            folder = tmp_path_factory.mktemp(f"faulty_shop-{engine}")
            opened[engine] = stack.enter_context(open_faulty_shop(engine, folder))
        yield opened


@contextmanager
def open_faulty_shop(engine: str, folder: Path) -> Iterator[FaultyShop]:
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
        yield FaultyShop(app, proxies)


@pytest.fixture(params=faults_of(SHORT), ids="-".join)
def fault(request: pytest.FixtureRequest) -> Fault:
    pair: Fault = request.param
    return pair


@pytest.fixture
def faulty_shop(fault: Fault, faulty_shops: dict[str, FaultyShop]) -> FaultyShop:
    if fault[0] not in faulty_shops:
        pytest.skip("no MariaDB: start with bin/test")
    return faulty_shops[fault[0]]


def ask(client: Client, url: str, method: str = "GET", **form: str) -> TestResponse:
    """Send a request; assert that it is answered in time, and a 503 has a Retry-After header."""
    began = time.monotonic()
    response = client.open(url, method=method, data=form or None, headers=SAME_ORIGIN)
    seconds = time.monotonic() - began
    assert seconds < ANSWER_WITHIN, f"{method} {url}: {seconds:.1f} s"
    assert response.status_code < 500 or response.status_code == 503, f"{method} {url}: {response.status_code}"
    if response.status_code == 503:
        assert response.headers["Retry-After"], url
    return response


def ready_to_order(faulty_shop: FaultyShop) -> Client:
    """A browser with a filled cart, at the review page."""
    pages = Pages(faulty_shop.app)
    with faulty_shop.app.test_request_context():  # connections of commands would wait longer
        product = make_product(stock=50)
    fill_cart(pages, product, 2)
    check_out(pages)
    return pages.client


def order_form(client: Client) -> dict[str, str]:
    """Values that the button of the review page sends."""
    pages = Pages(client.application)
    pages.client = client
    form = pages.get("/checkout/review").one("form.checkout-submit__form")
    return {str(field["name"]): str(field["value"]) for field in form.select("input[name]")}


def settle(faulty_shop: FaultyShop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Do the worker's tasks of the next minutes, then assert consistency."""
    with faulty_shop.app.test_request_context(base_url=faulty_shop.app.config["PUBLIC_ORIGIN"]):
        for ahead in (2, 4, 6):
            monkeypatch.setattr(clock, "_read", lambda ahead=ahead: datetime.now(UTC) + timedelta(minutes=ahead))
            tasks.sweep()
            if not saga.unfinished():
                break
    with faulty_shop.app.test_request_context():
        assert list(consistency.violations()) == []
        tests_consistency.assert_balanced()


def wait_until_ready(faulty_shop: FaultyShop) -> None:
    client = faulty_shop.app.test_client()

    def all_answer() -> bool:
        return set(client.get("/health/ready").json["schemas"].values()) == {"UP"}

    eventually(all_answer, "every schema to answer", within=HEALTHY_WITHIN)


def assert_healthy_soon(faulty_shop: FaultyShop, client: Client) -> None:
    """Without a restart, every page works again."""
    wait_until_ready(faulty_shop)
    for url in [*BROWSING, *SHOPPING]:
        assert ask(client, url).status_code < 400, url


def browse_and_order(faulty_shop: FaultyShop, kind: str, schema: str) -> Counter[int]:
    """Open every page and place an order while a schema is unavailable.

    :return: number of answers by status
    """
    client = ready_to_order(faulty_shop)
    form = order_form(client)
    with faulty_shop.fault(kind, schema):
        answers = {url: ask(client, url).status_code for url in [*BROWSING, *SHOPPING]}
        answers["order"] = ask(client, "/checkout/review", "POST", **form).status_code
        answers["sweep"] = sweep_quietly(faulty_shop)
    if schema != "catalog":
        assert {answers[url] for url in BROWSING} <= {200, 303}, f"browsing needs no {schema}: {answers}"
    assert_healthy_soon(faulty_shop, client)
    return Counter(answers.values())


def sweep_quietly(faulty_shop: FaultyShop) -> int:
    with faulty_shop.app.test_request_context(base_url=faulty_shop.app.config["PUBLIC_ORIGIN"]):
        tasks.sweep()
    return 200


@pytest.mark.parametrize("schema", SCHEMAS)
def test_without_one_database_the_shop_works_or_answers_503(
    faulty_shop: FaultyShop, fault: Fault, schema: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    print(fault, schema, dict(browse_and_order(faulty_shop, fault[1], schema)))
    settle(faulty_shop, monkeypatch)


@pytest.mark.long
@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize("fault", faults_of(LONG), ids="-".join, indirect=True)
def test_requests_time_out_for_every_other_fault(
    faulty_shop: FaultyShop, fault: Fault, schema: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    print(fault, schema, dict(browse_and_order(faulty_shop, fault[1], schema)))
    settle(faulty_shop, monkeypatch)


@pytest.mark.parametrize("fault", [("sqlite", "locked"), ("mariadb", "hangs")], ids="-".join, indirect=True)
def test_browsing_works_while_the_cart_database_hangs(faulty_shop: FaultyShop, fault: Fault) -> None:
    client = ready_to_order(faulty_shop)
    with faulty_shop.fault(fault[1], "cart"):
        assert ask(client, "/").status_code == 200  # waits once for the badge
        began = time.monotonic()
        assert ask(client, PRODUCT).status_code == 200
        assert time.monotonic() - began < 1
    assert_healthy_soon(faulty_shop, client)


def order_while(
    faulty_shop: FaultyShop, kind: str, schema: str, step: str, when: str, monkeypatch: pytest.MonkeyPatch
) -> int:
    """Place an order while a database fails at one of its steps.

    :return: status of the answer
    """
    client = ready_to_order(faulty_shop)
    form = order_form(client)
    with monkeypatch.context() as patch, ExitStack() as stack:
        at_step(patch, step, lambda: stack.enter_context(faulty_shop.fault(kind, schema)), when=when)
        status = ask(client, "/checkout/review", "POST", **form).status_code
    wait_until_ready(faulty_shop)
    settle(faulty_shop, monkeypatch)
    assert ask(client, "/checkout/review", "POST", **form).status_code == 303, "sent again, it leads to the order"
    return status


ALL_STEPS = [(schema, step) for schema, steps in ORDER_SCHEMAS.items() for step in steps]
OWN_STEPS = [*(pair for pair in ALL_STEPS if pair[0] != "checkout"), ("checkout", "capture")]


@pytest.mark.parametrize(("schema", "step"), OWN_STEPS, ids=lambda name: name.replace(" ", "-"))
def test_an_order_survives_a_database_that_fails_at_one_of_its_steps(
    faulty_shop: FaultyShop, fault: Fault, schema: str, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    status = order_while(faulty_shop, fault[1], schema, step, "before", monkeypatch)
    assert status == 303, "an order under way is no error"


@pytest.mark.long
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("fault", faults_of(EVERY), ids="-".join, indirect=True)
@pytest.mark.parametrize(("schema", "step"), ALL_STEPS, ids=lambda name: name.replace(" ", "-"))
def test_an_order_survives_every_fault_at_every_step(
    faulty_shop: FaultyShop, fault: Fault, schema: str, step: str, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert order_while(faulty_shop, fault[1], schema, step, when, monkeypatch) == 303


API_STEPS = [("payments", "authorise"), ("orders", "create order"), ("catalog", "sell"), ("checkout", "capture")]


@pytest.mark.parametrize(("schema", "step"), API_STEPS, ids=lambda name: name.replace(" ", "-"))
def test_an_order_by_api_is_in_progress_while_a_database_fails_and_a_retry_finds_it(
    faulty_shop: FaultyShop, fault: Fault, schema: str, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A3: the client was told of an error, and its next click has another id."""
    with faulty_shop.app.test_request_context():
        account, mug = make_account(), make_product(stock=50)
        person, _ = accounts.find_session(accounts.open_session(account.id, "a program")) or (None, False)
        assert person is not None
        headers = {"Authorization": f"Bearer {accounts.issue_token(person)}"}
    client = faulty_shop.app.test_client()

    def order(identity: str) -> TestResponse:
        return client.post("/api/orders/", json=order_body((mug, 2), id=identity), headers=headers)

    with monkeypatch.context() as patch, ExitStack() as stack:
        at_step(patch, step, lambda: stack.enter_context(faulty_shop.fault(fault[1], schema)))
        refused = order("ORD-1")
    assert_refused(refused, 409, "ORDER_IN_PROGRESS")
    assert refused.headers["Retry-After"]
    wait_until_ready(faulty_shop)
    settle(faulty_shop, monkeypatch)
    placed = order("ORD-2").json
    listed = client.get(f"/api/orders/user/{account.id}", headers=headers).json
    assert listed == [placed]


@pytest.mark.parametrize("fault", [("mariadb", "slow")], ids="-".join, indirect=True)
def test_a_slow_database_causes_no_error(
    faulty_shop: FaultyShop, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = ready_to_order(faulty_shop)
    form = order_form(client)
    with faulty_shop.fault("slow", "checkout"):
        assert ask(client, "/checkout/review", "POST", **form).status_code == 303
    settle(faulty_shop, monkeypatch)


@pytest.mark.long
@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize("fault", faults_of(EVERY), ids="-".join, indirect=True)
def test_fifty_concurrent_requests_without_one_database(
    faulty_shop: FaultyShop, fault: Fault, schema: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    crowd_without(faulty_shop, fault[1], schema, 50)
    settle(faulty_shop, monkeypatch)


@pytest.mark.parametrize("fault", [("sqlite", "locked")], ids="-".join, indirect=True)
def test_concurrent_requests_wait_for_a_locked_file_only_once(
    faulty_shop: FaultyShop, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    crowd_without(faulty_shop, fault[1], "cart", THREADS)
    settle(faulty_shop, monkeypatch)


def crowd_without(faulty_shop: FaultyShop, kind: str, schema: str, count: int) -> None:
    """Send concurrent requests while a database is unavailable; each is answered in time."""
    clients = [ready_to_order(faulty_shop) for _ in range(5)]
    asked = ["/", PRODUCT, "/products?q=lamp", "/cart", "/checkout", "/orders", "/category/books", "/track"] * 7
    acts = [lambda n=n, url=url: ask(clients[n % 5], url).status_code for n, url in enumerate(asked[:count])]
    answers: list[int | Exception] = []
    with faulty_shop.fault(kind, schema):
        for first in range(0, len(acts), THREADS):
            answers += at_once(faulty_shop.app, acts[first : first + THREADS])
    assert not [answer for answer in answers if isinstance(answer, Exception)], answers
    print(kind, schema, dict(Counter(answers)))
    assert_healthy_soon(faulty_shop, clients[0])


# ---------------------------------------------------------------------------------------------- a full disk


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with ExitStack() as stack:
        try:
            yield stack.enter_context(small_disk(tmp_path_factory.mktemp("disk"), megabytes=64))
        except PermissionError:
            pytest.skip("only root may mount a small disk")


@pytest.fixture(scope="module")
def shop_on_disk(disk: Path) -> Iterator[FaultyShop]:
    with open_faulty_shop("sqlite", disk) as faulty_shop:
        yield faulty_shop


@pytest.mark.parametrize("step", [step.name for step in saga.STEPS])
def test_an_order_survives_a_disk_that_is_full_at_one_of_its_steps(
    shop_on_disk: FaultyShop, disk: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = ready_to_order(shop_on_disk)
    form = order_form(client)
    with monkeypatch.context() as patch, ExitStack() as stack:
        at_step(patch, step, lambda: stack.enter_context(filled_up(disk)))
        assert ask(client, "/checkout/review", "POST", **form).status_code == 303
        for url in [*BROWSING, "/cart", "/orders"]:
            assert ask(client, url).status_code < 400, f"reading needs no disk space: {url}"
    assert_healthy_soon(shop_on_disk, client)
    settle(shop_on_disk, monkeypatch)
    assert ask(client, "/checkout/review", "POST", **form).status_code == 303
