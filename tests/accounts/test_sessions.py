"""Sign-ins as rows: how they end."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import func, select

from storefront.accounts import service as accounts
from storefront.accounts.models import UserSession
from storefront.accounts.service import Role
from storefront.db.session import read_session
from tests.factories.accounts import make_account, make_staff
from tests.fakes import Clock


def is_alive(reference: str) -> bool:
    read_session().rollback()
    return accounts.find_session(reference) is not None


def test_a_reference_says_who_is_signed_in_and_the_table_does_not_know_it(app: Flask) -> None:
    account = make_account()
    reference = accounts.open_session(account.id, "Firefox on Linux")
    person, _ = accounts.find_session(reference) or (None, False)
    assert person is not None
    assert person.account == account
    assert len(reference) >= 43  # 256 bits
    assert reference not in str(read_session().execute(select(UserSession.__table__)).all())


@pytest.mark.parametrize("made_up", ["", "x", "' OR 1=1", "a" * 43])
def test_a_made_up_reference_says_nobody(app: Flask, made_up: str) -> None:
    accounts.open_session(make_account().id)
    assert accounts.find_session(made_up) is None


def test_a_sign_in_ends_a_day_after_its_last_use(app: Flask, now: Clock) -> None:
    reference = accounts.open_session(make_account().id)
    for _ in range(3):
        now.advance(hours=23)
        assert is_alive(reference)
        accounts.touch(reference)
    now.advance(hours=24)
    assert not is_alive(reference)
    accounts.touch(reference)
    assert not is_alive(reference)


def test_a_sign_in_ends_after_two_weeks_however_much_it_is_used(app: Flask, now: Clock) -> None:
    reference = accounts.open_session(make_account().id)
    for _ in range(14 * 2 - 1):
        now.advance(hours=12)
        accounts.touch(reference)
    assert is_alive(reference)
    now.advance(hours=12)
    assert not is_alive(reference)


def test_use_is_noted_every_five_minutes_at_most(app: Flask, now: Clock) -> None:
    reference = accounts.open_session(make_account().id)
    assert accounts.find_session(reference)[1] is False  # type: ignore[index]
    now.advance(minutes=6)
    assert accounts.find_session(reference)[1] is True  # type: ignore[index]


def test_signing_out_everywhere_leaves_this_one_and_other_accounts(app: Flask) -> None:
    account = make_account()
    mine, second, third = (accounts.open_session(account.id) for _ in range(3))
    theirs = accounts.open_session(make_account().id)
    accounts.end_sessions_of(account.id, but=mine)
    assert [is_alive(one) for one in (mine, second, third, theirs)] == [True, False, False, True]


def test_one_sign_in_is_ended_by_its_owner_only(app: Flask) -> None:
    account, other = make_account(), make_account()
    mine, second = accounts.open_session(account.id), accounts.open_session(account.id)
    listed = accounts.sessions_of(account.id, mine)
    (target,) = (one.id for one in listed if not one.is_current)
    accounts.end_sessions_of(other.id, only=target)
    assert is_alive(second)
    accounts.end_sessions_of(account.id, only=target)
    assert [is_alive(one) for one in (mine, second)] == [True, False]


def test_staff_have_their_rights_with_a_second_factor_only(app: Flask) -> None:
    staff = make_staff(Role.STOCK_STAFF)
    for passed, role in ((False, Role.CUSTOMER), (True, Role.STOCK_STAFF)):
        person, _ = accounts.find_session(accounts.open_session(staff.id, second_factor=passed)) or (None, False)
        assert person is not None
        assert person.role is role


def test_ended_sign_ins_are_forgotten_after_a_month(app: Flask, now: Clock) -> None:
    accounts.open_session(make_account().id)
    now.advance(days=29)
    accounts.forget_ended()
    assert read_session().scalar(select(func.count()).select_from(UserSession)) == 1
    now.advance(days=2)
    accounts.forget_ended()
    assert read_session().scalar(select(func.count()).select_from(UserSession)) == 0
