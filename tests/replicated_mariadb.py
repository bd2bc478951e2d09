"""A private MariaDB with a replica, whose replication a test holds and lets go on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import pytest
import sqlalchemy as sa

from config import SCHEMAS
from tests.run import MissingError, start_mariadb


@dataclass(frozen=True)
class ReplicatedServers:
    """The two servers.

    :ivar primary: URL, without a database
    :ivar replica: URL, without a database
    """

    primary: str
    replica: str
    running: ExitStack

    def hold(self) -> None:
        """Let the replica receive changes, but not apply them."""
        self._on_replica("STOP SLAVE SQL_THREAD")

    def go_on(self) -> None:
        """Let the replica apply changes again, and wait until it has all that the primary has now."""
        self._on_replica("START SLAVE SQL_THREAD")
        self.catch_up()

    def catch_up(self) -> None:
        """Wait until the replica has all that the primary has now."""
        with _connection(self.primary) as primary:
            position = primary.exec_driver_sql("SELECT @@global.gtid_binlog_pos").scalar()
        with _connection(self.replica) as replica:
            waited = replica.exec_driver_sql("SELECT MASTER_GTID_WAIT(%s, 60)", (position,)).scalar()
        assert waited == 0

    def stop_replica(self) -> None:
        """End the replica's server; it is not started again."""
        self.running.close()

    def _on_replica(self, statement: str) -> None:
        with _connection(self.replica) as replica:
            replica.exec_driver_sql(statement)


@contextmanager
def _connection(url: str) -> Iterator[sa.Connection]:
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


@contextmanager
def replicated_servers() -> Iterator[ReplicatedServers]:
    """Run both servers, with empty databases `shop_…`, for the block."""
    with ExitStack() as stack, ExitStack() as running:
        try:
            primary = start_mariadb(stack, "--log-bin=primary", "--server-id=1")
            replica = start_mariadb(running, "--log-bin=replica", "--server-id=2", "--read-only")
        except MissingError as reason:
            pytest.skip(str(reason))
        with _connection(replica) as connection:
            connection.exec_driver_sql(
                "CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_USER = 'root', MASTER_USE_GTID = slave_pos, "
                f"MASTER_CONNECT_RETRY = 1, MASTER_PORT = {sa.make_url(primary).port}"
            )
            connection.exec_driver_sql("START SLAVE")
        with _connection(primary) as connection:
            for schema in SCHEMAS:
                connection.exec_driver_sql(f"CREATE DATABASE shop_{schema} CHARACTER SET utf8mb4")
        servers = ReplicatedServers(primary, replica, running)
        servers.catch_up()
        yield servers
