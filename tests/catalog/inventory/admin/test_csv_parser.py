"""Parsing of uploaded CSV files; no database."""

from __future__ import annotations

import codecs
from dataclasses import replace

import pytest

from storefront.catalog.inventory.admin import BadSheet, LineProblem, NotCsv, SheetFault
from storefront.catalog.inventory.admin.csv_parser import SheetLine, read_sheet
from storefront.catalog.inventory.admin.csv_reader import HEADING_WITHIN, MAX_LINES
from storefront.core.csv_files import csv_lines, escape_formula, unescape_formula


def lines(text: str) -> list[SheetLine]:
    return [replace(line, cells=()) for line in read_sheet(text.encode()).lines]


def problems(text: str) -> list[tuple[int, LineProblem | None, str]]:
    return [(line.number, line.problem, line.detail) for line in lines(text)]


def fault(content: bytes) -> tuple[SheetFault, str]:
    with pytest.raises(BadSheet) as refused:
        list(read_sheet(content).lines)
    return refused.value.fault, refused.value.detail


def test_counts_deltas_levels_and_reasons_are_read() -> None:
    assert lines("sku,count,delta,reason,low_stock_level\nMUG,12,,,\nJAR,,-3,damaged,7\nTIN,,+4,,\n") == [
        SheetLine(2, "MUG", "counted", count=12),
        SheetLine(3, "JAR", "damaged", delta=-3, level=7),
        SheetLine(4, "TIN", "correction", delta=4),
    ]


@pytest.mark.parametrize("text", ["sku;count\nMUG;12\n", "sku\tcount\nMUG\t12", "\ufeffSKU , Count\r\n MUG ,12.0\r\n"])
def test_other_delimiters_and_byte_order_marks_are_read(text: str) -> None:
    assert [(line.sku, line.count) for line in lines(text)] == [("MUG", 12)]


def test_unicode_text_of_excel_is_read() -> None:
    content = codecs.BOM_UTF16_LE + "sku\tcount\nMUG\t12\n".encode("utf-16-le")
    assert [line.count for line in read_sheet(content).lines] == [12]


def test_line_numbers_are_those_of_a_text_editor() -> None:
    text = 'sku,count,name\nMUG,1,"two\nlines"\n\n,,\nJAR,x,\n'
    assert problems(text) == [(2, None, ""), (6, LineProblem.NOT_A_NUMBER, "x")]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("MUG,1.5,,,", LineProblem.NOT_A_NUMBER),
        ("MUG,1.000,,,", LineProblem.AMBIGUOUS),
        ('MUG,"1,500",,,', LineProblem.AMBIGUOUS),
        ("MUG,1 500,,,", LineProblem.AMBIGUOUS),
        ("MUG,,-12.000,,", LineProblem.AMBIGUOUS),
        ("MUG,,,,1.000", LineProblem.AMBIGUOUS),
        ("MUG,,--3,,", LineProblem.NOT_A_NUMBER),
        ("MUG,1,", LineProblem.TOO_FEW_CELLS),
        ('MUG,"1,,,', LineProblem.OPEN_QUOTE),
        ("MUG,-1,,,", LineProblem.NOT_A_NUMBER),
        ("MUG,١٢,,,", LineProblem.NOT_A_NUMBER),
        ("MUG,1e3,,,", LineProblem.NOT_A_NUMBER),
        ("MUG,,,,-2", LineProblem.NOT_A_NUMBER),
        ("MUG,4006381333,,,", LineProblem.TOO_MANY),
        ("MUG,2000000,,,", LineProblem.TOO_MANY),
        ("MUG,1,2,,", LineProblem.TWO_FIGURES),
        ("MUG,1,,because,", LineProblem.UNKNOWN_REASON),
        ("MUG,1,,sale,", LineProblem.UNKNOWN_REASON),
        (",1,,,", LineProblem.NO_SKU),
        (f"{'M' * 101},1,,,", LineProblem.UNKNOWN_SKU),
    ],
)
def test_problems_of_a_line_are_reported(line: str, problem: LineProblem) -> None:
    assert [found for _, found, _ in problems(f"sku,count,delta,reason,low_stock_level\n{line}\n")] == [problem]


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"PK\x03\x04rest of a workbook", "an Excel workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "an old Excel workbook"),
        (b"%PDF-1.7", "a PDF"),
        (b"\x89PNG\r\n", "a picture"),
        (b"<!DOCTYPE html>", "a web page"),
        (b'{"sku": 1}', "JSON"),
        (b"sku,count\nA\0B,1\n", "no text"),
    ],
)
def test_the_kind_of_a_file_that_is_not_csv_is_reported(content: bytes, kind: str) -> None:
    with pytest.raises(NotCsv) as refused:
        read_sheet(content)
    assert refused.value.kind.startswith(kind)
    assert refused.value.status == 415


def test_a_bad_encoding_is_reported_with_its_line() -> None:
    assert fault("sku,count\nMUG,1\nKäse,1\n".encode("latin-1")) == (SheetFault.ENCODING, "3")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("item,count", (SheetFault.NO_SKU_COLUMN, "item, count")),
        ("sku,count,qty,Colour", (SheetFault.UNKNOWN_COLUMNS, "qty, Colour")),
        ("sku,,count\nA,,1\nB,new,2", (SheetFault.UNNAMED_COLUMN, "B/3")),
        (",sku,count\n0,A,1", (SheetFault.UNNAMED_COLUMN, "A/2")),
        ("\n".join(["A list"] * HEADING_WITHIN + ["sku,count", "A,1"]), (SheetFault.NO_SKU_COLUMN, "a_list")),
        ("sku,count,Count", (SheetFault.COLUMN_TWICE, "count")),
        ("sku,name,on_hand", (SheetFault.NOTHING_TO_CHANGE, "")),
        ("", (SheetFault.EMPTY, "")),
        (" \n \n", (SheetFault.EMPTY, "")),
    ],
)
def test_a_bad_header_is_reported(header: str, expected: tuple[SheetFault, str]) -> None:
    assert fault(header.encode()) == expected


