"""Whether the present request reads from the primary databases or from their replicas.

A request that may use replicas gets a `ReadSource`, in use within the views that show what may be a little old. It is
set aside for good by the first transaction, whose changes the request must see, and when a replica does not answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy.engine import Connection, Engine

E = TypeVar("E", bound=Engine | Connection)


@dataclass(slots=True)
class ReadSource:
    """Where one request reads.

    :ivar replicas: engine of each replica, by the engine of its primary
    :ivar is_replica: False once the request must read from the primaries
    :ivar is_in_use: whether what is read now may come from a replica
    """

    replicas: Mapping[Engine, Engine]
    is_replica: bool = True
    is_in_use: bool = False


_present: ContextVar[ReadSource | None] = ContextVar("read source", default=None)


def present() -> ReadSource | None:
    """The source of the present request if it may still read from replicas."""
    source = _present.get()
    return source if source is not None and source.is_replica else None


@contextmanager
def reading_from(source: ReadSource | None) -> Iterator[None]:
    """Let the block read from a source; None for the primaries."""
    token = _present.set(source)
    try:
        yield
    finally:
        _present.reset(token)


@contextmanager
def in_use(source: ReadSource) -> Iterator[None]:
    """Read from replicas within the block, as long as the source allows it."""
    before, source.is_in_use = source.is_in_use, True
    try:
        yield
    finally:
        source.is_in_use = before


def use_primary() -> None:
    """Read from the primaries for the rest of the request."""
    source = _present.get()
    if source is not None:
        source.is_replica = False


def choose(primary: E) -> E | Engine:
    """The engine to read from.

    :param primary: of the schema that is read
    """
    source = _present.get()
    if source is None or not (source.is_in_use and source.is_replica) or not isinstance(primary, Engine):
        return primary
    return source.replicas.get(primary, primary)
