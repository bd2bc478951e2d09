"""Finds the variant that a line of a stock file means, and notices when its SKU, name and barcode mean different ones.

Spreadsheets change codes: 00123 becomes 123, which may be another product's SKU, and 2000000000015 becomes 2E+12.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, or_, select

from storefront.catalog.inventory.admin.csv_parser import SheetLine
from storefront.catalog.inventory.admin.values import LineProblem
from storefront.catalog.models import Variant
from storefront.core import gtin
from storefront.core.collation import collation_key
from storefront.db.session import read_session

Figures = Row[Any]  # of a variant: id, product_id, sku, barcode, title, on_hand, reserved, reorder_level

_SCIENTIFIC = re.compile(r"[0-9](?:[.,][0-9]+)?E\+?[0-9]{1,3}", re.IGNORECASE)
_COLUMNS = (
    Variant.id,
    Variant.product_id,
    Variant.sku,
    Variant.barcode,
    Variant.title,
    Variant.on_hand,
    Variant.reserved,
    Variant.reorder_level,
)


@dataclass(frozen=True, slots=True)
class Match:
    """What was found for a line.

    :ivar variant: the one that it means; None with a problem
    :ivar detail: explains the problem, see `LineProblem`
    """

    variant: Figures | None
    problem: LineProblem | None = None
    detail: str = ""


def match_lines(lines: Sequence[SheetLine]) -> Iterator[tuple[SheetLine, Match]]:
    """Pair each line with its variant: by the SKU as written or in upper case, or by the barcode of a line without."""
    codes = {code for line in lines for code in (line.sku, line.sku.upper()) if code}
    barcodes = {_barcode_of(line) for line in lines if line.barcode}
    wanted = or_(Variant.sku.in_(codes), Variant.barcode.in_(barcodes))
    found = _variants(wanted)
    by_sku = {row.sku: row for row in found}
    by_barcode = {row.barcode: row for row in found if row.barcode}
    matches = [
        _match(line, by_sku.get(line.sku) or by_sku.get(line.sku.upper()), by_barcode.get(_barcode_of(line)))
        for line in lines
    ]
    return zip(lines, _with_names_checked(lines, matches), strict=True)


def _variants(condition: Any) -> Sequence[Figures]:
    chosen: Select[*tuple[Any, ...]] = select(*_COLUMNS).where(condition)
    return read_session().execute(chosen).all()


def _barcode_of(line: SheetLine) -> str:
    return gtin.from_spreadsheet(line.barcode) or line.barcode


def _match(line: SheetLine, named: Figures | None, coded: Figures | None) -> Match:
    """Judge a line by SKU and barcode.

    :param named: the variant with its SKU
    :param coded: the variant with its barcode
    """
    if not line.sku:
        return Match(coded) if coded is not None else Match(None, *_problem_of_barcode(line.barcode))
    if named is None:
        problem = LineProblem.SHORTENED if _SCIENTIFIC.fullmatch(line.sku) else LineProblem.UNKNOWN_SKU
        meant = coded.sku if coded is not None else ""
        return Match(None, problem, line.sku if problem is LineProblem.SHORTENED else meant)
    if coded is not None and coded.id != named.id:
        return Match(None, LineProblem.OTHER_PRODUCT, coded.sku)
    return Match(named)


def _problem_of_barcode(barcode: str) -> tuple[LineProblem, str]:
    if _SCIENTIFIC.fullmatch(barcode):
        return LineProblem.SHORTENED, barcode
    is_barcode = gtin.from_spreadsheet(barcode) is not None
    return (LineProblem.UNKNOWN_BARCODE if is_barcode else LineProblem.BAD_BARCODE), barcode


def _with_names_checked(lines: Sequence[SheetLine], matches: Sequence[Match]) -> Iterator[Match]:
    """Refuse the lines whose name is that of another variant. A product may have been renamed since the export."""
    doubtful = {
        line.name
        for line, match in zip(lines, matches, strict=True)
        if line.name and (match.variant is None or not _has_name(match.variant, line.name))
    }
    others: dict[str, list[str]] = {}
    for row in _variants(Variant.title.in_(doubtful)) if doubtful else ():
        others.setdefault(collation_key(row.title), []).append(row.sku)
    for line, match in zip(lines, matches, strict=True):
        skus = others.get(collation_key(line.name), []) if line.name in doubtful else []
        if not skus:
            yield match
        elif match.variant is not None:
            yield Match(None, LineProblem.OTHER_PRODUCT, skus[0])
        elif match.problem is LineProblem.UNKNOWN_SKU and not match.detail and len(skus) == 1:
            yield Match(None, match.problem, skus[0])
        else:
            yield match


def _has_name(variant: Figures, name: str) -> bool:
    """Whether a variant has a name, or its product: the title of a variant begins with the name of its product."""
    return collation_key(variant.title).startswith(collation_key(name))