def test_too_many_lines_are_refused() -> None:
    assert fault(b"sku,count\n" + b"MUG,1\n" * (MAX_LINES + 1))[0] is SheetFault.TOO_MANY_LINES


def test_a_huge_cell_is_a_broken_file() -> None:
    assert fault(b"sku,count\nMUG,1\n" + b'"' + b"x" * 200_000 + b'",1\n') == (SheetFault.BROKEN, "3")
    assert fault(b"x" * 200_000) == (SheetFault.BROKEN, "1")


def test_a_number_with_a_comma_in_it_is_not_read_as_two_cells() -> None:
    text = "sku,count,reason\nMUG,1,500,\nJAR,1,,500\nTIN,4,,,\n"
    assert problems(text) == [
        (2, LineProblem.UNKNOWN_REASON, "500"),
        (3, LineProblem.TOO_MANY_CELLS, "500"),
        (4, None, ""),
    ]


# ------------------------------------------------------------------------------- files of other programs


@pytest.mark.parametrize(
    "before",
    ["sep=;\n", '"SEP=;"\n', "\n", "\n \n\n", "Stock list, 30 Nov 2026\n", 'The 12" list\n\n', '"Open quote; count\n'],
)
def test_what_stands_before_the_heading_is_skipped(before: str) -> None:
    """D4: a `sep=` line, blank lines and a title; line numbers stay those of the file."""
    (line,) = lines(f"{before}sku;count\nMUG;30\n")
    assert (line.number, line.sku, line.count) == (before.count("\n") + 2, "MUG", 30)


def test_a_column_without_name_and_text_is_ignored() -> None:
    """D4: spreadsheets leave empty columns behind."""
    assert [(line.sku, line.count) for line in lines("sku,,count,,\nMUG,,1,,\n")] == [("MUG", 1)]


def test_an_ambiguous_number_is_reported_with_both_readings() -> None:
    """D2: 1.000 was counted as 1."""
    text = 'sku;count;low_stock_level\nMUG;1.000;\nJAR;12.000;\nTIN;;"2,500"\nPAN;3.0;\n'
    assert problems(text) == [
        (2, LineProblem.AMBIGUOUS, "1.000/1000/1"),
        (3, LineProblem.AMBIGUOUS, "12.000/12000/12"),
        (4, LineProblem.AMBIGUOUS, "2,500/2500/2.5"),
        (5, None, ""),
    ]


def test_an_open_quote_spoils_its_own_line_only() -> None:
    """D2: it swallowed the rows below it."""
    text = 'sku,name,count\nMUG,Mug,40\nJAR,"Jar 12 inch,5\nTIN,Tin,6\nPAN,Pan,7\n'
    assert [(line.sku, line.count, line.problem) for line in lines(text)] == [
        ("MUG", 40, None),
        ("JAR", None, LineProblem.OPEN_QUOTE),
        ("TIN", 6, None),
        ("PAN", 7, None),
    ]


@pytest.mark.parametrize("second", ['JAR,12" jar,6', 'JAR,"12"" jar",6', '"JAR",Jar,6', 'JAR,Jar,"6"'])
def test_a_stray_quote_does_not_give_one_row_the_figures_of_another(second: str) -> None:
    """D2: two stray quotes made one row of two."""
    read = lines(f'sku,name,count\nMUG,"12 inch,5\n{second}\nTIN,Tin,7\n')
    assert [(line.number, line.count) for line in read] == [(2, None), (3, 6), (4, 7)]
    assert read[0].problem is LineProblem.OPEN_QUOTE


def test_a_short_row_is_a_problem() -> None:
    """D2: its missing count was taken for an empty one."""
    assert problems("sku,name,count\nMUG,Mug\nJAR,Jar,6\nTIN,Tin,\n") == [
        (2, LineProblem.TOO_FEW_CELLS, "2/3"),
        (3, None, ""),
        (4, None, ""),
    ]


@pytest.mark.parametrize("heading", ["barcode", "EAN13", "GTIN", "upc"])
def test_a_file_may_be_keyed_by_barcode(heading: str) -> None:
    """D5"""
    (line,) = lines(f"{heading},count\n2000005800016,30\n")
    assert (line.sku, line.barcode, line.count) == ("", "2000005800016", 30)


# ------------------------------------------------------------------------------------------- formulas


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1d1+1", "\uff20SUM(A1)"])
def test_formulas_are_escaped_in_exports(cell: str) -> None:
    assert escape_formula(cell) == f"'{cell}"
    assert unescape_formula(f"'{cell}") == cell


@pytest.mark.parametrize("cell", ["MUG", "", "'tis", 5, -5, None])
def test_other_cells_are_unchanged(cell: object) -> None:
    assert escape_formula(cell) == cell


def test_exported_cells_are_read_back_unchanged() -> None:
    text = "".join(csv_lines(["sku", "name", "count"], [["=MUG", '=cmd|"/c calc"', 3], ["A,B", "-", ""]] * 600))
    read = lines(text)
    assert len(read) == 1200
    assert [line.sku for line in read[:2]] == ["=MUG", "A,B"]
    assert [line.number for line in read[-2:]] == [1200, 1201]
