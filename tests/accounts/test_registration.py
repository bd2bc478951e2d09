"""Registration by code, and the legacy client's sign-up in steps."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from storefront.accounts import service as accounts
from storefront.accounts.models import SignUp, User
from storefront.accounts.values import (
    EmailTaken,
    NoTextMessages,
    PendingUser,
    PhoneTaken,
    TooManyCodes,
    UnknownUser,
    WeakPassword,
    WrongCode,
    WrongPassword,
)
from storefront.db.session import db, read_session
from tests import demo_shop
from tests.accounts.sign_ups import EMAIL, PASSWORD, PHONE, register, sign_up
from tests.conftest import ENGINES
from tests.factories.accounts import make_account
from tests.fakes import Clock
from tests.isolated_shop import at_once, own_shop
from tests.mailbox import Mailbox


def users() -> int:
    read_session().rollback()
    return read_session().scalar(select(func.count()).select_from(User)) or 0


def test_an_account_is_created_by_the_code_that_was_sent(mailbox: Mailbox) -> None:
    before = users()
    ticket = accounts.register("Asha Rao", EMAIL, PASSWORD)
    assert users() == before
    account = accounts.finish_registration(EMAIL, ticket, mailbox.code_for(EMAIL))
    assert (account.email, account.name, account.has_verified_email, account.has_password) == (
        EMAIL,
        "Asha Rao",
        True,
        True,
    )
    assert accounts.sign_in(EMAIL.upper(), PASSWORD) == account


def test_an_account_is_created_by_phone_number(mailbox: Mailbox) -> None:
    ticket = accounts.register("Asha Rao", PHONE, PASSWORD)
    account = accounts.finish_registration(PHONE, ticket, mailbox.code_for(PHONE))
    assert (account.phone, account.email, account.has_verified_phone) == (PHONE, None, True)
    assert accounts.sign_in("98765 43210", PASSWORD) == account


def test_the_owner_of_an_existing_account_is_informed_and_gets_no_code(mailbox: Mailbox) -> None:
    make_account(email=EMAIL)
    ticket = accounts.register("Mallory", EMAIL, "another password")
    (email,) = mailbox.letters_to(EMAIL)
    assert email.subject == "You have an account at marigold already"
    assert not any(word.isdigit() and len(word) == 6 for word in email.text.split())
    with pytest.raises(WrongCode):
        accounts.finish_registration(EMAIL, ticket, "000000")


def test_a_code_needs_the_ticket_of_its_registration(mailbox: Mailbox) -> None:
    mine = accounts.register("Asha Rao", EMAIL, PASSWORD)
    with pytest.raises(WrongCode):
        accounts.finish_registration(EMAIL, "another ticket", mailbox.code_for(EMAIL))
    with pytest.raises(WrongCode):  # and it was used up by that
        accounts.finish_registration(EMAIL, mine, mailbox.code_for(EMAIL))


def test_my_ticket_does_not_complete_a_later_registration_by_a_stranger(mailbox: Mailbox, now: Clock) -> None:
    """Both codes are sent to my address, but my browser has only the ticket of my own registration."""
    mine = accounts.register("Asha Rao", EMAIL, PASSWORD)
    now.advance(minutes=2)
    accounts.register("Mallory", EMAIL, "chosen by a stranger")
    with pytest.raises(WrongCode):
        accounts.finish_registration(EMAIL, mine, mailbox.code_for(EMAIL))
    with pytest.raises(WrongPassword):
        accounts.sign_in(EMAIL, "chosen by a stranger")


def test_an_earlier_registration_by_a_stranger_gives_no_access(mailbox: Mailbox, now: Clock) -> None:
    accounts.register("Mallory", EMAIL, "chosen by a stranger")
    now.advance(minutes=2)
    account = register(mailbox)
    with pytest.raises(WrongPassword):
        accounts.sign_in(EMAIL, "chosen by a stranger")
    assert accounts.sign_in(EMAIL, PASSWORD) == account


def test_an_account_with_my_address_unverified_loses_it(mailbox: Mailbox) -> None:
    squatter = accounts.register_unverified(EMAIL, None, "chosen by a stranger", None)
    reference = accounts.open_session(squatter.id)
    account = register(mailbox)
    assert account.id != squatter.id
    assert accounts.get_account(squatter.id).email is None
    assert accounts.find_session(reference) is None
    with pytest.raises(WrongPassword):
        accounts.sign_in(EMAIL, "chosen by a stranger")


def test_a_weak_password_is_refused_before_a_code_is_sent(mailbox: Mailbox) -> None:
    for weak in ("short", "password1", "x" * 129):
        with pytest.raises(WeakPassword):
            accounts.register("Asha Rao", EMAIL, weak)
    assert mailbox.letters_to(EMAIL) == []


def test_another_code_is_sent_for_the_same_registration(mailbox: Mailbox, now: Clock) -> None:
    ticket = accounts.register("Asha Rao", EMAIL, PASSWORD)
    first = mailbox.code_for(EMAIL)
    with pytest.raises(TooManyCodes) as refusal:
        accounts.send_registration_again(EMAIL, ticket)
    assert 0 < refusal.value.seconds <= 60
    now.advance(minutes=1, seconds=1)
    accounts.send_registration_again(EMAIL, ticket)
    second = mailbox.code_for(EMAIL)
    if first != second:
        with pytest.raises(WrongCode):
            accounts.finish_registration(EMAIL, ticket, first)
    assert accounts.finish_registration(EMAIL, ticket, second).email == EMAIL


def test_another_code_needs_the_ticket(mailbox: Mailbox, now: Clock) -> None:
    accounts.register("Asha Rao", EMAIL, PASSWORD)
    now.advance(minutes=2)
    with pytest.raises(WrongCode):
        accounts.send_registration_again(EMAIL, "another ticket")


def test_an_address_taken_in_the_meantime_is_refused(mailbox: Mailbox, now: Clock) -> None:
    ticket = accounts.register("Asha Rao", EMAIL, PASSWORD)
    digits = mailbox.code_for(EMAIL)
    make_account(email=EMAIL)  # in the meantime
    with pytest.raises(EmailTaken):
        accounts.finish_registration(EMAIL, ticket, digits)


def test_a_phone_is_refused_where_no_text_messages_are_sent(app: Flask, mailbox: Mailbox) -> None:
    app.extensions["sms"] = None
    with pytest.raises(NoTextMessages):
        accounts.register("Asha Rao", PHONE, PASSWORD)


# ------------------------------------------------------------------------------------ for callers of the API


def test_an_account_is_created_at_once_with_unverified_addresses(mailbox: Mailbox) -> None:
    account = accounts.register_unverified(EMAIL, PHONE, PASSWORD, "Asha Rao")
    assert (account.email, account.phone, account.has_verified_email, account.has_verified_phone) == (
        EMAIL,
        PHONE,
        False,
        False,
    )
    assert accounts.sign_in(PHONE, PASSWORD) == account


def test_addresses_that_have_an_account_are_refused(mailbox: Mailbox) -> None:
    make_account(email=EMAIL, phone=PHONE)
    with pytest.raises(EmailTaken):
        accounts.register_unverified(EMAIL, None, PASSWORD, None)
    with pytest.raises(PhoneTaken):
        accounts.register_unverified(None, PHONE, PASSWORD, None)


# ------------------------------------------------------------------------------------ sign-ups of the legacy client


def test_a_sign_up_is_completed_by_code_and_password(mailbox: Mailbox) -> None:
    account = sign_up(mailbox, phone=PHONE)
    assert (account.email, account.phone, account.has_verified_email) == (EMAIL, PHONE, True)
    assert accounts.sign_in(EMAIL, PASSWORD) == account


def test_a_sign_up_started_again_is_the_same_one(mailbox: Mailbox) -> None:
    first = accounts.start_sign_up(EMAIL)
    again = accounts.start_sign_up(EMAIL, PHONE)
    assert (again.id, again.phone) == (first.id, PHONE)


def test_sign_ups_without_phone_are_separate(mailbox: Mailbox) -> None:
    assert accounts.start_sign_up(EMAIL).id != accounts.start_sign_up("ravi@example.com").id


def test_an_unfinished_sign_up_reserves_neither_address_nor_phone(mailbox: Mailbox) -> None:
    pending = accounts.start_sign_up(EMAIL, PHONE)
    with pytest.raises(WrongPassword):
        accounts.sign_in(EMAIL, "")
    assert accounts.get_account(pending.id).email is None
    make_account(email="ravi@example.com", phone=PHONE)
    register(mailbox)
    assert accounts.find_pending(user=pending.id) is None  # the address has an account now


def test_a_phone_taken_in_the_meantime_is_left_out(mailbox: Mailbox) -> None:
    accounts.start_sign_up(EMAIL, PHONE)
    make_account(phone=PHONE)
    assert sign_up(mailbox, phone=PHONE).phone is None


def test_an_address_with_an_account_starts_no_sign_up(mailbox: Mailbox) -> None:
    make_account(email=EMAIL)
    with pytest.raises(EmailTaken):
        accounts.start_sign_up(EMAIL)


def test_a_code_goes_to_the_sign_ups_own_address_only(mailbox: Mailbox) -> None:
    pending = accounts.start_sign_up(EMAIL)
    other = make_account()
    for user, email in ((pending.id, "mallory@example.com"), (other.id, EMAIL), (10**9, EMAIL)):
        with pytest.raises(UnknownUser):
            accounts.send_sign_up_code(user, email)
    mailbox.deliver()
    assert mailbox.post.letters == []


def test_a_code_requested_twice_within_a_minute_is_sent_once(mailbox: Mailbox) -> None:
    pending = accounts.start_sign_up(EMAIL)
    for _ in range(3):
        accounts.send_sign_up_code(pending.id, EMAIL)
    assert len(mailbox.letters_to(EMAIL)) == 1


def test_nothing_is_accepted_if_no_code_was_sent(mailbox: Mailbox) -> None:
    pending = accounts.start_sign_up(EMAIL)
    for nothing in ("", " ", "None", "null", "000000"):
        with pytest.raises(WrongCode):
            accounts.verify_sign_up(nothing, user=pending.id, email=EMAIL)


def test_a_code_verifies_no_other_sign_up(mailbox: Mailbox) -> None:
    pending, other = accounts.start_sign_up(EMAIL), accounts.start_sign_up("ravi@example.com")
    accounts.send_sign_up_code(pending.id, EMAIL)
    digits = mailbox.code_for(EMAIL)
    for criteria in ({"user": other.id, "email": EMAIL}, {"user": other.id}, {"email": "ravi@example.com"}, {}):
        with pytest.raises(WrongCode):
            accounts.verify_sign_up(digits, **criteria)
    assert accounts.verify_sign_up(digits, email=EMAIL) == pending.id


def test_a_registration_code_does_not_verify_a_sign_up(mailbox: Mailbox) -> None:
    pending = accounts.start_sign_up(EMAIL)
    accounts.register("Asha Rao", EMAIL, PASSWORD)
    with pytest.raises(WrongCode):
        accounts.verify_sign_up(mailbox.code_for(EMAIL), user=pending.id)


def test_a_password_is_set_once(mailbox: Mailbox) -> None:
    account = sign_up(mailbox)
    with pytest.raises(UnknownUser):
        accounts.finish_sign_up(account.id, "chosen by a stranger")
    with pytest.raises(UnknownUser):
        accounts.finish_sign_up(make_account(password=None).id, "chosen by a stranger")


def test_a_refused_password_leaves_the_sign_up_unchanged(mailbox: Mailbox) -> None:
    pending = accounts.start_sign_up(EMAIL)
    with pytest.raises(WeakPassword):
        accounts.finish_sign_up(pending.id, "seven77")
    assert accounts.finish_sign_up(pending.id, "eight888").email == EMAIL


def test_a_sign_up_whose_address_was_taken_cannot_be_completed(mailbox: Mailbox) -> None:
    pending = accounts.start_sign_up(EMAIL)
    make_account(email=EMAIL)
    with pytest.raises(EmailTaken):
        accounts.finish_sign_up(pending.id, PASSWORD)


def test_sign_ups_are_deleted_after_a_day(mailbox: Mailbox, now: Clock) -> None:
    before = users()
    accounts.start_sign_up(EMAIL)
    completed = sign_up(mailbox, email="ravi@example.com")
    now.advance(hours=23)
    accounts.forget_unfinished()
    assert users() == before + 2
    now.advance(hours=1)
    with pytest.raises(WrongCode):
        accounts.verify_sign_up("123456", email=EMAIL)
    accounts.forget_unfinished()
    assert users() == before + 1
    assert accounts.get_account(completed.id) == completed
    assert read_session().scalar(select(func.count()).select_from(SignUp)) == 0


@pytest.mark.parametrize("engine", ENGINES)
def test_concurrent_starts_are_one_sign_up(engine: str, tmp_path: Path) -> None:
    with own_shop(engine, tmp_path, filled=False) as app, app.app_context():
        demo_shop.make_tables()
        db.session.remove()
        outcomes = at_once(app, [lambda: accounts.start_sign_up(EMAIL) for _ in range(6)])
        assert len({outcome.id for outcome in outcomes if isinstance(outcome, PendingUser)}) == 1
        assert not [outcome for outcome in outcomes if not isinstance(outcome, PendingUser)]
        assert users() == 1
