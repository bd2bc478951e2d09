"""Reading the catalogue from a replica that is behind, or away: nobody sees less than they have done themselves."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from storefront.accounts.values import Role
from storefront.catalog.models import Product
from storefront.catalog.values import ProductCard
from storefront.db import read_source, replicas
from storefront.db.replicas import Replica, includes, parse_position, replica_engines
from storefront.db.session import WriteOutsideTransaction, db, read_session, transaction
from tests import demo_shop
from tests.api.client import Api
from tests.factories.accounts import make_staff
from tests.factories.catalog import make_product
from tests.factories.shopping import buy
from tests.isolated_shop import shop_at
from tests.page_client import Pages
from tests.replicated_mariadb import ReplicatedServers, replicated_servers

MAX_LAG = 5  # seconds
MARK = "read-primary"


@pytest.fixture(scope="module")
def servers() -> Iterator[ReplicatedServers]:
    with replicated_servers() as both:
        yield both


@pytest.fixture(scope="module")
def replicated_shop(servers: ReplicatedServers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """A shop that keeps pages, and reads its catalogue from the replica."""
    settings = {"CATALOG_REPLICA_URL": f"{servers.replica}/shop_catalog", "REPLICA_MAX_LAG": str(MAX_LAG)}
    folder = tmp_path_factory.mktemp("replicated")
    with shop_at(f"{servers.primary}/shop_{{schema}}", folder, CACHE_ENABLED="1", **settings) as app:
        with app.app_context():
            demo_shop.fill()
        yield app
        app.extensions["catalog_replica"].close()


class Seconds:
    """The time by which the lag is measured; it stands until a test advances it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> Seconds:
    standing = Seconds()
    monkeypatch.setattr(replicas, "_now", standing)
    return standing


@pytest.fixture
def shop(
    replicated_shop: Flask, servers: ReplicatedServers, seconds: Seconds, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Flask]:
    """The shop with a replica that has everything; its lag is measured when a test says so."""
    monkeypatch.setattr(Replica, "_start_monitor", lambda replica: None)
    replica = replicated_shop.extensions["catalog_replica"]
    with replicated_shop.app_context():
        replica.mark_away()
        servers.go_on()
        replica.measure()
        yield replicated_shop


@pytest.fixture
def replica(shop: Flask) -> Replica:
    return shop.extensions["catalog_replica"]  # type: ignore[no-any-return]


@pytest.fixture
def mug(shop: Flask, servers: ReplicatedServers, replica: Replica) -> ProductCard:
    """A product that the replica has."""
    mug = make_product(name="Clay Mug", stock=1)
    servers.catch_up()
    replica.measure()
    return mug


def rename(product: ProductCard, title: str) -> None:
    """Change a product as the worker does, or another visitor."""
    with transaction("catalog") as session:
        session.execute(sa.update(Product).where(Product.id == product.id).values(name=title))


def path_of(product: ProductCard) -> str:
    return f"/product/{product.id}-{product.slug}"


def title_shown(client: FlaskClient, product: ProductCard) -> str:
    """The title on the product's page."""
    db.session.remove()
    answer = client.get(path_of(product))
    db.session.remove()  # the request shares the test's context, and so its session
    assert answer.status_code == 200, answer.text
    return answer.text.partition("<h1")[2].partition(">")[2].partition("<")[0].strip()


def visitor(shop: Flask, *, has_written: bool = False) -> FlaskClient:
    client = shop.test_client()
    if has_written:
        client.set_cookie(MARK, "1")
    return client


# ------------------------------------------------------------------------------------------------ who reads where


def test_visitors_read_from_the_replica(shop: Flask, servers: ReplicatedServers, mug: ProductCard) -> None:
    servers.hold()
    rename(mug, "Stone Mug")
    assert title_shown(visitor(shop), mug) == "Clay Mug"
    servers.go_on()
    assert title_shown(visitor(shop), mug) == "Stone Mug"


@pytest.mark.parametrize("path", ["/products?q=stone", "/search/suggestions?q=stone", "/api/products"])
def test_listings_searches_suggestions_and_the_api_read_from_it(
    shop: Flask, servers: ReplicatedServers, replica: Replica, path: str
) -> None:
    servers.hold()
    make_product(name=f"Stone Jar {random.randrange(10**9)}", stock=1)
    db.session.remove()
    htmx = {"HX-Request": "true", "HX-Request-Type": "partial"} if "suggestions" in path else {}
    old, new = (
        visitor(shop, has_written=is_writer).get(path, headers=htmx).text.count("Stone Jar") for is_writer in (0, 1)
    )
    assert new > old


