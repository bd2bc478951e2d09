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
