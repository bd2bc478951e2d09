"""Values and errors of stock administration."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from storefront.catalog.inventory.import_models import ImportState
from storefront.catalog.models import StockStatus
from storefront.core.errors import DomainError, NotFoundError
from storefront.db.pagination import PageCursors

PAGE_SIZE = 50
MAX_UNITS = 1_000_000  # of one variant on hand; a larger number is a barcode in the wrong field
MAX_AT_ONCE = 10_000  # units of one delta


class Reason(StrEnum):
    """The reasons of movements that staff choose; other movements have other reasons ("sale", "initial", …)."""

    RECEIVED = "received"
    COUNTED = "counted"
    DAMAGED = "damaged"
    LOST = "lost"
    FOUND = "found"
    CORRECTION = "correction"


LEVEL = "level"  # the reorder level changed: a movement of no units
UNDO = "undo"


class StockFilter(StrEnum):
    """The filters of the stock list."""

    ALL = "all"
    LOW = "low"
    OUT = "out"
    RESERVED = "reserved"
    INACTIVE = "inactive"


class SortOrder(StrEnum):
    """The sort orders of the stock list."""

    SKU = "sku"
    NAME = "name"
    AVAILABLE = "available"  # fewest first
    DAYS_LEFT = "days"  # soonest first
    SOLD = "sold"  # most first


@dataclass(frozen=True, slots=True)
class StockQuery:
    """Search, filter, sort order and page of the stock list.

    :ivar words: a SKU or its beginning, a barcode, or words of a name
    :ivar cursor: of the page; empty for the first
    """

    words: str = ""
    filter: StockFilter = StockFilter.ALL
    order: SortOrder = SortOrder.SKU
    cursor: str = ""


@dataclass(frozen=True, slots=True)
class StockRow:
    """A variant in the stock list.

    :ivar sold_30: units sold in the last 30 days
    :ivar days_left: days until the available units are sold at that rate; None without sales
    """

    id: int
    product_id: int
    sku: str
    barcode: str | None
    title: str
    on_hand: int
    reserved: int
    available: int
    reorder_level: int
    sold_30: int
    days_left: int | None
    stock_status: StockStatus

    @property
    def to_order(self) -> int:
        """Return the units to order: up to the reorder level plus the sales of 30 days."""
        return max(0, self.reorder_level + self.sold_30 - self.available)


@dataclass(frozen=True, slots=True)
class StockPage:
    """A page of the stock list.

    :ivar counts: variants of the whole shop by filter
    """

    criteria: StockQuery
    rows: tuple[StockRow, ...]
    counts: dict[StockFilter, int]
    paged: PageCursors


@dataclass(frozen=True, slots=True)
class Adjustment:
    """A change that staff entered for one variant; at most one of `delta` and `count` is set.

    :ivar seen: units on hand that the form showed
    :ivar seen_level: the reorder level that the form showed
    :ivar delta: units to add to the current count
    :ivar count: the new count
    :ivar level: the new reorder level
    """

    variant_id: int
    seen: int
    seen_level: int
    delta: int | None = None
    count: int | None = None
    level: int | None = None


class RejectionKind(StrEnum):
    """The reasons why an adjustment cannot be applied."""

    CHANGED = "changed"  # counted, but the count changed after the form was shown
    SHORT = "short"  # fewer units are available than are to be removed
    RESERVED = "reserved"  # fewer units were counted than are reserved
    TOO_MANY = "too-many"  # more than `MAX_UNITS` on hand
    LEVEL_CHANGED = "level-changed"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why one adjustment cannot be applied.

    :ivar row: the current row; None when the variant was deleted
    """

    kind: RejectionKind
    change: Adjustment
    row: StockRow | None


class StockConflict(DomainError):
    """Some adjustments of a submission cannot be applied, so none was.

    :ivar refusals: by variant id
    """

    def __init__(self, refusals: dict[int, Rejection]) -> None:
        super().__init__(f"{len(refusals)} refused")
        self.refusals = refusals


class UnknownMovement(NotFoundError):
    """No movement has this id."""


class NotUndoable(DomainError):
    """A sale, a return or another movement not made by staff cannot be undone by them."""


@dataclass(frozen=True, slots=True)
class LedgerCriteria:
    """Filters and page of the ledger. Empty strings and None do not restrict.

    :ivar since: earliest time, inclusive
    :ivar until: latest time, exclusive
    :ivar cursor: of the page; empty for the first
    """

    sku: str = ""
    actor: str = ""
    reason: str = ""
    reference: str = ""
    since: datetime | None = None
    until: datetime | None = None
    cursor: str = ""


@dataclass(frozen=True, slots=True)
class Movement:
    """A movement in the ledger.

    :ivar balance: units on hand after it
    :ivar undoes_id: the movement that it reverses, if any
    :ivar is_undone: whether another movement reversed it
    """

    id: int
    sku: str
    title: str
    delta: int
    balance: int
    reason: str
    reference: str
    actor: str
    note: str
    created_at: datetime
    undoes_id: int | None
    is_undone: bool

    @property
    def can_be_undone(self) -> bool:
        return self.delta != 0 and not self.is_undone and self.reason in set(Reason)


