"""Detection of card numbers among other long numbers."""

from __future__ import annotations

import random
import secrets
import time
import uuid

import pytest

from storefront.core.card_numbers import CardNumberRejected, contains_card_number, last_four, redact

VISA = "4242424242424242"
FULL_WIDTH = {ord("0") + digit: 0xFF10 + digit for digit in range(10)}
ARABIC = {ord("0") + digit: 0x0660 + digit for digit in range(10)}

# Numbers that the firms publish for tests.
PUBLISHED = [
    VISA,
    "4222222222222",
    "5555555555554444",
    "2223003122003222",
    "378282246310005",
    "30569309025904",
    "36227206271667",
    "6011111111111117",
    "3530111333300000",
    "6212345678901265",
    "6200000000000000000",
    "6304000000000000",
    "6799990100000000019",
    "5019717010103742",
    "6521111111111110",  # RuPay
]


@pytest.mark.parametrize("number", PUBLISHED)
@pytest.mark.parametrize("around", ["{}", "{}@bank", "pay {} please", "Card{}", "<b>{}</b>", "card_{}"])
def test_numbers_of_every_card_network_are_found(number: str, around: str) -> None:
    assert contains_card_number(around.format(number))


@pytest.mark.parametrize(
    "text",
    [
        "4242 4242 4242 4242",
        "4242-4242-4242-4242",
        "4242 – 4242 – 4242 – 4242",
        "4242\u00a04242\u202f4242\t4242",
        "4242\n4242\r\n4242 4242",
        "4242\u200b4242\u00ad4242\u20604242",
        "42 42 42 42 42 42 42 42",
        "4 2 4 2 4 2 4 2 4 2 4 2 4 2 4 2",
        "3782 822463 10005",
        "3056 930902 5904",
        "6799 9901 0000 0000 019",
        "4242 4242 4242 4242 123",  # with what else stands on the card
        "4242 4242 4242 4242 12/27 123",
        "12 4242 4242 4242 4242",
        "4111 2222 4242 4242 4242 4242",
        VISA.translate(FULL_WIDTH),
        "4242 4242 4242 4242".translate(ARABIC),
        "+4242424242424242",  # longer than any phone number
        '{"card": "4242424242424242"}',
    ],
)
def test_a_number_is_found_however_it_is_grouped(text: str) -> None:
    assert contains_card_number(text)


SEPARATORS = [*"./_·|\\:;*+,~#&=()–—・•\uff0e\uff0f", "...", " / ", "😀", "x", " and ", "<br>", " dann ", "٪"]


@pytest.mark.parametrize("groups", ["4242 4242 4242 4242", "3782 822463 10005", "4 2 " * 7 + "4 2", "42 " * 7 + "42"])
@pytest.mark.parametrize("digits", [{}, FULL_WIDTH, ARABIC], ids=["plain", "full-width", "arabic"])
def test_a_number_is_found_with_any_separator(groups: str, digits: dict[int, int]) -> None:
    """B7: whatever stands between the digits, and what stands around the number."""
    for separator in SEPARATORS:
        number = groups.replace(" ", separator).translate(digits)
        for text in (number, f"My card: {number}. Thank you", f"{number} until 2027"):
            assert contains_card_number(text), text
            assert not contains_card_number(redact(text)), text


@pytest.mark.parametrize("text", ["⁴²" * 8, "④②" * 8, "4️⃣2️⃣" * 8, "\U0001d7d2\U0001d7d0" * 8, "4242.4242/4242-4242"])
def test_raised_circled_and_mixed_digits_are_found(text: str) -> None:
    """B7"""
    assert contains_card_number(text)


