"""What the staff did in every schema, as one list: latest first, page by page."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice

from storefront.accounts import service as accounts
from storefront.catalog import service as catalog
from storefront.db.audit_log import NotedAct, TrailCriteria
from storefront.db.pagination import LARGEST, packed, unpacked
from storefront.orders import service as orders

PAGE_SIZE = 50
ROWS_AT_ONCE = 1000  # of an export

Source = Callable[[TrailCriteria, int], Iterator[NotedAct]]

# The order settles which of two comes first that were noted at the same moment in different places.
SOURCES: dict[str, Source] = {
    "accounts": accounts.acts_noted,
    "orders": orders.acts_noted,
    "catalog": catalog.reports.acts_noted,
    "stock": catalog.reports.movements_by_hand,
}
_RANKS = {name: rank for rank, name in enumerate(SOURCES)}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page ends: the act it ends with."""

    at: datetime
    source: str
    id: int


@dataclass(frozen=True, slots=True)
class TrailRow:
    """:ivar source: where it was noted"""

    source: str
    act: NotedAct

    @property
    def place(self) -> Place:
        return Place(self.act.at, self.source, self.act.id)


@dataclass(frozen=True, slots=True)
class TrailPage:
    """:ivar next: cursor of the page of earlier acts; empty when there are none"""

    rows: tuple[TrailRow, ...]
    next: str


def read_trail(criteria: TrailCriteria, cursor: str = "", size: int = PAGE_SIZE) -> TrailPage:
    """A page of the trail, by one select of each source. A cursor that is none of ours is the first page."""
    found = list(islice(_merged(criteria, _read(cursor), size + 1), size + 1))
    rows = tuple(found[:size])
    return TrailPage(rows, _write(rows[-1].place) if len(found) > size else "")


def _merged(criteria: TrailCriteria, after: Place | None, most: int) -> Iterator[TrailRow]:
    lists = [_rows_of(source, criteria, after, most) for source in SOURCES]
    return heapq.merge(*lists, key=lambda row: (row.act.at, -_RANKS[row.source], row.act.id), reverse=True)


def _rows_of(source: str, criteria: TrailCriteria, after: Place | None, most: int) -> list[TrailRow]:
    if after is not None:
        rank = _RANKS[source] - _RANKS[after.source]
        number = after.id if rank == 0 else LARGEST if rank > 0 else 0
        criteria = replace(criteria, before=(after.at, number))
    return [TrailRow(source, act) for act in SOURCES[source](criteria, most)]


def export_trail(criteria: TrailCriteria) -> Iterator[TrailRow]:
    """Every act that is asked for, read in pages so that no transaction stays open while a file is sent."""
    cursor = ""
    while True:
        page = read_trail(criteria, cursor, ROWS_AT_ONCE)
        yield from page.rows
        if not page.next:
            return
        cursor = page.next


def _write(place: Place) -> str:
    return packed([place.at, place.source, place.id])


def _read(cursor: str) -> Place | None:
    found = unpacked(cursor, (datetime, str, int))
    place = Place(*found) if found else None
    return place if place and place.source in SOURCES and place.id >= 0 else None
