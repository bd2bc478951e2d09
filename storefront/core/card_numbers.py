"""Detection of payment card numbers among other long numbers: barcodes, phone numbers, order numbers.

Pure functions; `web/request_guards.py` applies them to requests. The rule and its reasons: docs/decisions/0009.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import accumulate, groupby, pairwise

from storefront.core import gtin
from storefront.core.errors import DomainError

MAX_PHONE_LENGTH = 15  # digits; ITU-T E.164

# Prefixes and lengths of the cards in use: ISO/IEC 7812 and what the card networks publish.
_ISSUERS: tuple[tuple[str, frozenset[int]], ...] = (
    ("4", frozenset({13, 16, 19})),  # Visa
    ("5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720", frozenset({16})),  # Mastercard
    ("3[47]", frozenset({15})),  # American Express
    ("30[0-5]|3095|3[689]", frozenset({14, 16})),  # Diners Club
    ("6011|64[4-9]|65|60|81|82|508|353|356", frozenset({16})),  # Discover, RuPay
    ("35(?:2[89]|[3-8])", frozenset({16, 17, 18, 19})),  # JCB
    ("62|81", frozenset({16, 17, 18, 19})),  # UnionPay
    ("220[0-4]|50|5[678]|6[37]", frozenset({16, 17, 18, 19})),  # Mir, Maestro and other debit cards
)
_SHORTEST, _LONGEST = 13, 19
_PREFIX_BY_LENGTH = {
    length: re.compile("|".join(prefix for prefix, lengths in _ISSUERS if length in lengths))
    for length in sorted(frozenset().union(*(lengths for _, lengths in _ISSUERS)))
}
_DOUBLED = bytes.maketrans(b"0123456789", b"0246813579")  # the digits of the double, summed
_ZERO = ord("0")

# Groups of digits with anything but letters between them: blanks, punctuation, symbols, invisible characters.
_RUN = re.compile(r"[0-9]++(?:[\W_]++[0-9]++)*+")
# Groups with the same few characters between them, letters included: 4242x4242x4242x4242, 4242 and 4242 and ...
_SPELLED_RUN = re.compile(
    r"(?<![0-9])[0-9]{1,6}+(?=[\W_]{0,11}[^\W\d_])([^0-9]{1,12}+)[0-9]{1,7}+(?:\1[0-9]{1,7}+)+(?![0-9])"
)
_DIGITS = re.compile("[0-9]++")

# UUIDs and hex digests; a letter among the first characters tells them from digits grouped by hand.
_MACHINE_MADE = re.compile(
    r"(?<![0-9a-z])(?=[0-9-]{0,35}[a-f])(?:[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9a-f]{32,}+)(?![0-9a-z])",
    re.IGNORECASE,
)


class CardNumberRejected(DomainError):
    """A card number was sent. The error carries no details: the number must not reach any log."""

    status = 422


def contains_card_number(text: str) -> bool:
    """Whether a text contains a payment card number anywhere, in the digits of any script."""
    return any(_spans(text))


def last_four(text: str) -> str:
    """Return the last four digits of a number; a text with four digits or fewer is returned unchanged.

    For the one field in which the Angular client sends a whole card number.
    """
    digits = "".join(_DIGITS.findall(_with_plain_digits(text)))
    return digits[-4:] if len(digits) > 4 else text


def redact(text: str) -> str:
    """Replace every card number in a text by a placeholder, for logs."""
    parts, end = [], 0
    for start, stop in sorted(_spans(text)):
        if start < end:
            continue
        parts += [text[end:start], "[card number]"]
        end = stop
    return "".join([*parts, text[end:]])


def _spans(text: str) -> Iterator[tuple[int, int]]:
    """Yield start and end of each card number, in no order; they may overlap."""
    if len(text) < _SHORTEST:
        return
    plain = _MACHINE_MADE.sub(lambda code: "x" * len(code[0]), _with_plain_digits(text))
    for pattern in (_RUN, _SPELLED_RUN):
        yield from _spans_in_runs(plain, pattern)


def _spans_in_runs(plain: str, pattern: re.Pattern[str]) -> Iterator[tuple[int, int]]:
    for run in pattern.finditer(plain):
        if run.end() - run.start() < _SHORTEST:
            continue
        groups = [group.span() for group in _DIGITS.finditer(plain, *run.span())]
        sizes = [stop - start for start, stop in groups]
        digits = "".join(_DIGITS.findall(run[0]))
        before = [0, *accumulate(sizes)]
        for first, last in _grouped_as_cards(sizes):
            number = digits[before[first] : before[last + 1]]
            if not _is_card(number) or _is_list([plain[slice(*group)] for group in groups[first : last + 1]]):
                continue
            if not _is_phone(plain, groups, first, len(number)):
                yield groups[first][0], groups[last][1]


def _with_plain_digits(text: str) -> str:
    """Replace the digits of every script, raised and circled ones included, by 0 to 9, keeping positions."""
    if text.isascii():
        return text
    return "".join(str(unicodedata.digit(character)) if character.isdigit() else character for character in text)


def _is_phone(text: str, groups: list[tuple[int, int]], first: int, size: int) -> bool:
    """Whether a number belongs to a phone number: up to 15 digits after a plus sign.

    :param groups: spans of the run's groups
    :param first: index of the number's first group
    :param size: its digits
    """
    while size <= MAX_PHONE_LENGTH:
        start = groups[first][0]
        if start and text[start - 1] == "+":
            return True
        if first == 0:
            return False
        first -= 1
        size += groups[first][1] - groups[first][0]
    return False


def _is_list(groups: list[str]) -> bool:
    """Whether the groups are evenly rising or falling numbers, such as the sizes 36/37/38 or prices, and no card."""
    steps = {int(second) - int(first) for first, second in pairwise(groups)}
    return len(groups) > 2 and len(steps) == 1 and steps != {0}


def _grouped_as_cards(sizes: list[int]) -> Iterator[tuple[int, int]]:
    """Yield first and last group of every run of digit groups that is grouped as people write card numbers.

    Accepted: one group; groups of four, 4-6-5 or 4-6-4, also next to other groups such as the expiry date; and groups
    of one, two or three digits with none of the same size beside them. An Indian PIN code and phone number, 6-10, is
    none of them.

    :param sizes: digits in each group
    """
    for first, size in enumerate(sizes):
        if _SHORTEST <= size <= _LONGEST:
            yield first, first
        elif size == 4 and sizes[first + 1 : first + 3] in ([6, 5], [6, 4]):
            yield first, first + 2
        elif size == 4:
            yield from _in_fours(sizes, first)
    first = 0
    for size, equal in groupby(sizes):
        count = len(list(equal))
        if size < 4 and count > 1:
            rest = sizes[first + count] if first + count < len(sizes) else 4
            if _SHORTEST <= size * count <= _LONGEST:
                yield first, first + count - 1
            if rest < 4 and _SHORTEST <= size * count + rest <= _LONGEST:
                yield first, first + count
        first += count


def _in_fours(sizes: list[int], first: int) -> Iterator[tuple[int, int]]:
    total = 0
    for last in range(first, min(first + 5, len(sizes))):
        total += sizes[last]
        if sizes[last] > 4:
            return
        if _SHORTEST <= total <= _LONGEST:
            yield first, last
        if sizes[last] < 4:
            return


def _is_card(digits: str) -> bool:
    prefix = _PREFIX_BY_LENGTH.get(len(digits))
    return bool(prefix and prefix.match(digits)) and _passes_luhn(digits) and not _is_barcode(digits)


def _passes_luhn(digits: str) -> bool:
    plain = digits.encode()
    total = sum(plain[-1::-2]) + sum(plain.translate(_DOUBLED)[-2::-2]) - _ZERO * len(plain)
    return total % 10 == 0


def _is_barcode(digits: str) -> bool:
    """Whether the check digit is that of an EAN-13 barcode. Visa no longer issues numbers of 13 digits."""
    return len(digits) == 13 and gtin.has_check_digit(digits)
