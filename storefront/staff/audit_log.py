"""The audit logs of all schemas merged into one list, newest first, with keyset pagination."""

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
from storefront.webhooks import service as webhooks

PAGE_SIZE = 50
EXPORT_BATCH = 1000  # rows read at once

Source = Callable[[AuditQuery, int], Iterator[AuditEntryView]]

# Entries of the same moment are ordered by source, in this order.
SOURCES: dict[str, Source] = {
    "accounts": accounts.audit_entries,
    "orders": orders.audit_entries,
    "catalog": catalog.reports.audit_entries,
    "stock": catalog.reports.staff_movements,
    "webhooks": webhooks.audit_entries,
}
_RANKS = {name: rank for rank, name in enumerate(SOURCES)}


@dataclass(frozen=True, slots=True)
class Position:
    """The last entry of a page, from which the next page goes on."""

    at: datetime
    source: str
    id: int


@dataclass(frozen=True, slots=True)
class AuditRow:
    """An entry of the merged list.

    :ivar source: key of `SOURCES` that it was read from
    """

    source: str
    entry: AuditEntryView

    @property
    def position(self) -> Position:
        return Position(self.entry.at, self.source, self.entry.id)


@dataclass(frozen=True, slots=True)
class AuditPage:
    """A page of the merged list.

    :ivar next: cursor of the page of earlier entries; empty on the last page
    """

    rows: tuple[AuditRow, ...]
    next: str


def read_audit_log(criteria: AuditQuery, cursor: str = "", size: int = PAGE_SIZE) -> AuditPage:
    """Read a page of the audit log with one select per source.

    :param cursor: `AuditPage.next` of the page before; anything unreadable means the first page
    """
    merged = list(islice(_merged(criteria, _decode(cursor), size + 1), size + 1))
    rows = tuple(merged[:size])
    return AuditPage(rows, _encode(rows[-1].position) if len(merged) > size else "")


def _merged(criteria: AuditQuery, after: Position | None, limit: int) -> Iterator[AuditRow]:
    lists = [_rows_of(source, criteria, after, limit) for source in SOURCES]
    return heapq.merge(*lists, key=lambda row: (row.entry.at, -_RANKS[row.source], row.entry.id), reverse=True)


def _rows_of(source: str, criteria: AuditQuery, after: Position | None, limit: int) -> list[AuditRow]:
    if after is not None:
        # At the moment of `after`, sources ranked behind it still have all their entries to give, those before it none.
        rank = _RANKS[source] - _RANKS[after.source]
        before_id = after.id if rank == 0 else MAX_INTEGER if rank > 0 else 0
        criteria = replace(criteria, before=(after.at, before_id))
    return [AuditRow(source, entry) for entry in SOURCES[source](criteria, limit)]


def export_audit_log(criteria: AuditQuery) -> Iterator[AuditRow]:
    """Yield every matching entry, read in batches so that no transaction stays open while a file is sent."""
    cursor = ""
    while True:
        page = read_audit_log(criteria, cursor, EXPORT_BATCH)
        yield from page.rows
        if not page.next:
            return
        cursor = page.next


def _encode(position: Position) -> str:
    return encode_cursor([position.at, position.source, position.id])


def _decode(cursor: str) -> Position | None:
    values = decode_cursor(cursor, (datetime, str, int))
    position = Position(*values) if values else None
    return position if position and position.source in SOURCES and position.id >= 0 else None
