"""Receiving a delivery by scanner: what an entry into the quantity of an open line means.

A scanner types what it reads wherever the cursor is. A code that the shop knows is therefore never a quantity.
"""

from __future__ import annotations

from dataclasses import dataclass

from storefront.catalog.inventory.admin.listing import find_by_code
from storefront.catalog.inventory.admin.values import MAX_AT_ONCE, StockRow
from storefront.core.errors import DomainError
from storefront.core.number_parsing import NumberRefused, parse_quantity


@dataclass(frozen=True, slots=True)
class Units:
    """A quantity of the open line."""

    count: int


@dataclass(frozen=True, slots=True)
class NextCode:
    """The code of another line, which it opens.

    :ivar counted: units of the line so far, by its scans; None when it was scanned once, which is no count
    """

    row: StockRow
    counted: int | None


@dataclass(frozen=True, slots=True)
class SameCode:
    """The code of the open line once more, one unit each time.

    :ivar scans: of the line, this one included
    """

    scans: int


class NoQuantity(DomainError):
    """Nothing was entered, and the line was scanned only once."""

    status = 422


class BadQuantity(DomainError):
    """The entry is neither a quantity nor a known code; `str()` says what to enter."""

    status = 422


def read_entry(text: str, line: StockRow, *, scans: int, locale: str) -> Units | NextCode | SameCode:
    """Tell what was typed or scanned into the quantity of an open line.

    :param text: a quantity, one with a plus sign where a code looks the same, or a code; empty takes the scans
    :param line: the open line
    :param scans: how many times the line was scanned
    :param locale: by which a quantity may be grouped
    :raise NoQuantity: it is empty, and one scan is no count
    :raise BadQuantity: it is no quantity from 1 to `MAX_AT_ONCE`, and nothing has it as its code
    """
    typed = text.strip()
    counted = scans if scans > 1 else None
    if not typed:
        if counted is None:
            raise NoQuantity
        return Units(counted)
    if not typed.startswith("+") and (row := find_by_code(typed)):
        return SameCode(scans + 1) if row.id == line.id else NextCode(row, counted)
    try:
        return Units(parse_quantity(typed.removeprefix("+"), least=1, most=MAX_AT_ONCE, locale=locale))
    except NumberRefused as error:
        raise BadQuantity(str(error)) from error
