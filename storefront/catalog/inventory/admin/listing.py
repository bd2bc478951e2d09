"""The staff's stock list: searches, filters, sorts and counts variants by a fixed number of selects."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, case, func, literal, literal_column, or_, select, union_all

from storefront.catalog.inventory.admin.values import PAGE_SIZE, SortOrder, StockFilter, StockPage, StockQuery, StockRow
from storefront.catalog.models import NEVER_ENDS, StockStatus, Variant
from storefront.catalog.search import engine
from storefront.catalog.search.synonyms import read_query
from storefront.db.pagination import SortKeys, paginate
from storefront.db.session import read_session

ROWS_AT_ONCE = 1000  # rows of an export read by one select
MAX_NAMED = 10_000  # variants matched by words of their names; a word that matches more is not selective
MAX_BEGINNINGS = 1000  # variants matched by the beginning of their SKU
_LAST = "\uffff"  # sorts after every continuation of a prefix

_STATUSES = {
    StockFilter.LOW: StockStatus.LOW,
    StockFilter.OUT: StockStatus.OUT,
    StockFilter.INACTIVE: StockStatus.INACTIVE,
}
_ORDERS = {
    SortOrder.SKU: SortKeys((Variant.sku,), (str,)),
    SortOrder.NAME: SortKeys((Variant.title, Variant.id), (str, int)),
    SortOrder.AVAILABLE: SortKeys((Variant.available, Variant.id), (int, int)),
    SortOrder.DAYS_LEFT: SortKeys((Variant.days_left, Variant.id), (int, int)),
    SortOrder.SOLD: SortKeys((Variant.sold_30, Variant.id), (int, int), is_descending=True),
}


def row_columns() -> Select[*tuple[Any, ...]]:
    """Return the select whose rows `row_of` reads; callers add conditions."""
    return select(
        Variant.id,
        Variant.product_id,
        Variant.sku,
        Variant.barcode,
        Variant.title,
        Variant.on_hand,
        Variant.reserved,
        Variant.available,
        Variant.reorder_level,
        Variant.sold_30,
        Variant.days_left,
        Variant.stock_status,
    )


def row_of(row: Row[Any]) -> StockRow:
    """Convert a row of `row_columns`."""
    return StockRow(
        id=row.id,
        product_id=row.product_id,
        sku=row.sku,
        barcode=row.barcode,
        title=row.title,
        on_hand=row.on_hand,
        reserved=row.reserved,
        available=row.available,
        reorder_level=row.reorder_level,
        sold_30=max(0, row.sold_30),  # negative while a cancellation is within the 30 days and its sale is not
        days_left=None if row.days_left == NEVER_ENDS else row.days_left,
        stock_status=StockStatus(row.stock_status),
    )


def list_stock(criteria: StockQuery) -> StockPage:
    """Return a page of the stock list.

    Search results are in order of match: whole code, beginning of a SKU, words of the name.
    """
    narrowed = _narrowed(criteria.filter)
    keys = _ORDERS[criteria.order]
    if criteria.filter is StockFilter.RESERVED:
        keys = keys.sorted_afterwards()
    chosen = row_columns().where(*narrowed)
    if criteria.words:
        matches = _matches(criteria.words, narrowed)
        chosen = chosen.join(matches, matches.c.id == Variant.id)
        if criteria.order is SortOrder.SKU:
            keys = SortKeys((matches.c.rank, Variant.sku), (int, str))
    rows, paged = paginate(chosen, keys, criteria.cursor, PAGE_SIZE)
    return StockPage(criteria, tuple(row_of(row) for row in rows), count_by_filter(), paged)


def _narrowed(chosen: StockFilter) -> list[ColumnElement[bool]]:
    if chosen in _STATUSES:
        return [Variant.stock_status == _STATUSES[chosen]]
    return [Variant.reserved > 0] if chosen is StockFilter.RESERVED else []


def _matches(words: str, narrowed: Sequence[ColumnElement[bool]]) -> Any:
    """Select the ids of variants that match a search, each with its best rank; codes match in upper case, too."""
    codes = sorted({words, words.upper()})
    ids = Variant.id.label("id")
    branches = [
        select(ids, literal(0).label("rank")).where(Variant.sku.in_(codes), *narrowed),
        select(ids, literal(0)).where(Variant.barcode.in_(codes), *narrowed),
    ]
    for code in codes:
        begins = select(ids).where(Variant.sku.between(code, code + _LAST), *narrowed)
        first = begins.order_by(Variant.sku).limit(MAX_BEGINNINGS).subquery()
        branches.append(select(first.c.id, literal(1)))
    if typed := read_query(words):
        found = engine.match_cte(*typed)
        # Without the filters: SQLite would query the full-text index again for every row that passes them.
        named = select(ids).join(found, found.c.product_id == Variant.product_id).limit(MAX_NAMED).subquery()
        branches.append(select(named.c.id, literal(2)))
    every = union_all(*branches).subquery()
    return select(every.c.id, func.min(every.c.rank).label("rank")).group_by(every.c.id).subquery()


def count_by_filter() -> dict[StockFilter, int]:
    """Count the variants of each filter, by one select that skips the many in stock."""
    kind = literal_column
    by_status = (
        select(
            case(*((Variant.stock_status == s, kind(f"'{f}'")) for f, s in _STATUSES.items())).label("kind"),
            func.count(),
        )
        .where(Variant.stock_status.in_(list(_STATUSES.values())))
        .group_by(Variant.stock_status)
    )
    reserved: Select[*tuple[Any, ...]] = select(kind(f"'{StockFilter.RESERVED}'"), func.count()).where(
        Variant.reserved > 0
    )
    every: Select[*tuple[Any, ...]] = select(kind(f"'{StockFilter.ALL}'"), func.count()).select_from(Variant)
    rows = read_session().execute(union_all(by_status, reserved, every), bind_arguments={"mapper": Variant})
    counts: dict[str, int] = dict(rows.all())
    return {chosen: counts.get(chosen, 0) for chosen in StockFilter}


def rows_by_id(variant_ids: Collection[int]) -> dict[int, StockRow]:
    """Return the current rows of variants by id, without those that do not exist."""
    rows = read_session().execute(row_columns().where(Variant.id.in_(variant_ids)))
    return {row.id: row_of(row) for row in rows}


def rows_by_sku(skus: Sequence[str]) -> tuple[StockRow, ...]:
    """List the current rows of variants, those that sell out soonest first."""
    chosen = row_columns().where(Variant.sku.in_(skus)).order_by(Variant.days_left, Variant.sku)
    return tuple(row_of(row) for row in read_session().execute(chosen))


def find_by_code(code: str) -> StockRow | None:
    """Find a variant by its complete SKU or barcode, ignoring case."""
    codes = sorted({code, code.upper()})
    exact_first = case((Variant.sku == code, 0), else_=1)
    conditions = [or_(Variant.sku.in_(codes), Variant.barcode.in_(codes))]
    if code.upper() != code.lower():
        # It scans every SKU; it is for lower-case SKUs imported from the old shop.
        conditions.append(func.upper(Variant.sku) == code.upper())
    for condition in conditions:
        row = read_session().execute(row_columns().where(condition).order_by(exact_first, Variant.id).limit(1)).first()
        if row is not None:
            return row_of(row)
    return None


def restock_list(cursor: str = "", size: int = PAGE_SIZE) -> StockPage:
    """Return a page of the variants on sale at their reorder level or below, by the days until they sell out.

    :param cursor: of the page; empty for the first
    :param size: rows of a page
    """
    chosen = row_columns().where(Variant.stock_status.in_([StockStatus.OUT, StockStatus.LOW]))
    rows, paged = paginate(chosen, _ORDERS[SortOrder.DAYS_LEFT], cursor, size)
    criteria = StockQuery(order=SortOrder.DAYS_LEFT, cursor=cursor)
    return StockPage(criteria, tuple(row_of(row) for row in rows), count_by_filter(), paged)


def export_stock() -> Iterator[StockRow]:
    """Yield every variant by SKU, read in pages so that no transaction stays open during download."""
    last = ""
    while True:
        page = row_columns().where(Variant.sku > last).order_by(Variant.sku).limit(ROWS_AT_ONCE)
        rows = [row_of(row) for row in read_session().execute(page)]
        read_session().rollback()
        yield from rows
        if len(rows) < ROWS_AT_ONCE:
            return
        last = rows[-1].sku
