"""Applies a checked stock import in one transaction, set by set, if no figure changed since the check."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    String,
    and_,
    case,
    cast,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session

from storefront.catalog.inventory.admin.import_repeats import reference_of
from storefront.catalog.inventory.admin.values import LEVEL, LineProblem
from storefront.catalog.inventory.availability import publish_back_in_stock
from storefront.catalog.inventory.import_models import ImportState, StockImport, StockImportLine
from storefront.catalog.inventory.low_stock import acknowledge, flag, publish
from storefront.catalog.listing.read_model import shift_stock
from storefront.catalog.models import Product, StockMovement, Variant
from storefront.core.clock import utc_now
from storefront.core.errors import DomainError
from storefront.db.column_types import UtcDateTime
from storefront.db.session import retry_on_deadlock, rows_changed, transaction

CHUNK = 1000  # lines in one statement
LEASE = timedelta(minutes=5)  # many times the duration of 100,000 lines
MAX_NAMED = 200  # problems of one attempt that are stored for display

Progress = Callable[[int, int], None]
Line = StockImportLine


class _Refused(DomainError):
    """Figures changed since the file was checked.

    :ivar problems: kind and detail by line id, at most `MAX_NAMED`
    :ivar count: number of all problems
    """

    def __init__(self, problems: dict[int, tuple[LineProblem, str]], count: int) -> None:
        super().__init__(f"{count} lines")
        self.problems = problems
        self.count = count


def apply_import(import_id: int, progress: Progress = lambda done, total: None) -> bool:
    """Apply a queued import completely, or not at all when a figure changed since the check.

    :param progress: called with the number of lines done and of all lines
    :return: False when it is finished or another worker has it
    """
    owner = str(uuid.uuid4())
    if not _claim(import_id, owner):
        return False
    try:
        _apply(import_id, owner, progress)
    except _Refused as refusal:
        _record_refusal(import_id, owner, refusal)
    return True


@retry_on_deadlock
def _claim(import_id: int, owner: str) -> bool:
    with transaction("catalog") as session:
        abandoned = and_(StockImport.state == ImportState.APPLYING, StockImport.lease_until < utc_now())
        due = update(StockImport).where(
            StockImport.id == import_id, or_(StockImport.state == ImportState.WAITING, abandoned)
        )
        lease = {"state": ImportState.APPLYING, "lease_owner": owner, "lease_until": utc_now() + LEASE}
        return bool(rows_changed(session.execute(due.values(**lease))))


@retry_on_deadlock
def _apply(import_id: int, owner: str, progress: Progress) -> None:
    """Run an attempt: first all variants by id, then all products by id, the lock order used everywhere."""
    with transaction("catalog") as session:
        row = session.get_one(StockImport, import_id)
        attempt = _Attempt(session, row)
        for done in attempt.variants():
            progress(done, row.change_count)
        attempt.products()
        leased = update(StockImport).where(StockImport.id == import_id, StockImport.lease_owner == owner)
        ended = {"state": ImportState.APPLIED, "finished_at": utc_now(), "lease_owner": None}
        if not rows_changed(session.execute(leased.values(**ended))):
            raise RuntimeError(f"import {import_id}: another worker took over its lease")


class _Attempt:
    """One attempt to apply an import, within its transaction."""

    def __init__(self, session: Session, imported: StockImport) -> None:
        self._session = session
        self._import_id = imported.id
        self._file_name = imported.file_name
        self._actor = imported.actor
        self._change_count = imported.change_count
        self._reference = reference_of(imported.digest, imported.occurrence)
        self._now = literal(utc_now(), UtcDateTime)
        self._problems: dict[int, tuple[LineProblem, str]] = {}
        self._problem_count = 0

    def variants(self) -> Iterator[int]:
        """Change counts and reorder levels, chunk by chunk.

        :return: yields the number of lines done so far
        :raise _Refused: at the end, with all problems
        """
        fallen: list[str] = []
        done = last = 0
        while lines := self._lock_lines_after(last):
            first, last = lines[0].id, lines[-1].id
            chunk = and_(Line.import_id == self._import_id, Line.variant_id.between(first, last))
            self._find_problems(chunk)
            if not self._problem_count:
                self._move(chunk)
                fallen += self._update_alerts(lines)
            done += len(lines)
            yield done
        if done < self._change_count:
            self._find_deleted()
        if self._problem_count:
            raise _Refused(self._problems, self._problem_count)
        publish(self._session, fallen)

    def _lock_lines_after(self, variant_id: int) -> Sequence[Row[Any]]:
        """Lock the next lines and their variants, and return them with the available units."""
        columns: Select[*tuple[Any, ...]] = select(Variant.id, Variant.available, Line.delta, Line.level)
        lines = (
            columns.join(Line, Line.variant_id == Variant.id)
            .where(Line.import_id == self._import_id, Line.variant_id > variant_id)
            .order_by(Line.variant_id)
            .limit(CHUNK)
        )
        return self._session.execute(lines.with_for_update()).all()

    def _update_alerts(self, lines: Sequence[Row[Any]]) -> list[str]:
        """Publish variants that are back in stock, and update low-stock flags.

        :return: SKUs of variants that ran low
        """
        back = {line.id: line.delta for line in lines if line.available <= 0 < line.available + (line.delta or 0)}
        publish_back_in_stock(self._session, back)
        if levels := [line.id for line in lines if line.level is not None]:
            acknowledge(self._session, levels)
        return flag(self._session, [line.id for line in lines])

    def _find_problems(self, chunk: ColumnElement[bool]) -> None:
        """Collect the problems of a chunk's lines."""
        done = exists().where(
            StockMovement.variant_id == Variant.id,
            StockMovement.reason == Line.reason,
            StockMovement.reference == self._reference,
        )
        moves = Line.delta.is_not(None)
        problem = case(
            (and_(moves, done), LineProblem.AGAIN),
            (and_(moves, Line.is_count, Variant.on_hand != Line.seen), LineProblem.STALE),
            (and_(moves, Variant.on_hand + Line.delta < Variant.reserved), LineProblem.SHORT),
            (and_(Line.level.is_not(None), Variant.reorder_level != Line.seen_level), LineProblem.STALE_LEVEL),
            else_="",
        ).label("problem")
        checked = (
            select(
                Line.id, problem, Line.seen, Line.seen_level, Variant.on_hand, Variant.reorder_level, Variant.reserved
            )
            .join(Variant, Variant.id == Line.variant_id)
            .where(chunk)
            .subquery()
        )
        for row in self._session.execute(select(checked).where(checked.c.problem != "")):
            self._problem_count += 1
            if len(self._problems) < MAX_NAMED:
                self._problems[row.id] = (LineProblem(row.problem), _detail(row))

    def _find_deleted(self) -> None:
        """Collect lines whose variants were deleted since the check, which is possible while they have no movements."""
        existing = exists().where(Variant.id == Line.variant_id)
        deleted = select(Line.id).where(Line.import_id == self._import_id, Line.variant_id.is_not(None), ~existing)
        for line_id in self._session.scalars(deleted.limit(MAX_NAMED)):
            self._problem_count += 1
            self._problems[line_id] = (LineProblem.UNKNOWN_SKU, "")

    def _move(self, chunk: ColumnElement[bool]) -> None:
        moves, relevels = Line.delta.is_not(None), Line.level.is_not(None)
        # The ledger first: its balances are computed from the counts before the update.
        balance = Variant.on_hand + Line.delta
        self._record(and_(chunk, moves), Line.delta, balance, Line.reason, literal(self._file_name))
        change = cast(Line.seen_level, String(12)) + " to " + cast(Line.level, String(12))
        self._record(and_(chunk, relevels), literal(0), Variant.on_hand, literal(LEVEL), change)
        for which, values in (
            (moves, {"on_hand": Variant.on_hand + Line.delta}),
            (relevels, {"reorder_level": Line.level}),
        ):
            changed = update(Variant).where(Variant.id == Line.variant_id, chunk, which).values(**values)
            self._session.execute(changed)

    def _record(self, lines: ColumnElement[bool], delta: Any, balance: Any, reason: Any, note: Any) -> None:
        """Insert one movement into the ledger for each of some lines."""
        common = (literal(self._reference), literal(self._actor), self._now, note)
        rows = select(Variant.id, delta, balance, reason, *common)
        rows = rows.join(Line, Line.variant_id == Variant.id).where(lines).order_by(Variant.id)
        columns = ["variant_id", "delta", "balance", "reason", "reference", "actor", "created_at", "note"]
        self._session.execute(insert(StockMovement).from_select(columns, rows))

    def products(self) -> None:
        """Update the stock totals and listings of the products, chunk by chunk."""
        moved = and_(Line.import_id == self._import_id, Line.delta.is_not(None))
        last = 0
        while True:
            page = select(Line.product_id).where(moved, Line.product_id > last).distinct()
            chunk = self._session.scalars(page.order_by(Line.product_id).limit(CHUNK))
            ids = [product_id for product_id in chunk if product_id is not None]
            if not ids:
                return
            first, last = ids[0], ids[-1]
            units = (
                select(Line.product_id, func.sum(Line.delta).label("units"))
                .join(Variant, Variant.id == Line.variant_id)
                .where(moved, Line.product_id.between(first, last), Variant.is_withdrawn.is_(False))
                .group_by(Line.product_id)
                .subquery()
            )
            shift_stock(self._session, ids, units.c.units, units.c.product_id == Product.id)


def _detail(row: Row[Any]) -> str:
    if row.problem == LineProblem.STALE:
        return f"{row.seen}/{row.on_hand}"
    if row.problem == LineProblem.STALE_LEVEL:
        return f"{row.seen_level}/{row.reorder_level}"
    return str(row.on_hand - row.reserved) if row.problem == LineProblem.SHORT else ""


@retry_on_deadlock
def _record_refusal(import_id: int, owner: str, refusal: _Refused) -> None:
    with transaction("catalog") as session:
        leased = update(StockImport).where(StockImport.id == import_id, StockImport.lease_owner == owner)
        problems = StockImport.problem_count + refusal.count
        ended = {"state": ImportState.REFUSED, "problem_count": problems, "finished_at": utc_now()}
        session.execute(leased.values(lease_owner=None, **ended))
        for line_id, (problem, detail) in refusal.problems.items():
            session.execute(update(Line).where(Line.id == line_id).values(problem=problem, detail=detail))