def test_whoever_has_written_reads_from_the_primary(shop: Flask, servers: ReplicatedServers, mug: ProductCard) -> None:
    servers.hold()
    rename(mug, "Stone Mug")
    assert title_shown(visitor(shop, has_written=True), mug) == "Stone Mug"


def test_a_program_with_a_token_reads_from_the_primary(
    shop: Flask, servers: ReplicatedServers, mug: ProductCard
) -> None:
    servers.hold()
    rename(mug, "Stone Mug")
    answer = visitor(shop).get(f"/api/products/{mug.id}", headers={"Authorization": "Bearer x"})
    assert answer.status_code == 401 or answer.json["name"] == "Stone Mug"
    assert visitor(shop).get(f"/api/products/{mug.id}").json["name"] == "Clay Mug"


def test_a_shopper_sees_what_they_bought_and_nobody_buys_it_twice(
    shop: Flask, servers: ReplicatedServers, mug: ProductCard
) -> None:
    servers.hold()
    shopper, other = Pages(shop), Pages(shop)
    assert buy(shopper, mug).url.startswith("/orders/")
    cookie = shopper.client.get_cookie(MARK)
    assert cookie is not None
    assert cookie.max_age == MAX_LAG + 1
    assert "Sold out" in shopper.get(path_of(mug)).words
    page = other.get(path_of(mug))
    assert "Sold out" not in page.words  # for some seconds; the cart asks the primary
    other.submit(page, "#add-line", quantity="1", status=422)
    assert "is empty" in other.get("/cart").words


def test_members_of_staff_read_from_the_primary_after_each_of_their_pages(shop: Flask) -> None:
    """A page of theirs may show what the worker has changed for them."""
    staff = Api(shop).with_cookie(make_staff(Role.STOCK_STAFF))
    assert staff.get("/staff/stock").status_code == 200
    assert staff.pages.client.get_cookie(MARK) is not None
    customer = visitor(shop)
    customer.get("/products")
    assert customer.get_cookie(MARK) is None


# --------------------------------------------------------------------------------------------------------- lag


def test_a_replica_that_is_too_far_behind_is_not_asked(
    shop: Flask, servers: ReplicatedServers, replica: Replica, mug: ProductCard, seconds: Seconds
) -> None:
    servers.hold()
    rename(mug, "Stone Mug")
    for _ in range(MAX_LAG):
        seconds.now += 1
        replica.measure()
        assert title_shown(visitor(shop), mug) == "Clay Mug"
    seconds.now += 0.1
    replica.measure()
    assert replica.lag > MAX_LAG
    assert title_shown(visitor(shop), mug) == "Stone Mug"
    servers.go_on()
    replica.measure()
    assert replica.lag == 0
    assert replica.is_usable()


def test_a_lag_that_is_not_measured_any_more_counts_as_growing(replica: Replica, seconds: Seconds) -> None:
    assert replica.is_usable()
    seconds.now += MAX_LAG + 1
    assert not replica.is_usable()


def test_the_lag_is_that_of_the_oldest_change_that_is_missing(
    shop: Flask, servers: ReplicatedServers, replica: Replica, mug: ProductCard, seconds: Seconds
) -> None:
    seconds.now += 3
    replica.measure()  # complete until now
    servers.hold()
    rename(mug, "Stone Mug")
    seconds.now += 2
    replica.measure()
    assert replica.lag == 2


def test_an_idle_shop_is_not_behind(replica: Replica, seconds: Seconds) -> None:
    for _ in range(3):
        seconds.now += 1000
        replica.measure()
        assert replica.lag == 0


def test_the_lag_is_among_the_figures_for_prometheus(shop: Flask, replica: Replica) -> None:
    replica.measure()
    (lag,) = [metric for metric in shop.extensions["shop_collector"].collect() if "replica" in metric.name]
    assert (lag.name, lag.samples[0].value < 60) == ("storefront_replica_lag_seconds", True)


def test_positions_are_compared_by_domain() -> None:
    assert parse_position("0-1-42,1-7-3") == {0: 42, 1: 3}
    assert includes(parse_position("0-2-42,1-7-3"), parse_position("0-1-42"))
    assert not includes(parse_position("0-1-41"), parse_position("0-1-42"))
    assert not includes(parse_position("0-1-42"), parse_position("0-1-42,1-7-3"))
    assert not includes(parse_position(""), parse_position("0-1-1"))
    assert not includes(parse_position("0-1-1"), parse_position(None)), "a server without a binary log is no primary"


