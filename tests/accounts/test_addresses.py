"""The address book of an account."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from storefront.accounts import service as accounts
from storefront.accounts.values import MAX_ADDRESSES, TooManyAddresses, UnknownAddress, UnknownUser, UserId
from storefront.core.addresses import PostalAddress
from tests.conftest import ENGINES
from tests.factories.accounts import make_account
from tests.isolated_shop import at_once, own_shop

HOME = PostalAddress("Asha Rao", "+91 98765 43210", "12 Lake Road", "", "Pune", "Maharashtra", "411001", "India")


@pytest.fixture
def asha(app: Flask) -> UserId:
    return make_account().id


def lines_of(user: UserId) -> list[tuple[str, bool]]:
    """First line of every address and whether it is the default, in listing order."""
    return [(one.where.line1, one.is_default) for one in accounts.addresses_of(user)]


def add(user: UserId, line1: str, *, is_default: bool = False) -> int:
    return accounts.add_address(user, replace(HOME, line1=line1), is_default=is_default).id


def test_the_first_address_is_the_default_and_listed_first(asha: UserId) -> None:
    for line1 in ("One", "Two", "Three"):
        add(asha, line1)
    assert lines_of(asha) == [("One", True), ("Two", False), ("Three", False)]


def test_a_new_default_replaces_the_old(asha: UserId) -> None:
    add(asha, "One")
    add(asha, "Two", is_default=True)
    assert lines_of(asha) == [("Two", True), ("One", False)]
    accounts.set_default_address(asha, accounts.addresses_of(asha)[1].id)
    assert lines_of(asha) == [("One", True), ("Two", False)]


def test_an_address_is_changed_in_every_part(asha: UserId) -> None:
    one, two = add(asha, "One"), add(asha, "Two")
    elsewhere = PostalAddress("Ravi", "", "9 Hill Road", "Flat 2", "Ooty", "TN", "643001", "")
    changed = accounts.change_address(asha, two, elsewhere, is_default=True)
    assert changed.where == replace(elsewhere, country="India")
    assert lines_of(asha) == [("9 Hill Road", True), ("One", False)]
    accounts.change_address(asha, one, HOME)
    assert accounts.get_address(asha, two).is_default


def test_the_default_remains_the_default_when_it_is_changed(asha: UserId) -> None:
    one = add(asha, "One")
    assert accounts.change_address(asha, one, HOME, is_default=False).is_default


def test_when_the_default_is_deleted_the_oldest_becomes_the_default(asha: UserId) -> None:
    one = add(asha, "One")
    add(asha, "Two")
    three = add(asha, "Three")
    accounts.remove_address(asha, three)
    assert lines_of(asha) == [("One", True), ("Two", False)]
    accounts.remove_address(asha, one)
    assert lines_of(asha) == [("Two", True)]


def test_the_address_book_has_a_maximum_size(asha: UserId) -> None:
    for number in range(MAX_ADDRESSES):
        add(asha, str(number))
    with pytest.raises(TooManyAddresses):
        add(asha, "one too many")
    assert len(lines_of(asha)) == MAX_ADDRESSES


def test_addresses_of_other_accounts_are_unknown_and_unchanged(asha: UserId) -> None:
    ravi = make_account().id
    foreign = add(ravi, "His")
    for command in (
        lambda: accounts.get_address(asha, foreign),
        lambda: accounts.change_address(asha, foreign, HOME, is_default=True),
        lambda: accounts.set_default_address(asha, foreign),
        lambda: accounts.remove_address(asha, foreign),
    ):
        with pytest.raises(UnknownAddress):
            command()
    assert lines_of(ravi) == [("His", True)]


def test_an_address_needs_an_account(app: Flask) -> None:
    with pytest.raises(UnknownUser):
        add(UserId(10**6), "Nowhere")


@pytest.mark.parametrize("engine", ENGINES)
def test_concurrent_changes_of_the_default_leave_one_default(engine: str, tmp_path: Path) -> None:
    with own_shop(engine, tmp_path, filled=True) as app:
        with app.app_context():
            user = make_account().id
            ids = [add(user, str(number)) for number in range(4)]
        commands = [lambda wanted=wanted: accounts.set_default_address(user, wanted) for wanted in ids]
        commands += [lambda: add(user, "New", is_default=True)] * 2  # type: ignore[list-item]
        results = at_once(app, commands)
        assert not [one for one in results if isinstance(one, Exception)]
        with app.app_context():
            assert [is_default for _, is_default in lines_of(user)] == [True] + [False] * 5


@pytest.mark.parametrize("engine", ENGINES)
def test_of_first_addresses_added_concurrently_one_is_the_default(engine: str, tmp_path: Path) -> None:
    with own_shop(engine, tmp_path, filled=True) as app:
        with app.app_context():
            user = make_account().id
        results = at_once(app, [lambda: add(user, "First")] * 5)
        assert not [one for one in results if isinstance(one, Exception)]
        with app.app_context():
            assert [is_default for _, is_default in lines_of(user)] == [True] + [False] * 4
