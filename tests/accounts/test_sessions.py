"""Sessions: references, expiry and revocation."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import func, select

from storefront.accounts import service as accounts
from storefront.accounts.models import UserSession
from storefront.accounts.values import Role
from storefront.db.session import read_session
from tests.factories.accounts import make_account, make_staff
from tests.fakes import Clock


def is_active(reference: str) -> bool:
    read_session().rollback()
    return accounts.find_session(reference) is not None


def test_a_reference_identifies_the_session_and_is_not_stored(app: Flask) -> None:
    account = make_account()
    reference = accounts.open_session(account.id, "Firefox on Linux")
    person, _ = accounts.find_session(reference) or (None, False)
    assert person is not None
    assert person.account == account
    assert len(reference) >= 43  # 256 bits
    assert reference not in str(read_session().execute(select(UserSession.__table__)).all())


@pytest.mark.parametrize("made_up", ["", "x", "' OR 1=1", "a" * 43])
def test_an_unknown_reference_identifies_nobody(app: Flask, made_up: str) -> None:
    accounts.open_session(make_account().id)
    assert accounts.find_session(made_up) is None


def test_a_session_expires_a_day_after_its_last_use(app: Flask, now: Clock) -> None:
    reference = accounts.open_session(make_account().id)
    for _ in range(3):
        now.advance(hours=23)
        assert is_active(reference)
        accounts.touch(reference)
    now.advance(hours=24)
    assert not is_active(reference)
    accounts.touch(reference)
    assert not is_active(reference)


def test_a_session_expires_after_two_weeks_however_much_it_is_used(app: Flask, now: Clock) -> None:
    reference = accounts.open_session(make_account().id)
    for _ in range(14 * 2 - 1):
        now.advance(hours=12)
        accounts.touch(reference)
    assert is_active(reference)
    now.advance(hours=12)
    assert not is_active(reference)


def test_the_last_use_is_updated_every_five_minutes_at_most(app: Flask, now: Clock) -> None:
    reference = accounts.open_session(make_account().id)
    assert accounts.find_session(reference)[1] is False  # type: ignore[index]
    now.advance(minutes=6)
    assert accounts.find_session(reference)[1] is True  # type: ignore[index]


def test_ending_all_sessions_can_keep_the_current_one(app: Flask) -> None:
    account = make_account()
    mine, second, third = (accounts.open_session(account.id) for _ in range(3))
    theirs = accounts.open_session(make_account().id)
    renewed = accounts.end_other_sessions(account.id, mine)
    assert [is_active(one) for one in (renewed, mine, second, third, theirs)] == [True, False, False, False, True]


def test_a_session_is_ended_by_its_owner_only(app: Flask) -> None:
    account, other = make_account(), make_account()
    mine, second = accounts.open_session(account.id), accounts.open_session(account.id)
    listed = accounts.sessions_of(account.id, mine)
    (target,) = (one.id for one in listed if not one.is_current)
    accounts.end_sessions_of(other.id, only=target)
    assert is_active(second)
    accounts.end_sessions_of(account.id, only=target)
    assert [is_active(one) for one in (mine, second)] == [True, False]


def test_staff_rights_need_a_second_factor(app: Flask) -> None:
    staff = make_staff(Role.STOCK_STAFF)
    for passed, role in ((False, Role.CUSTOMER), (True, Role.STOCK_STAFF)):
        person, _ = accounts.find_session(accounts.open_session(staff.id, second_factor=passed)) or (None, False)
        assert person is not None
        assert person.role is role


def test_old_sessions_are_purged_after_a_month(app: Flask, now: Clock) -> None:
    accounts.open_session(make_account().id)
    now.advance(days=29)
    accounts.forget_ended()
    assert read_session().scalar(select(func.count()).select_from(UserSession)) == 1
    now.advance(days=2)
    accounts.forget_ended()
    assert read_session().scalar(select(func.count()).select_from(UserSession)) == 0
