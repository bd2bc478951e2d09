"""D5: barcode numbers have one spelling."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storefront.core import gtin


def checked(digits: str) -> str:
    """Append the check digit, computed from the left with the weights of GS1's table for 14 digits."""
    weighted = sum(int(digit) * weight for digit, weight in zip(digits.zfill(13), (3, 1) * 7, strict=False))
    return f"{digits}{-weighted % 10}"


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("4006381333931", "4006381333931"),
        ("012345678905", "0012345678905"),  # UPC-A
        ("0012345678905", "0012345678905"),
        ("00012345678905", "0012345678905"),
        ("0 12345 67890 5", "0012345678905"),
        ("978-3-16-148410-0", "9783161484100"),
        ("12345670", "12345670"),  # GTIN-8
        ("000012345670", "12345670"),
        ("10012345678902", "10012345678902"),  # GTIN-14 of a case
    ],
)
def test_a_number_has_one_spelling(typed: str, written: str) -> None:
    assert gtin.canonical(typed) == written
    assert gtin.canonical(written) == written
    assert written in gtin.spellings(typed)


@pytest.mark.parametrize(
    "typed",
    [
        "4006381333932",
        "4006381339331",
        "12345678905",
        "123",
        "",
        "00000000",
        "0000000000000",
        "400638133393A",
        "4006381333931 5",
        "\u0664\u0660\u0660\u0666\u0663\u0668\u0661\u0663\u0663\u0663\u0669\u0663\u0661",
        "\uff14\uff10\uff10\uff16\uff13\uff18\uff11\uff13\uff13\uff13\uff19\uff13\uff11",
        "4006381333931\n0",
    ],
)
def test_anything_else_is_no_barcode_number(typed: str) -> None:
    assert gtin.canonical(typed) is None
    assert gtin.spellings(typed) == {typed}


@given(st.integers(min_value=1, max_value=10**13 - 1))
def test_all_spellings_of_a_number_are_one(number: int) -> None:
    code = checked(str(number))
    full = code.zfill(14)
    written = gtin.canonical(full)
    assert written is not None
    assert int(written) == int(full)
    spellings = gtin.spellings(full)
    assert {gtin.canonical(spelling) for spelling in spellings} == {written}
    assert {spelling.zfill(14) for spelling in spellings} == {full}
    if len(code) >= gtin.MIN_IN_SPREADSHEET:
        assert gtin.from_spreadsheet(code) == written


@given(st.integers(min_value=1, max_value=10**13 - 1), st.integers(0, 13), st.integers(1, 9))
def test_one_wrong_digit_is_noticed(number: int, position: int, change: int) -> None:
    full = checked(str(number)).zfill(14)
    wrong = f"{full[:position]}{(int(full[position]) + change) % 10}{full[position + 1 :]}"
    assert gtin.canonical(wrong) is None


@pytest.mark.parametrize(("cell", "written"), [("12345678905", "0012345678905"), ("345", None), ("9.78E+12", None)])
def test_a_spreadsheet_drops_leading_zeros(cell: str, written: str | None) -> None:
    assert gtin.from_spreadsheet(cell) == written