@pytest.mark.parametrize(
    "text",
    [
        "Sizes 36/37/38/39/40/41/42",
        "36, 38, 40, 42, 44, 46, 48, 50",
        "5499, 5999, 6499, 6999",
        "+4917612345674 / 4000",
        "+49 176 1234 5674, 80331 Munich",
        "192.168.100.200, 192.168.100.201",
        "2026-11-22T12:00:00.000+00:00",
        "22.11.2026 12:00:15.123",
        "42 x 42 x 42 cm, 4242 g",
    ],
)
def test_lists_phones_addresses_and_times_with_separators_pass(text: str) -> None:
    """B7"""
    assert not contains_card_number(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "4242424242424243",  # mistyped
        "424242424242424",
        "4242 4242 4242",
        "42424242424242424242424242424242",
        "0000000000000000",
        "9999999999999995",  # nobody's
        "4006381333931",  # EAN-13 of a pen: its Luhn digit would do for some
        "4000000000006",  # an EAN-13 that passes Luhn as well
        "9780306406157",
        "490154203237518",  # an IMEI, which ends in a Luhn digit
        "8991101200003204510",  # a SIM card, likewise
        "411001 9876543210",  # postal code and phone number: 16 digits that pass Luhn for some
        "400001 9876543219",
        "+4917612345674",  # German mobile numbers have 13 digits
        "+91 98765 43210",
        "ORD-1705314600000",
        "card_1705314600000_4242",
        "1705314600000",
        "1705314600000123456",
        "2026-11-22 12:00:00.000000",
        "4,242,424,242,424,242.00",
        "12 Lake Road, 4242 4242, flat 42",
        "123e4567-4242-4242-4242-424242424242",
        "a4242424242424242b4242424242424242",
    ],
)
def test_other_long_numbers_pass(text: str) -> None:
    assert not contains_card_number(text)


def test_a_barcode_with_a_valid_luhn_digit_passes() -> None:
    both = [code for code in map(str, range(4000000000000, 4000000003000)) if _is_ean(code) and _is_luhn(code)]
    assert len(both) >= 20
    assert not any(map(contains_card_number, both))


def _is_ean(code: str) -> bool:
    return sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(code)) % 10 == 0


def _is_luhn(code: str) -> bool:
    digits = [int(digit) for digit in reversed(code)]
    return (sum(digits[::2]) + sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2])) % 10 == 0


def test_postal_code_and_phone_number_pass() -> None:
    chance = random.Random(1)
    texts = [f"{chance.randint(400001, 499999)} {chance.randint(6 * 10**9, 10**10 - 1)}" for _ in range(2000)]
    assert any(_is_luhn(text.replace(" ", "")) for text in texts)
    assert not any(map(contains_card_number, texts))


def test_ids_and_tokens_pass() -> None:
    chance = random.Random(2)
    ids = [uuid.UUID(int=chance.getrandbits(128), version=4) for _ in range(20_000)]
    assert not [text for id_ in ids for text in (str(id_), id_.hex) if contains_card_number(text)]
    assert not any(contains_card_number(secrets.token_urlsafe(32)) for _ in range(2000))


LARGEST = 256 * 1024  # characters of a body that the shop reads


@pytest.mark.parametrize(
    "text", ["4", "4 ", "4444 ", f"{VISA[:-1]}3 ", "0-", "4.2,", "4242 and ", "1234567x", "4a", "٤٢"], ids=str.strip
)
def test_the_largest_body_of_digits_is_searched_in_time(text: str) -> None:
    """B1: processor time in proportion to the length."""
    began = time.process_time()
    contains_card_number(text * (LARGEST // len(text)))
    assert time.process_time() - began < 4  # half a second on an idle machine


def test_only_the_number_is_redacted() -> None:
    text = f"from +4917612345674: 4242 4242 4242 4242, again {VISA} and {uuid.UUID(int=7)}"
    assert redact(text) == (f"from +4917612345674: [card number], again [card number] and {uuid.UUID(int=7)}")
    assert redact("nothing to hide: 411001 9876543210") == "nothing to hide: 411001 9876543210"


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("4242 4242 4242 4242", "4242"),
        ("5555555555554444", "4444"),
        ("1234 5678 9012", "9012"),
        (VISA.translate(ARABIC), "4242"),
        ("4242", "4242"),
        ("**** **** **** 4242", "**** **** **** 4242"),
        ("", ""),
    ],
)
def test_a_whole_number_is_cut_to_its_last_four_digits(typed: str, expected: str) -> None:
    assert last_four(typed) == expected


def test_the_error_does_not_contain_the_number() -> None:
    assert (str(CardNumberRejected()), CardNumberRejected.status) == ("", 422)
