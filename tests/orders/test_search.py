"""Orders and customers are found by phone numbers in any spelling and by names without accents, on both engines."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask import Flask

from storefront.accounts import service as accounts
from storefront.orders import service as orders
from storefront.orders.service import admin_list
from tests.factories.accounts import make_account
from tests.factories.shopping import make_snapshot, new_checkout_id

OTHERS = {"name": "Ravi Kumar", "phone": "+91 91234 56780"}

PHONES = [
    # as it is stored, and as it is typed
    ("+91 98765 43210", "9876543210"),
    ("+91 98765 43210", "98765 43210"),
    ("+91 98765 43210", "+919876543210"),
    ("+91 98765 43210", "+91-98765-43210"),
    ("+91 98765 43210", "098765 43210"),
    ("+91 98765 43210", "+91 098765 43210"),
    ("+91 98765 43210", "0091 98765 43210"),
    ("+91 98765 43210", "43210"),
    ("+91 98765 43210", "98765.43210"),
    ("+91 98765 43210", "९८७६५४३२१०"),
    ("+91 98765 43210", "９８７６５４３２１０"),  # noqa: RUF001 - full width
    ("098765-43210", "+91 98765 43210"),
    ("9876543210", "(98765) 43210"),
    ("+44 20 7946 0958", "+44 (0)20 7946 0958"),
    ("+44 20 7946 0958", "020 7946 0958"),
    ("+49 30 1234567", "030/1234567"),
    ("+39 06 1234 5678", "+39 0612345678"),
    ("+1 415-555-2671", "(415) 555-2671"),
]
NAMES = [
    ("Séan O’Brien", "sean"),
    ("Séan O’Brien", "SÉAN"),
    ("Sean O’Brien", "séan"),
    ("Se\u0301an Brien", "sean brien"),
    ("Łukasz Żółć", "lukasz zolc"),
    ("Søren Ærø", "soren aero"),
    ("Jürgen Groß", "GROSS"),
    ("Jürgen Gross", "groß"),
    ("ΓΙΏΡΓΟΣ", "γιωργος"),
    ("Алёна", "алена"),
    ("İbrahim Çelik", "ibrahim celik"),
    ("Ada I\u015f\u0131k", "isik"),
    ("Nguyễn Văn An", "nguyen van"),
    ("किरण राव", "किरण"),
    ("김철수", "철수"),
    ("ＹＯＫＯ", "yoko"),  # noqa: RUF001 - full width
]


def make(name: str, phone: str) -> str:
    snapshot = make_snapshot(email="mug@example.com")
    number = new_checkout_id()
    address = replace(snapshot.address, full_name=name, phone=phone)
    return orders.create_order(number, replace(snapshot, phone=phone, address=address))


def found(typed: str) -> list[str]:
    return [one.id for one in admin_list.list_orders(admin_list.OrderQuery(typed, admin_list.OrderFilter.ALL)).orders]


@pytest.mark.parametrize(("stored", "typed"), PHONES)
def test_an_order_is_found_by_its_phone_number(app: Flask, stored: str, typed: str) -> None:
    """D7: by digits, in any spelling, with and without the country code."""
    make(**OTHERS)
    number = make("Asha Rao", stored)
    assert found(typed) == [number]
    assert [guest.name for guest in orders.find_guests(typed)] == ["Asha Rao"]


@pytest.mark.parametrize(("stored", "typed"), NAMES)
def test_an_order_is_found_by_its_name_without_accents(app: Flask, stored: str, typed: str) -> None:
    """D7: whatever accents and case either has, the same on both engines."""
    number = make(stored, "+91 98765 43210")
    assert found(typed) == [number]
    assert [guest.name for guest in orders.find_guests(typed)] == [stored]
    account = make_account(name=stored)
    assert [one.id for one in accounts.find_accounts(typed)] == [account.id]


@pytest.mark.parametrize("typed", ["9876543210", "98765 43210", "+91 98765-43210", "098765 43210", "5432", "९८७६५"])
def test_an_account_is_found_by_its_phone_number(app: Flask, typed: str) -> None:
    """D7: at the customer desk, too."""
    make_account(name="Ravi Kumar", phone="+919123456780")
    account = make_account(name="Asha Rao", phone="+919876543210")
    assert [one.id for one in accounts.find_accounts(typed)] == [account.id]


def test_other_words_narrow_a_search_by_phone(app: Flask) -> None:
    """D7: every word counts; digits alone may be part of a number, too."""
    number = make("Asha Rao", "+91 98765 43210")
    make("Ravi Kumar", "+91 98765 43210")
    assert found("asha 98765 43210") == [number]
    assert found(f"{number} 43210") == [number]
    assert found("asha 98765 43211") == []
    assert found("100%") == []


@pytest.mark.parametrize("typed", ["kumari", "रवि", "98765 43211", "%", "_", "'", "\\"])
def test_what_nobody_has_finds_nobody(app: Flask, typed: str) -> None:
    make("Asha Rao", "+91 98765 43210")
    make_account(name="Asha Rao", phone="+919876543210")
    assert (found(typed), orders.find_guests(typed), accounts.find_accounts(typed)) == ([], [], [])
