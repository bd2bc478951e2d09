"""How an account comes to be."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from storefront.accounts import service as accounts
from storefront.accounts.models import SignUp, User
from storefront.accounts.service import Account, PendingUser
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


def test_an_account_is_opened_by_the_code_that_was_sent(mailbox: Mailbox) -> None:
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


def test_a_phone_number_opens_one_too(mailbox: Mailbox) -> None:
    ticket = accounts.register("Asha Rao", PHONE, PASSWORD)
    account = accounts.finish_registration(PHONE, ticket, mailbox.code_for(PHONE))
    assert (account.phone, account.email, account.has_verified_phone) == (PHONE, None, True)
    assert accounts.sign_in("98765 43210", PASSWORD) == account


def test_an_address_that_has_an_account_gets_a_letter_that_says_so_and_no_code(mailbox: Mailbox) -> None:
    make_account(email=EMAIL)
    ticket = accounts.register("Mallory", EMAIL, "another password")
    (letter,) = mailbox.letters_to(EMAIL)
    assert letter.subject == "You have an account at marigold already"
    assert not any(word.isdigit() and len(word) == 6 for word in letter.text.split())
    with pytest.raises(accounts.WrongCode):
        accounts.finish_registration(EMAIL, ticket, "000000")


def test_nobody_opens_an_account_with_the_code_of_another_registration(mailbox: Mailbox) -> None:
    mine = accounts.register("Asha Rao", EMAIL, PASSWORD)
    with pytest.raises(accounts.WrongCode):
        accounts.finish_registration(EMAIL, "another ticket", mailbox.code_for(EMAIL))
    with pytest.raises(accounts.WrongCode):  # and it was used up by that
        accounts.finish_registration(EMAIL, mine, mailbox.code_for(EMAIL))


def test_a_stranger_who_registers_after_me_gets_no_account_by_my_code(mailbox: Mailbox, now: Clock) -> None:
    """Both codes come to my letter box; mine is the ticket of my browser, and only with it a code opens anything."""
    mine = accounts.register("Asha Rao", EMAIL, PASSWORD)
    now.advance(minutes=2)
    accounts.register("Mallory", EMAIL, "chosen by a stranger")
    with pytest.raises(accounts.WrongCode):
        accounts.finish_registration(EMAIL, mine, mailbox.code_for(EMAIL))
    with pytest.raises(accounts.WrongPassword):
        accounts.sign_in(EMAIL, "chosen by a stranger")


def test_a_stranger_who_registered_before_me_has_no_way_into_my_account(mailbox: Mailbox, now: Clock) -> None:
    accounts.register("Mallory", EMAIL, "chosen by a stranger")
    now.advance(minutes=2)
    account = register(mailbox)
    with pytest.raises(accounts.WrongPassword):
        accounts.sign_in(EMAIL, "chosen by a stranger")
    assert accounts.sign_in(EMAIL, PASSWORD) == account


def test_an_account_that_claims_my_address_without_proof_loses_it(mailbox: Mailbox) -> None:
    squatter = accounts.register_unverified(EMAIL, None, "chosen by a stranger", None)
    reference = accounts.open_session(squatter.id)
    account = register(mailbox)
    assert account.id != squatter.id
    assert accounts.get_account(squatter.id).email is None
    assert accounts.find_session(reference) is None
    with pytest.raises(accounts.WrongPassword):
        accounts.sign_in(EMAIL, "chosen by a stranger")


def test_a_password_that_is_tried_first_is_refused_before_anything_is_sent(mailbox: Mailbox) -> None:
    for weak in ("short", "password1", "x" * 129):
        with pytest.raises(accounts.WeakPassword):
            accounts.register("Asha Rao", EMAIL, weak)
    assert mailbox.letters_to(EMAIL) == []


def test_another_code_can_be_had_for_the_same_registration(mailbox: Mailbox, now: Clock) -> None:
    ticket = accounts.register("Asha Rao", EMAIL, PASSWORD)
    first = mailbox.code_for(EMAIL)
    with pytest.raises(accounts.TooManyCodes) as refusal:
        accounts.send_registration_again(EMAIL, ticket)
    assert 0 < refusal.value.seconds <= 60
    now.advance(minutes=1, seconds=1)
    accounts.send_registration_again(EMAIL, ticket)
    second = mailbox.code_for(EMAIL)
    if first != second:
        with pytest.raises(accounts.WrongCode):
            accounts.finish_registration(EMAIL, ticket, first)
    assert accounts.finish_registration(EMAIL, ticket, second).email == EMAIL


def test_no_other_registration_gets_another_code(mailbox: Mailbox, now: Clock) -> None:
    accounts.register("Asha Rao", EMAIL, PASSWORD)
    now.advance(minutes=2)
    with pytest.raises(accounts.WrongCode):
        accounts.send_registration_again(EMAIL, "another ticket")


def test_an_address_registered_twice_at_the_same_time_is_opened_once(mailbox: Mailbox, now: Clock) -> None:
    ticket = accounts.register("Asha Rao", EMAIL, PASSWORD)
    digits = mailbox.code_for(EMAIL)
    make_account(email=EMAIL)  # in the meantime
    with pytest.raises(accounts.EmailTaken):
        accounts.finish_registration(EMAIL, ticket, digits)


def test_a_phone_is_refused_where_no_text_messages_are_sent(app: Flask, mailbox: Mailbox) -> None:
    app.extensions["sms"] = None
    with pytest.raises(accounts.NoTextMessages):
        accounts.register("Asha Rao", PHONE, PASSWORD)


# ------------------------------------------------------------------------------------ for callers of the API


def test_an_account_can_be_opened_at_once_without_proof(mailbox: Mailbox) -> None:
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
    with pytest.raises(accounts.EmailTaken):
        accounts.register_unverified(EMAIL, None, PASSWORD, None)
    with pytest.raises(accounts.PhoneTaken):
        accounts.register_unverified(None, PHONE, PASSWORD, None)


# ------------------------------------------------------------------------------------ the old client, by halves


def test_a_sign_up_is_finished_by_code_and_password(mailbox: Mailbox) -> None:
    account = sign_up(mailbox, phone=PHONE)
    assert (account.email, account.phone, account.has_verified_email) == (EMAIL, PHONE, True)
    assert accounts.sign_in(EMAIL, PASSWORD) == account


def test_a_sign_up_asked_for_again_is_the_same_one(mailbox: Mailbox) -> None:
    first = accounts.start_sign_up(EMAIL)
    again = accounts.start_sign_up(EMAIL, PHONE)
    assert (again.id, again.phone) == (first.id, PHONE)


def test_two_sign_ups_without_phone_are_two(mailbox: Mailbox) -> None:
    assert accounts.start_sign_up(EMAIL).id != accounts.start_sign_up("ravi@example.com").id


def test_a_sign_up_is_no_account_yet_and_stands_in_nobodys_way(mailbox: Mailbox) -> None:
    pending = accounts.start_sign_up(EMAIL, PHONE)
    with pytest.raises(accounts.WrongPassword):
        accounts.sign_in(EMAIL, "")
    assert accounts.get_account(pending.id).email is None
    make_account(email="ravi@example.com", phone=PHONE)
    register(mailbox)
    assert accounts.find_pending(user=pending.id) is None  # the address is somebody's now


def test_a_phone_that_somebody_has_by_then_is_left_out(mailbox: Mailbox) -> None:
    accounts.start_sign_up(EMAIL, PHONE)
    make_account(phone=PHONE)
    assert sign_up(mailbox, phone=PHONE).phone is None


def test_a_finished_account_begins_no_sign_up(mailbox: Mailbox) -> None:
    make_account(email=EMAIL)
    with pytest.raises(accounts.EmailTaken):
        accounts.start_sign_up(EMAIL)


def test_a_code_goes_to_the_sign_ups_own_address_only(mailbox: Mailbox) -> None:
    pending = accounts.start_sign_up(EMAIL)
    other = make_account()
    for user, email in ((pending.id, "mallory@example.com"), (other.id, EMAIL), (10**9, EMAIL)):
        with pytest.raises(accounts.UnknownUser):
            accounts.send_sign_up_code(user, email)
    mailbox.deliver()
    assert mailbox.post.letters == []


def test_a_code_asked_for_twice_within_a_minute_is_sent_once(mailbox: Mailbox) -> None:
    pending = accounts.start_sign_up(EMAIL)
    for _ in range(3):
        accounts.send_sign_up_code(pending.id, EMAIL)
    assert len(mailbox.letters_to(EMAIL)) == 1


def test_nobody_verifies_with_a_code_that_was_never_sent(mailbox: Mailbox) -> None:
    """Nothing must not equal nothing."""
    pending = accounts.start_sign_up(EMAIL)
    for nothing in ("", " ", "None", "null", "000000"):
        with pytest.raises(accounts.WrongCode):
            accounts.verify_sign_up(nothing, user=pending.id, email=EMAIL)


def test_a_code_verifies_no_other_sign_up(mailbox: Mailbox) -> None:
    pending, other = accounts.start_sign_up(EMAIL), accounts.start_sign_up("ravi@example.com")
    accounts.send_sign_up_code(pending.id, EMAIL)
    digits = mailbox.code_for(EMAIL)
    for asked in ({"user": other.id, "email": EMAIL}, {"user": other.id}, {"email": "ravi@example.com"}, {}):
        with pytest.raises(accounts.WrongCode):
            accounts.verify_sign_up(digits, **asked)
    assert accounts.verify_sign_up(digits, email=EMAIL) == pending.id


def test_a_code_of_the_pages_finishes_no_sign_up(mailbox: Mailbox) -> None:
    pending = accounts.start_sign_up(EMAIL)
    accounts.register("Asha Rao", EMAIL, PASSWORD)
    with pytest.raises(accounts.WrongCode):
        accounts.verify_sign_up(mailbox.code_for(EMAIL), user=pending.id)


def test_a_password_is_set_once(mailbox: Mailbox) -> None:
    account = sign_up(mailbox)
    with pytest.raises(accounts.UnknownUser):
        accounts.finish_sign_up(account.id, "chosen by a stranger")
    with pytest.raises(accounts.UnknownUser):
        accounts.finish_sign_up(make_account(password=None).id, "chosen by a stranger")


def test_a_password_refused_leaves_the_sign_up_as_it_was(mailbox: Mailbox) -> None:
    pending = accounts.start_sign_up(EMAIL)
    with pytest.raises(accounts.WeakPassword):
        accounts.finish_sign_up(pending.id, "seven77")
    assert accounts.finish_sign_up(pending.id, "eight888").email == EMAIL


def test_a_sign_up_whose_address_was_opened_elsewhere_cannot_be_finished(mailbox: Mailbox) -> None:
    pending = accounts.start_sign_up(EMAIL)
    make_account(email=EMAIL)
    with pytest.raises(accounts.EmailTaken):
        accounts.finish_sign_up(pending.id, PASSWORD)


def test_sign_ups_are_forgotten_after_a_day(mailbox: Mailbox, now: Clock) -> None:
    before = users()
    accounts.start_sign_up(EMAIL)
    kept = finished(mailbox, "ravi@example.com")
    now.advance(hours=23)
    accounts.forget_unfinished()
    assert users() == before + 2
    now.advance(hours=1)
    with pytest.raises(accounts.WrongCode):
        accounts.verify_sign_up("123456", email=EMAIL)
    accounts.forget_unfinished()
    assert users() == before + 1
    assert accounts.get_account(kept.id) == kept
    assert read_session().scalar(select(func.count()).select_from(SignUp)) == 0


@pytest.mark.parametrize("engine", ENGINES)
def test_a_sign_up_asked_for_at_the_same_moment_is_one(engine: str, tmp_path: Path) -> None:
    with own_shop(engine, tmp_path, filled=False) as app, app.app_context():
        demo_shop.make_tables()
        db.session.remove()
        outcomes = at_once(app, [lambda: accounts.start_sign_up(EMAIL) for _ in range(6)])
        assert len({outcome.id for outcome in outcomes if isinstance(outcome, PendingUser)}) == 1
        assert not [outcome for outcome in outcomes if not isinstance(outcome, PendingUser)]
        assert users() == 1


def finished(mailbox: Mailbox, email: str) -> Account:
    return sign_up(mailbox, email=email)
