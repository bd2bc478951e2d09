"""What passes between the stock desk and its pages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from storefront.catalog.inventory.import_models import ImportState
from storefront.catalog.models import StockStatus
from storefront.core.errors import DomainError, NotFoundError
from storefront.db.pagination import PageCursors

PAGE_SIZE = 50
MAX_UNITS = 1_000_000  # of one variant on hand; more is a barcode in the wrong field
MAX_AT_ONCE = 10_000  # units of one delta


class Reason(StrEnum):
    """Why staff change a count; what else changes counts has reasons of its own ("sale", "initial", …)."""

    RECEIVED = "received"
    COUNTED = "counted"
    DAMAGED = "damaged"
    LOST = "lost"
    FOUND = "found"
    CORRECTION = "correction"


LEVEL = "level"  # a low-stock level was changed: a row of the ledger that moves nothing
UNDO = "undo"


class StockFilter(StrEnum):
    ALL = "all"
    LOW = "low"
    OUT = "out"
    RESERVED = "reserved"
    INACTIVE = "inactive"


class SortOrder(StrEnum):
    SKU = "sku"
    NAME = "name"
    AVAILABLE = "available"  # fewest first
    DAYS_LEFT = "days"  # soonest first
    SOLD = "sold"  # most first


@dataclass(frozen=True, slots=True)
class StockQuery:
    """:ivar words: a SKU, its beginning, a barcode or words of a name
    :ivar cursor: where a page begins or ends
    """

    words: str = ""
    filter: StockFilter = StockFilter.ALL
    order: SortOrder = SortOrder.SKU
    cursor: str = ""


@dataclass(frozen=True, slots=True)
class StockRow:
    """A variant on the desk.

    :ivar sold_30: units sold in the last 30 days
    :ivar days_left: until what is available is sold at that rate; None when nothing sells
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
        """Units that bring it to its level with a month of sales on top."""
        return max(0, self.reorder_level + self.sold_30 - self.available)


@dataclass(frozen=True, slots=True)
class StockPage:
    """:ivar counts: variants of the whole shop by filter"""

    criteria: StockQuery
    rows: tuple[StockRow, ...]
    counts: dict[StockFilter, int]
    paged: PageCursors


@dataclass(frozen=True, slots=True)
class Adjustment:
    """What a clerk entered in one row.

    :ivar delta: units to add to whatever is there
    :ivar count: units that were counted; one of both or neither
    :ivar seen: units on hand that the row showed
    :ivar level: a new low-stock level
    :ivar seen_level: the level that the row showed
    """

    variant_id: int
    seen: int
    seen_level: int
    delta: int | None = None
    count: int | None = None
    level: int | None = None


class RejectionKind(StrEnum):
    CHANGED = "changed"  # counted, but the figure on the screen was out of date
    SHORT = "short"  # fewer are available than should go
    RESERVED = "reserved"  # fewer were counted than are promised to customers
    TOO_MANY = "too-many"
    LEVEL_CHANGED = "level-changed"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why one change cannot be made.

    :ivar row: as it stands now; None when it is gone
    """

    kind: RejectionKind
    change: Adjustment
    row: StockRow | None


class StockConflict(DomainError):
    """Some changes of a submit cannot be made, so none was.

    :ivar refusals: by variant
    """

    def __init__(self, refusals: dict[int, Rejection]) -> None:
        super().__init__(f"{len(refusals)} refused")
        self.refusals = refusals


class UnknownMovement(NotFoundError):
    """The ledger has no such row."""


class NotUndoable(DomainError):
    """A sale, a return or another such movement is not taken back by hand."""


@dataclass(frozen=True, slots=True)
class LedgerCriteria:
    """Empty strings and None do not restrict.

    :ivar since: first moment
    :ivar until: the moment after the last
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
    """A row of the ledger.

    :ivar balance: on hand after it
    :ivar is_undone: another row took it back
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
    """:ivar row: the variant, when the ledger of one was asked for and there is one"""

    criteria: LedgerCriteria
    movements: tuple[Movement, ...]
    paged: PageCursors
    row: StockRow | None


# ---------------------------------------------------------------------------------------------- imports


class LineProblem(StrEnum):
    UNKNOWN_SKU = "unknown-sku"
    NO_SKU = "no-sku"
    TWICE = "twice"  # detail: the line it stands in already
    NOT_A_NUMBER = "not-a-number"  # detail: what stands there
    TWO_FIGURES = "two-figures"  # a count and a delta
    TOO_MANY = "too-many"
    UNKNOWN_REASON = "unknown-reason"
    TOO_MANY_CELLS = "too-many-cells"  # more than there are columns; detail: the first of them
    STALE = "stale"  # detail: on hand, as the file says
    STALE_LEVEL = "stale-level"
    SHORT = "short"
    RESERVED = "reserved"  # fewer counted than are promised
    AGAIN = "again"  # another import of this very file was quicker


class UnknownImport(NotFoundError):
    """There is no such import, or it is too old."""


class NotCsv(DomainError):
    """The file is something else.

    :ivar kind: what, in words ("an Excel workbook"), if that can be told
    """

    status = 415

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


class SheetFault(StrEnum):
    EMPTY = "empty"
    ENCODING = "encoding"  # detail: the line
    NO_SKU_COLUMN = "no-sku-column"
    UNKNOWN_COLUMNS = "unknown-columns"  # detail: their names
    COLUMN_TWICE = "column-twice"
    NOTHING_TO_CHANGE = "nothing-to-change"  # no column that changes anything
    TOO_MANY_LINES = "too-many-lines"
    BROKEN = "broken"  # detail: the line


class BadSheet(DomainError):
    """It is CSV, but cannot be read.

    :ivar detail: names what is wrong
    """

    status = 422

    def __init__(self, fault: SheetFault, detail: str = "") -> None:
        super().__init__(f"{fault} {detail}")
        self.fault = fault
        self.detail = detail


@dataclass(frozen=True, slots=True)
class ImportLine:
    """A line of the file that changes something or has a problem; see `StockImportLine`."""

    line: int
    sku: str
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
    """:ivar reference: of the movements it makes"""

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
    """:ivar problems: the first of them
    :ivar changes: a page of them
    :ivar paged: of the changes
    """

    imported: Import
    problems: tuple[ImportLine, ...]
    changes: tuple[ImportLine, ...]
    paged: PageCursors
