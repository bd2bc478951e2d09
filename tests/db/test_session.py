"""Transactions: each writes one schema, completely or not at all, and nothing is written outside of one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import OperationalError, StatementError
from sqlalchemy.orm import Session

from storefront.cart.models import Cart
from storefront.catalog.models import Category, Variant
from storefront.db.session import (
    ATTEMPTS,
    WriteOutsideTransaction,
    db,
    dialect_of,
    read_session,
    retry_on_deadlock,
    rows_changed,
    transaction,
)
from tests.conftest import NOON
from tests.isolated_shop import at_once, own_shop


def make_cart(session: Session, guest: str = "a-guest", at: datetime = NOON) -> None:
    session.execute(sa.insert(Cart).values(guest_token=guest, updated_at=at))


def carts() -> list[str | None]:
    read_session().rollback()  # what was not committed is gone
    return list(read_session().scalars(sa.select(Cart.guest_token)))


def test_leaving_a_transaction_commits(app: Flask) -> None:
    with transaction("cart") as session:
        make_cart(session)
    assert carts() == ["a-guest"]


def test_an_exception_rolls_everything_back(app: Flask) -> None:
    def fail_late() -> None:
        with transaction("cart") as session:
            make_cart(session)
            session.add(Cart(guest_token="another", updated_at=NOON))
            session.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_late()
    assert carts() == []


def test_a_transaction_can_follow_one_that_failed(app: Flask) -> None:
    with pytest.raises(ZeroDivisionError), transaction("cart"):
        raise ZeroDivisionError
    with transaction("cart") as session:
        make_cart(session)
    assert carts() == ["a-guest"]


@pytest.mark.parametrize("schema", ["cart", "catalog"])
def test_transactions_are_not_nested(app: Flask, schema: str) -> None:
    def nest() -> None:
        with transaction("cart") as session:
            make_cart(session)
            with transaction(schema):
                pass

    with pytest.raises(WriteOutsideTransaction, match="cart is still open"):
        nest()
    assert carts() == []


def foreign_row(session: Session) -> None:
    session.add(Category(name="Toys", slug="toys"))


def foreign_change_of_a_row(session: Session) -> None:
    session.scalars(sa.select(Category).limit(1)).one().name = "Toys"


def foreign_removal_of_a_row(session: Session) -> None:
    session.delete(session.scalars(sa.select(Variant).limit(1)).one())


def statement(write: sa.Executable) -> Callable[[Session], None]:
    return lambda session: session.execute(write) and None


def text(write: str) -> Callable[[Session], None]:
    return lambda session: session.execute(sa.text(write), bind_arguments={"mapper": Category}) and None


some_ids = sa.select(Category.id).where(Category.hue > 300).cte("some")

FOREIGN_WRITES = {
    "a row": foreign_row,
    "a changed row": foreign_change_of_a_row,
    "a removed row": foreign_removal_of_a_row,
    "insert": statement(
        sa.insert(Category).values(name="Toys", slug="toys", description="", hue=1, picture="", sort_order=9)
    ),
    "insert from select": statement(
        sa.insert(Category).from_select(
            ["name", "slug", "description", "hue", "picture", "sort_order"],
            sa.select(
                Category.name,
                Category.slug + "-2",
                Category.description,
                Category.hue,
                Category.picture,
                Category.sort_order,
            ),
        )
    ),
    "update": statement(sa.update(Category).values(name="Toys")),
    "update of a table": statement(sa.update(Category.__table__).values(name="Toys")),
    "delete": statement(sa.delete(Variant)),
    "update with a named part": statement(
        sa.update(Category).where(Category.id.in_(sa.select(some_ids.c.id))).values(name="Toys")
    ),
    "text": text("UPDATE categories SET name = 'Toys'"),
    "text with blanks before it": text("\n  delete FROM variants"),
    "text after a remark": text("/* tidy up */ DELETE FROM variants"),
    "text with a named part": text(
        "WITH some AS (SELECT 1 AS id) UPDATE categories SET name = 'Toys' WHERE id IN (SELECT id FROM some)"
    ),
}


@pytest.mark.parametrize("write", FOREIGN_WRITES.values(), ids=FOREIGN_WRITES)
def test_a_transaction_cannot_write_to_a_second_schema(app: Flask, write: Callable[[Session], None]) -> None:
    def write_both() -> None:
        with transaction("cart") as session:
            make_cart(session)
            write(session)

    before = catalogue_state()
    with pytest.raises(WriteOutsideTransaction):
        write_both()
    assert carts() == []
    assert catalogue_state() == before


@pytest.mark.parametrize("write", FOREIGN_WRITES.values(), ids=FOREIGN_WRITES)
def test_nothing_is_written_outside_a_transaction(app: Flask, write: Callable[[Session], None]) -> None:
    def write_alone() -> None:
        write(read_session())
        read_session().commit()

    before = catalogue_state()
    with pytest.raises(WriteOutsideTransaction):
        write_alone()
    assert catalogue_state() == before


def catalogue_state() -> tuple[list[tuple[str, str]], int | None]:
    read_session().rollback()
    names = [(c.slug, c.name) for c in read_session().scalars(sa.select(Category).order_by(Category.id))]
    return names, read_session().scalar(sa.select(sa.func.count()).select_from(Variant))


def test_a_transaction_may_read_another_schema(app: Flask) -> None:
    with transaction("cart") as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Category)) == 6
        make_cart(session)
    assert carts() == ["a-guest"]


def test_parameters_are_not_taken_for_statements(app: Flask) -> None:
    found = read_session().scalars(sa.select(Category.name).where(Category.name == "delete from carts; update x set"))
    assert found.all() == []


READS = {
    "select": lambda session, row: session.scalars(sa.select(Category).where(Category.id == row.id)).one(),
    "get": lambda session, row: session.get(Category, row.id),
    "get_one": lambda session, row: session.get_one(Category, row.id),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_reading_again_returns_the_present_state(app: Flask, read: Callable[[Session, Category], Category]) -> None:
    with transaction("catalog") as session:
        row = session.scalars(sa.select(Category).where(Category.slug == "books")).one()
        session.execute(sa.update(Category).where(Category.slug == "books").values(name="Books, new and old"))
        assert row.name == "Books", "an UPDATE does not look for rows that were read"
        assert read(session, row) is row
        assert row.name == "Books, new and old"


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_reading_again_keeps_pending_changes(app: Flask, read: Callable[[Session, Category], Category]) -> None:
    with transaction("catalog") as session:
        row = session.scalars(sa.select(Category).where(Category.slug == "books")).one()
        row.name = "Books, new and old"
        assert read(session, row).name == "Books, new and old"
    assert ("books", "Books, new and old") in catalogue_state()[0]


def test_each_statement_finds_the_database_of_its_tables(app: Flask) -> None:
    by_column = read_session().scalar(sa.select(sa.func.count(Category.id)))
    by_table = read_session().scalar(sa.select(sa.func.count()).select_from(Cart.__table__))
    assert (by_column, by_table) == (6, 0)


def test_a_datetime_is_stored_to_the_microsecond(app: Flask) -> None:
    in_india = datetime(2026, 11, 22, 17, 30, 1, 234567, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    with transaction("cart") as session:
        make_cart(session, at=in_india)
    kept = read_session().scalar(sa.select(Cart.updated_at))
    assert kept == datetime(2026, 11, 22, 12, 0, 1, 234567, tzinfo=UTC)
    assert kept.tzinfo is UTC


def test_a_datetime_without_time_zone_is_refused(app: Flask) -> None:
    naive = datetime(2026, 11, 22, 12, 0)  # noqa: DTZ001 - that is the point
    with pytest.raises(StatementError, match="without time zone"), transaction("cart") as session:
        make_cart(session, at=naive)
    assert carts() == []


def test_an_update_counts_matched_rows_even_if_unchanged(app: Flask) -> None:
    with transaction("catalog") as session:
        same = sa.update(Category).where(Category.slug == "books").values(name="Books")
        assert rows_changed(session.execute(same)) == 1
        assert rows_changed(session.execute(same.where(Category.name == "Toys"))) == 0


def test_the_dialect_of_a_schema_is_known(app: Flask) -> None:
    assert dialect_of("cart") == {"sqlite": "sqlite"}.get(db.engines["cart"].dialect.name, "mysql")


def test_a_command_that_loses_a_deadlock_runs_again(tmp_path: Path) -> None:
    runs = []
    both_hold_one = threading.Barrier(2)

    @retry_on_deadlock
    def raise_both(first: int, second: int) -> None:
        runs.append(first)
        with transaction("catalog") as session:
            add_unit(session, first)
            if len(runs) <= 2:
                both_hold_one.wait(30)
            add_unit(session, second)

    with own_shop("mariadb", tmp_path) as app:
        outcomes = at_once(app, [lambda: raise_both(1, 2), lambda: raise_both(2, 1)])
        with app.app_context():
            hues = {row.id: row.hue for row in read_session().scalars(sa.select(Category))}
    assert outcomes == [None, None]
    assert len(runs) == 3
    assert (hues[1], hues[2]) == (255 + 2, 350 + 2)


def add_unit(session: Session, category: int) -> None:
    session.execute(sa.update(Category).where(Category.id == category).values(hue=Category.hue + 1))


def test_a_command_that_keeps_losing_deadlocks_fails() -> None:
    runs = []

    @retry_on_deadlock
    def lose() -> None:
        runs.append(1)
        raise OperationalError("UPDATE", {}, Exception(1213, "Deadlock found"))

    with pytest.raises(OperationalError):
        lose()
    assert len(runs) == ATTEMPTS


def test_other_errors_are_not_retried() -> None:
    runs = []

    @retry_on_deadlock
    def fail() -> None:
        runs.append(1)
        raise OperationalError("UPDATE", {}, Exception(2013, "Lost connection"))

    with pytest.raises(OperationalError):
        fail()
    assert len(runs) == 1


def test_two_writers_of_one_sqlite_file_wait_for_each_other(tmp_path: Path) -> None:
    def raise_hue() -> None:
        with transaction("catalog") as session:
            hue = session.scalars(sa.select(Category.hue).where(Category.id == 1)).one()
            session.execute(sa.update(Category).where(Category.id == 1).values(hue=hue + 1))

    with own_shop("sqlite", tmp_path) as app:
        outcomes = at_once(app, [raise_hue] * 10)
        with app.app_context():
            assert read_session().scalar(sa.select(Category.hue).where(Category.id == 1)) == 255 + 10
    assert outcomes == [None] * 10


def test_only_carts_may_lose_their_last_changes_in_a_power_failure(tmp_path: Path) -> None:
    full, normal = 2, 1
    with own_shop("sqlite", tmp_path, filled=False) as app, app.app_context():
        for schema, engine in db.engines.items():
            with engine.connect() as connection:
                level = connection.exec_driver_sql("PRAGMA synchronous").scalar()
                assert level == (normal if schema == "cart" else full), schema