# ------------------------------------------------------------------------------------------------ kept pages


def test_a_page_kept_from_the_replica_is_not_shown_to_a_writer(
    shop: Flask, servers: ReplicatedServers, mug: ProductCard
) -> None:
    servers.hold()
    rename(mug, "Stone Mug")
    for _ in range(3):  # the second time it is kept, the third time it is taken from there
        assert title_shown(visitor(shop), mug) == "Clay Mug"
        assert title_shown(visitor(shop, has_written=True), mug) == "Stone Mug"
    servers.go_on()
    assert title_shown(visitor(shop), mug) == "Stone Mug"


def test_no_interleaving_shows_less_than_was_promised(
    shop: Flask, servers: ReplicatedServers, mug: ProductCard
) -> None:
    """A writer sees the latest state; others see the one that the replica has, or a newer one. All by kept pages."""
    latest, applied, numbers, dice = 0, 0, itertools.count(1), random.Random(7)
    rename(mug, "Mug 0")
    servers.catch_up()
    is_held = False
    clients = {is_writer: [visitor(shop, has_written=is_writer) for _ in range(2)] for is_writer in (False, True)}
    for _ in range(400):
        act = dice.choice(["write", "write", "hold", "hold", "go on", *["look"] * 6])
        if act == "write":
            latest = next(numbers)
            rename(mug, f"Mug {latest}")
            if not is_held:
                servers.catch_up()
                applied = latest
        elif act == "hold" and not is_held:
            servers.hold()
            is_held = True
        elif act == "go on" and is_held:
            servers.go_on()
            is_held, applied = False, latest
        else:
            is_writer = dice.choice([False, True])
            shown = int(title_shown(dice.choice(clients[is_writer]), mug).removeprefix("Mug "))
            assert shown >= (latest if is_writer else applied)


def test_the_primarys_version_is_never_taken_for_the_replicas_data(
    shop: Flask, servers: ReplicatedServers, mug: ProductCard, replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The replica fails between the reading of the version and of the data: both come from where they may."""
    rename(mug, "Stone Mug")
    servers.catch_up()
    client = visitor(shop)
    title_shown(client, mug)
    servers.hold()
    rename(mug, "Iron Mug")
    with monkeypatch.context() as patch:
        patch.setattr(replica.engine.dialect, "do_execute", _fail_at_products(replica))
        assert title_shown(client, mug) == "Iron Mug"
    assert title_shown(visitor(shop, has_written=True), mug) == "Iron Mug"


def _fail_at_products(replica: Replica) -> object:
    def fail(cursor: object, statement: str, parameters: object, context: object = None) -> None:
        raise replica.engine.dialect.loaded_dbapi.OperationalError(2013, "Lost connection to server during query")

    return fail


# -------------------------------------------------------------------------------------------------- the session


def test_a_transaction_reads_from_the_primary_and_so_does_the_rest_of_the_request(
    shop: Flask, servers: ReplicatedServers, mug: ProductCard, replica: Replica
) -> None:
    title = sa.select(Product.name).where(Product.id == mug.id)
    servers.hold()
    rename(mug, "Stone Mug")
    source = read_source.ReadSource(replica_engines(replica))
    with read_source.reading_from(source):
        assert read_session().scalar(title) == "Stone Mug"  # not in use
        with read_source.in_use(source):
            assert read_session().scalar(title) == "Clay Mug"
            assert read_session().get_one(Product, mug.id).name == "Clay Mug"
            with transaction("catalog") as session:
                assert session.scalar(title) == "Stone Mug"
            assert read_session().scalar(title) == "Stone Mug"


def test_the_replica_is_not_written_to(replica: Replica) -> None:
    with replica.engine.connect() as connection, pytest.raises(WriteOutsideTransaction):
        connection.execute(sa.text("UPDATE products SET name = 'x'"))


# -------------------------------------------------------------------------------------------------------- away


def test_a_replica_that_goes_away_is_not_noticed_by_visitors(
    shop: Flask, servers: ReplicatedServers, replica: Replica, mug: ProductCard
) -> None:
    """The last test of the module: the replica stays away."""
    client = visitor(shop)
    assert title_shown(client, mug) == "Clay Mug"
    servers.stop_replica()
    rename(mug, "Stone Mug")
    assert replica.is_usable()  # nobody has noticed yet
    assert title_shown(client, mug) == "Stone Mug"
    assert not replica.is_usable()
    with pytest.raises(sa.exc.OperationalError):
        replica.measure()
    assert title_shown(visitor(shop), mug) == "Stone Mug"
