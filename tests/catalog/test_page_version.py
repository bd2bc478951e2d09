"""The version of what pages show moves with every change of it, in the same transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from storefront.cart.models import Line
from storefront.catalog.models import CatalogModel, Product
from storefront.catalog.page_version import UNSHOWN_TABLES, PageVersion, Version, VersionReader, version_reader
from storefront.db.session import ANSWER_SECONDS, CircuitBreaker, db, read_session, transaction
from tests.conftest import ENGINES
from tests.factories.catalog import make_product
from tests.factories.stock import receive
from tests.isolated_shop import own_shop

TABLES = sorted(set(CatalogModel.metadata.tables) - {PageVersion.__tablename__})


@pytest.fixture(scope="module", params=ENGINES)
def filled_shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with own_shop(request.param, tmp_path_factory.mktemp("versions")) as app:
        yield app


@pytest.fixture
def committing_shop(filled_shop: Flask) -> Iterator[Flask]:
    """A shop that commits."""
    with filled_shop.app_context():
        yield filled_shop


def version() -> Version:
    now = version_reader().read()
    assert now is not None
    return now


def write_to(session: sa.orm.Session, table: str) -> None:
    """A statement that writes the table and changes nothing."""
    session.execute(sa.delete(CatalogModel.metadata.tables[table]).where(sa.false()))


@pytest.mark.usefixtures("committing_shop")
@pytest.mark.parametrize("table", TABLES)
def test_a_write_moves_the_version_unless_no_page_shows_the_table(table: str) -> None:
    before = version()
    with transaction("catalog") as session:
        write_to(session, table)
        assert version() == before, "not before the commit"
    assert (version() == before) is (table in UNSHOWN_TABLES)


@pytest.mark.usefixtures("committing_shop")
def test_every_table_that_is_left_out_exists() -> None:
    assert set(TABLES) >= UNSHOWN_TABLES


@pytest.mark.usefixtures("committing_shop")
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE products SET id = id WHERE id < 0",
        "update `products` set id = id where id < 0",
        "  DELETE FROM products WHERE id < 0",
        "/* a note */ DELETE FROM products WHERE id < 0",
        "INSERT INTO slug_redirects SELECT * FROM slug_redirects WHERE 1 = 0",
        "REPLACE INTO slug_redirects SELECT * FROM slug_redirects WHERE 1 = 0",
        "UPDATE outbox SET id = id WHERE id IN (SELECT id FROM products WHERE id < 0) OR 1 = 0 /* of outbox */",
    ],
)
def test_statements_of_every_spelling_are_noticed(statement: str) -> None:
    before = version()
    with transaction("catalog") as session:
        session.execute(sa.text(statement), bind_arguments={"mapper": Product})
    assert (version() == before) is statement.startswith("UPDATE outbox")


@pytest.mark.usefixtures("committing_shop")
def test_objects_that_are_flushed_by_the_commit_count() -> None:
    product_id = make_product().id
    before = version()
    with transaction("catalog") as session:
        session.get_one(Product, product_id).name = "Tin Mug"
    assert version() != before


@pytest.mark.usefixtures("committing_shop")
def test_what_is_rolled_back_moves_nothing() -> None:
    before = version()
    with suppress(InterruptedError), transaction("catalog") as session:
        write_to(session, "products")
        raise InterruptedError
    assert version() == before


@pytest.mark.usefixtures("committing_shop")
def test_stock_moves_it() -> None:
    product = make_product()
    before = version()
    receive(product.sku, 1)
    assert version() != before


@pytest.mark.usefixtures("committing_shop")
def test_writes_of_other_schemas_do_not() -> None:
    before = version()
    with transaction("cart") as session:
        session.execute(sa.delete(Line).where(sa.false()))
    assert version() == before


@pytest.mark.usefixtures("committing_shop")
def test_a_reader_whose_connection_was_closed_reads_again() -> None:
    reader = version_reader()
    before = reader.read()
    reader._own.connection.dbapi_connection.close()
    assert reader.read() == before


def test_a_database_that_does_not_answer_has_no_version(tmp_path: Path) -> None:
    unreachable = sa.create_engine(f"sqlite:///{tmp_path}/none/catalog.db")
    assert VersionReader(unreachable, CircuitBreaker(unreachable)).read() is None


@pytest.mark.usefixtures("committing_shop")
def test_a_database_that_timed_out_is_not_asked_for_the_version() -> None:
    reader = version_reader()
    assert reader.read() is not None
    reader._breaker.note(TimeoutError("timed out"))
    assert reader.read() is None
    reader._breaker._until = 0.0
    assert reader.read() is not None


@pytest.mark.usefixtures("committing_shop")
def test_a_shop_has_every_shard() -> None:
    assert len(read_session().scalars(sa.select(PageVersion)).all()) == len(version()) == 8


def test_reading_it_waits_for_a_silent_server_no_longer_than_a_request(committing_shop: Flask) -> None:
    """It is read before Flask has a request; commands wait longer."""
    engine = db.engines["catalog"]
    if engine.dialect.name == "sqlite":
        pytest.skip("SQLite has no server")
    engine.dispose()  # connections that are open have the time-outs of whoever opened them
    reader = VersionReader(engine, CircuitBreaker(engine))
    assert reader.read() is not None
    assert reader._own.connection.dbapi_connection._read_timeout == ANSWER_SECONDS
