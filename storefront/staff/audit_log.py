"""What the staff did in every schema, as one list: latest first, page by page."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice

from storefront.accounts import service as accounts
from storefront.catalog import service as catalog
from storefront.db.audit_log import AuditEntryView, AuditQuery
from storefront.db.pagination import MAX_INTEGER, decode_cursor, encode_cursor
from storefront.orders import service as orders

PAGE_SIZE = 50
ROWS_AT_ONCE = 1000  # of an export

Source = Callable[[AuditQuery, int], Iterator[AuditEntryView]]

# The order settles which of two comes first that were noted at the same moment in different places.
SOURCES: dict[str, Source] = {
    "accounts": accounts.audit_entries,
    "orders": orders.audit_entries,
    "catalog": catalog.reports.audit_entries,
    "stock": catalog.reports.staff_movements,
}
_RANKS = {name: rank for rank, name in enumerate(SOURCES)}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page ends: the act it ends with."""

    at: datetime
    source: str
    id: int


@dataclass(frozen=True, slots=True)
class AuditRow:
    """:ivar source: where it was noted"""

    source: str
    act: AuditEntryView

    @property
    def place(self) -> Place:
        return Place(self.act.at, self.source, self.act.id)


@dataclass(frozen=True, slots=True)
class AuditPage:
    """:ivar next: cursor of the page of earlier acts; empty when there are none"""

    rows: tuple[AuditRow, ...]
    next: str


def read_audit_log(criteria: AuditQuery, cursor: str = "", size: int = PAGE_SIZE) -> AuditPage:
    """A page of the trail, by one select of each source. A cursor that is none of ours is the first page."""
    found = list(islice(_merged(criteria, _read(cursor), size + 1), size + 1))
    rows = tuple(found[:size])
    return AuditPage(rows, _write(rows[-1].place) if len(found) > size else "")


def _merged(criteria: AuditQuery, after: Place | None, most: int) -> Iterator[AuditRow]:
    lists = [_rows_of(source, criteria, after, most) for source in SOURCES]
    return heapq.merge(*lists, key=lambda row: (row.act.at, -_RANKS[row.source], row.act.id), reverse=True)


def _rows_of(source: str, criteria: AuditQuery, after: Place | None, most: int) -> list[AuditRow]:
    if after is not None:
        rank = _RANKS[source] - _RANKS[after.source]
        number = after.id if rank == 0 else MAX_INTEGER if rank > 0 else 0
        criteria = replace(criteria, before=(after.at, number))
    return [AuditRow(source, act) for act in SOURCES[source](criteria, most)]


def export_audit_log(criteria: AuditQuery) -> Iterator[AuditRow]:
    """Every act that is asked for, read in pages so that no transaction stays open while a file is sent."""
    cursor = ""
    while True:
        page = read_audit_log(criteria, cursor, ROWS_AT_ONCE)
        yield from page.rows
        if not page.next:
            return
        cursor = page.next


def _write(place: Place) -> str:
    return encode_cursor([place.at, place.source, place.id])


def _read(cursor: str) -> Place | None:
    found = decode_cursor(cursor, (datetime, str, int))
    place = Place(*found) if found else None
    return place if place and place.source in SOURCES and place.id >= 0 else None
