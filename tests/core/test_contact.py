"""Parsing and formatting of e-mail addresses and phone numbers."""

from __future__ import annotations

import pytest

from storefront.core import contact


@pytest.mark.parametrize(
    ("typed", "key"),
    [
        ("asha@example.com", "asha@example.com"),
        ("  Asha.Rao@EXAMPLE.com ", "asha.rao@example.com"),
        ("asha@bücher.example", "asha@xn--bcher-kva.example"),
        ("98765 43210", "+919876543210"),
        ("+91-98765-43210", "+919876543210"),
        ("+44 20 7946 0958", "+442079460958"),
    ],
)
def test_identifiers_are_normalized(typed: str, key: str) -> None:
    assert contact.parse_identifier(typed) == key
    assert contact.parse_identifier(key) == key


@pytest.mark.parametrize(
    "typed", ["asha@", "@example.com", "a b@example.com", "miké@example.com", "a@b@c.example", "@"]
)
def test_an_invalid_email_address_is_refused(typed: str) -> None:
    with pytest.raises(contact.NotAnEmail):
        contact.parse_identifier(typed)


@pytest.mark.parametrize(("typed", "has_digits"), [("", False), ("asha", False), ("12", True), ("9" * 30, False)])
def test_an_invalid_phone_number_is_refused(typed: str, has_digits: bool) -> None:
    with pytest.raises(contact.NotAPhoneNumber) as refusal:
        contact.parse_identifier(typed)
    assert refusal.value.has_digits is has_digits


def test_contact_data_is_formatted_for_display_and_sending() -> None:
    assert contact.format_email(" Asha@Example.COM ") == "Asha@example.com"
    assert contact.format_phone("9876543210") == "+91 98765 43210"


@pytest.mark.parametrize(
    "typed",
    [
        "98765 4321O",
        "98765 43210 home",
        "O98765 43210",
        "1-800-FLOWERS",
        "98765 43210/98765 43211",
        "98765 43210 #",
        "98765 43210,",
        "98765 43210 🙂",
        "98765_43210",
        "+91 98765 4321l",
        "call 98765 43210",
        "98765 43210 or 1",
    ],
)
def test_a_number_that_would_lose_a_character_is_refused(typed: str) -> None:
    """C9: a phone number with letters was stored without its last digit."""
    for read in (contact.format_phone, contact.normalize_phone):
        with pytest.raises(contact.NotAPhoneNumber):
            read(typed)


@pytest.mark.parametrize(
    ("typed", "key"),
    [
        ("tel:+91 98765 43210", "+919876543210"),
        ("\u202a+91 98765 43210\u202c", "+919876543210"),  # as phones copy it from their contacts
        ("(020) 2612-3456", "+912026123456"),
        ("+39 06 698 1234", "+39066981234"),
        ("+54 011 15-2345-6789", "+5491123456789"),
        ("٩٨٧٦٥٤٣٢١٠", "+919876543210"),
    ],
)
def test_a_number_is_taken_with_the_usual_signs(typed: str, key: str) -> None:
    assert contact.normalize_phone(typed) == key


def test_an_extension_is_kept_or_refused_but_never_lost() -> None:
    assert contact.format_phone("+44 20 7946 0958 ext 12") == "+44 20 7946 0958 x12"
    with pytest.raises(contact.NotAPhoneNumber):
        contact.normalize_phone("+44 20 7946 0958 ext 12")
