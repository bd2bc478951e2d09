"""The version of everything that pages of the catalogue show; it moves in the transaction that changes any of it.

A page that was made at a version is right as long as the version stands, in every process. The version is a row for
each shard: two transactions only wait for each other if they move the same one, and only while one of them commits.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Set as AbstractSet
from typing import Any

from flask import current_app
from sqlalchemy import BigInteger, update
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Mapped, Session, mapped_column

from storefront.catalog.models import CatalogModel
from storefront.core import cache
from storefront.db import read_source
from storefront.db.replicas import Replica, catalog_replica
from storefront.db.session import CircuitBreaker, before_commit, db, time_outs_of_a_request

SHARDS = 8  # rows that the migration makes

# No page for shoppers shows them. A table that is not named here counts.
UNSHOWN_TABLES = frozenset(
    {
        "audit_log",
        "idempotency_keys",
        "imported_rows",
        "outbox",
        "price_changes",  # planned; applying one writes the price itself
        "review_votes",  # the review counts them
        "stock_import_lines",
        "stock_imports",
        "stock_movements",
        "stock_reservations",
    }
)

Version = tuple[int, ...]


class PageVersion(CatalogModel):
    """A shard of the version; tokens are random, so that a restored database does not repeat one."""

    __tablename__ = "page_version"

    shard: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    token: Mapped[int] = mapped_column(BigInteger)


@before_commit("catalog")
def _move(session: Session, tables: AbstractSet[str]) -> None:
    if tables - UNSHOWN_TABLES:
        shard = random.randrange(SHARDS)
        moved = update(PageVersion).where(PageVersion.shard == shard).values(token=random.getrandbits(62))
        session.execute(moved)


class VersionReader:
    """Reads the version by a connection of each thread's own: 15 µs on SQLite, where a session takes 300."""

    QUERY = "SELECT token FROM page_version ORDER BY shard"

    def __init__(self, engine: Engine, breaker: CircuitBreaker) -> None:
        """Prepare to read.

        :param engine: of the catalogue
        :param breaker: its circuit breaker
        """
        self._engine, self._breaker = engine, breaker
        self._own = threading.local()

    def read(self) -> Version | None:
        """The committed version now; None if the database does not answer."""
        for _ in range(2):  # a server closes connections that were idle for long
            if self._breaker.is_open:
                return None
            is_new = not hasattr(self._own, "connection")
            try:
                return self._read()
            except (SQLAlchemyError, self._engine.dialect.loaded_dbapi.Error) as error:
                self._breaker.note(error)
                self._own.__dict__.pop("connection", None)
                if is_new:
                    return None
        return None

    def _read(self) -> Version:
        if not hasattr(self._own, "connection"):
            with time_outs_of_a_request():
                connection = self._engine.raw_connection()
            connection.detach()  # from the pool, which has few
            self._own.connection = connection
        cursor = self._own.connection.cursor()
        cursor.execute(self.QUERY)
        return tuple(token for (token,) in cursor.fetchall())


class ReplicatedVersionReader(VersionReader):
    """Reads the version where the present request reads the catalogue, so that its data are never older.

    The replica repeats transactions in their order: when it has a version, it has all that the version stands for.
    """

    def __init__(self, engine: Engine, breaker: CircuitBreaker, replica: Replica) -> None:
        super().__init__(engine, breaker)
        self._replica = replica
        self._on_replica = VersionReader(replica.engine, replica.breaker)

    def read(self) -> Version | None:
        if read_source.present() is not None:
            version = self._on_replica.read()
            if version is not None:
                return version
            self._replica.mark_away()
            read_source.use_primary()
        return super().read()


def version_reader() -> VersionReader:
    """The reader of the current application."""
    extensions: dict[str, Any] = current_app.extensions
    if "page_version" not in extensions:
        breaker = extensions["circuit_breakers"]["catalog"]
        engine, replica = db.engines["catalog"].engine, catalog_replica()
        extensions["page_version"] = (
            VersionReader(engine, breaker) if replica is None else ReplicatedVersionReader(engine, breaker, replica)
        )
    reader: VersionReader = extensions["page_version"]
    return reader


def current_version() -> Version | None:
    """The version now, for the keys of caches; None where caches are off or the database does not answer."""
    return version_reader().read() if cache.is_enabled() else None
