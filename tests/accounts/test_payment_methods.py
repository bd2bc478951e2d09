"""Saved payment methods: tokens in every format of the legacy client, and nothing stored that can be charged."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from storefront.accounts import service as accounts
from storefront.accounts.models import PaymentMethod
from storefront.accounts.values import UnknownMethod, UnusableMethod, UserId
from storefront.core.card_numbers import CardNumberRejected
from storefront.db.session import read_session
from tests.conftest import ENGINES
from tests.factories.accounts import make_account
from tests.fakes import Clock
from tests.isolated_shop import at_once, own_shop

NOON_MS = "1795348800000"  # 2026-11-22 12:00 UTC, the time of day in tests
CARD = "4242424242424242"


@pytest.fixture
def asha(app: Flask) -> UserId:
    return make_account().id


@pytest.mark.parametrize(
    ("provider", "token", "stored", "kind", "details", "label"),
    [
        ("VISA", "card_1705314600000_4242", "card_1705314600000_4242", "card", "4242", "VISA ending in 4242"),
        ("CARD", "card_1705314600000", "card_1705314600000", "card", "", "Card"),
        ("CARD", "card_1705314600000_abcd", f"card_{NOON_MS}", "card", "", "Card"),
        ("AMEX", "tok_visa_4242", f"card_{NOON_MS}_4242", "card", "4242", "AMEX ending in 4242"),
        ("CARD", "Asha Rao|4242|12/2027", f"card_{NOON_MS}_4242", "card", "4242", "Card ending in 4242"),
        ("UPI", "upi_1705314600000_YXNoYUBv", "upi_1705314600000_YXNoYUBv", "upi", "", "UPI"),
        ("COD", "COD_TOKEN", "cod", "cod", "", "Cash on delivery"),
        ("BNPL", "Klarna", "bnpl_Klarna", "bnpl", "Klarna", "Pay later with Klarna"),
        ("BNPL", "bnpl_Affirm", "bnpl_Affirm", "bnpl", "Affirm", "Pay later with Affirm"),
        ("upi ", " asha@okbank ", None, "upi", "ash***@okbank", "UPI ash***@okbank"),
    ],
)
def test_tokens_of_the_legacy_client_are_normalised(
    asha: UserId, provider: str, token: str, stored: str | None, kind: str, details: str, label: str
) -> None:
    saved = accounts.add_method(asha, provider, token)
    assert (saved.kind, saved.details, saved.label) == (kind, details, label)
    assert saved.provider == provider.strip()
    assert saved.token == stored or (stored is None and re.fullmatch(f"upi_{NOON_MS}_[0-9a-f]{{16}}", saved.token))


@pytest.mark.parametrize(
    ("token", "holder", "last4", "expires"),
    [
        ("A|B|4242|12/2027", "A|B", "4242", "12/2027"),
        ("|4242|3/27", "", "4242", "03/2027"),
        ("Asha||13/2027", "Asha", "", ""),
        ("  Asha   Rao |**** 4242|undefined/undefined", "Asha Rao", "4242", ""),
    ],
)
def test_a_card_token_in_parts_is_split_from_its_end(
    asha: UserId, token: str, holder: str, last4: str, expires: str
) -> None:
    saved = accounts.add_method(asha, "CARD", token)
    assert (saved.holder, saved.details, saved.expires) == (holder, last4, expires)


@pytest.mark.parametrize(
    ("provider", "token"),
    [
        ("CARD", CARD),
        ("CARD", "4242 4242 4242 4242"),
        ("VISA", "123456789012"),
        ("CARD", f"Asha|{CARD}|12/2027"),
        ("CARD", f"{CARD}|4242|12/2027"),
        ("CARD", f"card_{CARD}_4242"),
        ("UPI", CARD),
        ("UPI", f"upi_{CARD}_abc"),
        ("BNPL", CARD),
        (CARD, "card_1705314600000_4242"),
    ],
)
def test_a_card_number_is_refused_in_any_position(asha: UserId, provider: str, token: str) -> None:
    with pytest.raises(CardNumberRejected):
        accounts.add_method(asha, provider, token)
    assert accounts.methods_of(asha) == []


@pytest.mark.parametrize(
    ("provider", "token"),
    [
        ("", "card_1_4242"),
        ("CARD", " "),
        ("UPI", "asha"),
        ("UPI", ""),
        ("BNPL", "Nobody"),
        ("x" * 41, "t"),
        ("A\0", "t"),
    ],
)
def test_an_unknown_token_is_refused(asha: UserId, provider: str, token: str) -> None:
    with pytest.raises(UnusableMethod):
        accounts.add_method(asha, provider, token)


def test_a_upi_id_is_not_stored(asha: UserId) -> None:
    accounts.add_method(asha, "UPI", "asha.rao@okbank")
    row = read_session().execute(sa.select(PaymentMethod.__table__).where(PaymentMethod.user_id == asha)).one()
    assert "asha.rao" not in " ".join(map(str, row))


def test_the_default_is_listed_first_then_the_newest(asha: UserId, now: Clock) -> None:
    for provider, token in (("VISA", "card_1_1111"), ("COD", "cod"), ("UPI", "asha@okbank")):
        accounts.add_method(asha, provider, token)
        now.advance(minutes=1)
    assert [one.kind for one in accounts.methods_of(asha)] == ["upi", "cod", "card"]
    accounts.set_default_method(asha, accounts.methods_of(asha)[2].id)
    assert [one.kind for one in accounts.methods_of(asha)] == ["card", "upi", "cod"]
    accounts.add_method(asha, "BNPL", "Klarna", is_default=True)
    assert [(one.kind, one.is_default) for one in accounts.methods_of(asha)][:2] == [("bnpl", True), ("upi", False)]


def test_saving_the_same_method_again_only_updates_its_time(asha: UserId, now: Clock) -> None:
    first = accounts.add_method(asha, "UPI", "asha@okbank")
    accounts.add_method(asha, "VISA", "card_1_1111")
    now.advance(hours=1)
    again = accounts.add_method(asha, "UPI", "ASHA@okbank")
    assert (again.id, again.created_at) == (first.id, now.read())
    assert [one.kind for one in accounts.methods_of(asha)] == ["upi", "card"]


def test_the_card_or_upi_id_saved_last_is_fresh_for_half_an_hour(asha: UserId, now: Clock) -> None:
    assert accounts.find_fresh_method(asha) is None
    accounts.add_method(asha, "VISA", "card_1_1111")
    upi = accounts.add_method(asha, "UPI", "asha@okbank")
    accounts.add_method(asha, "COD", "COD_TOKEN")
    now.advance(minutes=29, seconds=59)
    fresh = accounts.find_fresh_method(asha)
    assert fresh is not None
    assert fresh.id == upi.id
    now.advance(seconds=1)
    assert accounts.find_fresh_method(asha) is None


def test_methods_of_other_accounts_are_unknown_and_unchanged(asha: UserId) -> None:
    ravi = make_account().id
    foreign = accounts.add_method(ravi, "COD", "cod", is_default=True)
    for command in (accounts.set_default_method, accounts.remove_method):
        with pytest.raises(UnknownMethod):
            command(asha, foreign.id)
        with pytest.raises(UnknownMethod):
            command(asha, 0)
    assert accounts.methods_of(ravi) == [foreign]


def test_a_method_is_deleted(asha: UserId) -> None:
    accounts.remove_method(asha, accounts.add_method(asha, "COD", "cod").id)
    assert accounts.methods_of(asha) == []


@pytest.mark.parametrize("engine", ENGINES)
def test_concurrent_additions_leave_one_default_and_no_duplicates(engine: str, tmp_path: Path) -> None:
    with own_shop(engine, tmp_path, filled=True) as app:
        with app.app_context():
            user = make_account().id
        additions = [
            lambda name=name: accounts.add_method(user, "BNPL", name, is_default=True) for name in ("Klarna", "Affirm")
        ]
        results = at_once(app, additions * 3)
        assert not [one for one in results if isinstance(one, Exception)]
        with app.app_context():
            assert sorted(one.is_default for one in accounts.methods_of(user)) == [False, True]