@dataclass(frozen=True, slots=True)
class LedgerPage:
    """A page of the ledger.

    :ivar row: the variant, when the criteria name a SKU that exists
    """

    criteria: LedgerCriteria
    movements: tuple[Movement, ...]
    paged: PageCursors
    row: StockRow | None


# ---------------------------------------------------------------------------------------------- imports


class LineProblem(StrEnum):
    """The problems of a line of an import; comments say what `detail` has."""

    UNKNOWN_SKU = "unknown-sku"  # detail: the SKU that has the name or barcode of the line, if any
    UNKNOWN_BARCODE = "unknown-barcode"  # detail: the barcode
    BAD_BARCODE = "bad-barcode"  # no barcode number, or its check digit does not fit; detail: the cell
    OTHER_PRODUCT = "other-product"  # name or barcode are those of another SKU; detail: that SKU
    SHORTENED = "shortened"  # a code that a spreadsheet made a rounded number; detail: the cell
    NO_SKU = "no-sku"  # neither SKU nor barcode
    TWICE = "twice"  # detail: the earlier line with the same SKU
    NOT_A_NUMBER = "not-a-number"  # detail: the cell
    AMBIGUOUS = "ambiguous"  # a number with two readings; detail: the cell and both, "1.000/1000/1"
    TWO_FIGURES = "two-figures"  # a count and a delta
    TOO_MANY = "too-many"
    UNKNOWN_REASON = "unknown-reason"
    TOO_MANY_CELLS = "too-many-cells"  # more cells than columns; detail: the first surplus one
    TOO_FEW_CELLS = "too-few-cells"  # detail: cells and columns, "2/3"
    OPEN_QUOTE = "open-quote"  # a quote is not closed on its line
    STALE = "stale"  # detail: units on hand by the file and now, "5/7"
    STALE_LEVEL = "stale-level"  # detail: reorder level by the file and now, "5/7"
    SHORT = "short"  # detail: units available
    RESERVED = "reserved"  # fewer counted than reserved; detail: units reserved
    AGAIN = "again"  # another import of the same file was applied first


class UnknownImport(NotFoundError):
    """No import has this id, or it was purged."""


class NotCsv(DomainError):
    """The uploaded file is not CSV.

    :ivar kind: what it is ("an Excel workbook"), or "no text" when unknown
    """

    status = 415

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


class SheetFault(StrEnum):
    """The reasons why a CSV file cannot be parsed; comments say what `detail` has."""

    EMPTY = "empty"
    ENCODING = "encoding"  # detail: number of the line
    NO_SKU_COLUMN = "no-sku-column"  # neither SKU nor barcode; detail: the columns there are
    UNKNOWN_COLUMNS = "unknown-columns"  # detail: their names
    UNNAMED_COLUMN = "unnamed-column"  # filled, but without a name; detail: its letter and a line, "C/2"
    COLUMN_TWICE = "column-twice"  # detail: their names
    NOTHING_TO_CHANGE = "nothing-to-change"  # no column that changes anything
    TOO_MANY_LINES = "too-many-lines"  # detail: the maximum
    BROKEN = "broken"  # detail: number of the line


class BadSheet(DomainError):
    """The uploaded CSV file cannot be parsed.

    :ivar detail: depends on `fault`, see `SheetFault`
    """

    status = 422

    def __init__(self, fault: SheetFault, detail: str = "") -> None:
        super().__init__(f"{fault} {detail}")
        self.fault = fault
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Repeat:
    """An earlier import with the same deliveries as another.

    :ivar at: when it was applied, or uploaded while it is waiting
    """

    at: datetime
    actor: str
    file_name: str


class RepeatedImport(DomainError):
    """The same deliveries were imported before, and nobody said that they came again."""

    status = 422

    def __init__(self, repeat: Repeat) -> None:
        super().__init__(repeat.file_name)
        self.repeat = repeat


@dataclass(frozen=True, slots=True)
class ImportLine:
    """A line of an import that changes something or has a problem; see `StockImportLine` for its fields.

    :ivar sku: the barcode of a line without SKU
    :ivar title: of the variant; empty for a line with a problem
    """

    line: int
    sku: str
    title: str
    reason: str
    is_count: bool
    seen: int
    delta: int | None
    level: int | None
    seen_level: int
    problem: LineProblem | None
    detail: str


@dataclass(frozen=True, slots=True)
class Import:
    """A stock import and its progress.

    :ivar reference: idempotency key of its movements
    """

    id: int
    file_name: str
    actor: str
    state: ImportState
    line_count: int
    change_count: int
    problem_count: int
    created_at: datetime
    finished_at: datetime | None
    reference: str

    @property
    def is_busy(self) -> bool:
        return self.state in {ImportState.WAITING, ImportState.APPLYING}


@dataclass(frozen=True, slots=True)
class ImportPage:
    """An import with its lines.

    :ivar problems: the first of them, at most `PROBLEMS_SHOWN`
    :ivar changes: one page of them
    :ivar paged: cursors of the changes
    :ivar repeat: the earlier import with the same deliveries, while this one can be applied
    """

    imported: Import
    problems: tuple[ImportLine, ...]
    changes: tuple[ImportLine, ...]
    paged: PageCursors
    repeat: Repeat | None


@dataclass(frozen=True, slots=True)
class UnappliedRow:
    """A row of a file that has a problem.

    :ivar cells: of the whole row, as in the file
    """

    line: ImportLine
    cells: list[str]
