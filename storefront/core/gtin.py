"""Global Trade Item Numbers, the numbers of barcodes: one spelling of each, by which the shop stores and compares it.

A number of 12 digits (UPC-A) is the same as one of 13 (EAN-13) with a 0 before it, and as one of 14 with two: GS1
General Specifications, section 3.3.2. Some scanners send the one, some the other.
"""

from __future__ import annotations

import re

LENGTHS = (8, 12, 13, 14)  # GTIN-8, GTIN-12 (UPC-A), GTIN-13 (EAN-13), GTIN-14
MAX_LENGTH = 14
MIN_IN_SPREADSHEET = 6  # digits that a spreadsheet leaves of a barcode after dropping its leading zeros
_WRITTEN = (8, 13, 14)  # lengths of the canonical spelling: a UPC-A is written as an EAN-13
_SEPARATORS = re.compile(r"(?<=[0-9])[ -](?=[0-9])")  # as printed below some barcodes


def canonical(text: str) -> str | None:
    """Return the one spelling of a barcode number: 8, 13 or 14 digits.

    :param text: 8, 12, 13 or 14 digits, perhaps with single blanks or hyphens between them
    :return: None when it is no such number, or its check digit is wrong
    """
    digits = _SEPARATORS.sub("", text.strip())
    if len(digits) not in LENGTHS or not (digits.isascii() and digits.isdigit()):
        return None
    number = digits.lstrip("0")
    if not number or not has_check_digit(digits):
        return None
    return number.zfill(next(length for length in _WRITTEN if len(number) <= length))


def from_spreadsheet(text: str) -> str | None:
    """Return the canonical spelling of a number that may have lost its leading zeros in a spreadsheet."""
    digits = _SEPARATORS.sub("", text.strip())
    is_short = digits.isascii() and digits.isdigit() and MIN_IN_SPREADSHEET <= len(digits) < MAX_LENGTH
    return canonical(digits.zfill(MAX_LENGTH) if is_short else digits)


def spellings(code: str) -> frozenset[str]:
    """Return every spelling of a barcode number; of anything else, itself."""
    written = canonical(code)
    if written is None:
        return frozenset({code})
    number = written.lstrip("0")
    return frozenset(number.zfill(length) for length in LENGTHS if len(number) <= length)


def has_check_digit(digits: str) -> bool:
    """Whether the last digit is the check digit of the others: GS1 General Specifications, section 7.9.1."""
    return (sum(map(int, digits[-1::-2])) + 3 * sum(map(int, digits[-2::-2]))) % 10 == 0
