"""Sign-in by password, the second factor, password reset and password change."""

from __future__ import annotations

import bcrypt
import pytest
from flask import Flask
from sqlalchemy import update

from storefront.accounts import service as accounts
from storefront.accounts.models import Identity, User
from storefront.accounts.values import (
    Account,
    Role,
    SecondFactorNeeded,
    TooManyCodes,
    UserId,
    WeakPassword,
    WrongCode,
    WrongPassword,
)
from storefront.core.clock import utc_now
from storefront.db.session import db, read_session, transaction
from tests.accounts.sign_ups import EMAIL, PASSWORD, PHONE
from tests.factories.accounts import make_account, make_staff
from tests.fakes import Clock
from tests.mailbox import Mailbox

NEW = "a lawn under the teapot"


def set_password_hash(user: UserId, password_hash: str) -> None:
    with transaction("accounts") as session:
        session.execute(update(User).where(User.id == user).values(password=password_hash))


def password_hash_of(user: UserId) -> str:
    read_session().rollback()
    return read_session().get_one(User, user).password or ""


@pytest.mark.parametrize("typed", [EMAIL, f"  {EMAIL.upper()} ", PHONE, "98765 43210", "098765-43210"])
def test_sign_in_by_email_address_or_phone(app: Flask, typed: str) -> None:
    account = make_account(email=EMAIL, phone=PHONE)
    assert accounts.sign_in(typed, PASSWORD) == account


@pytest.mark.parametrize(
    "typed", ["nobody@example.com", "+919876500000", "", "@", "a\0b", "x" * 5000, "12", "\ud800", "\ud800@example.com"]
)
def test_an_unknown_account_is_refused(app: Flask, typed: str) -> None:
    with pytest.raises(WrongPassword):
        accounts.sign_in(typed, PASSWORD)


@pytest.mark.parametrize("password", ["", PASSWORD.upper(), PASSWORD + " ", "\0", "\ud800", "x" * 100_000])
def test_a_wrong_password_is_refused(app: Flask, password: str) -> None:
    make_account(email=EMAIL)
    with pytest.raises(WrongPassword):
        accounts.sign_in(EMAIL, password)


def test_an_account_without_a_password_accepts_none(app: Flask) -> None:
    make_account(email=EMAIL, password=None)
    for password in ("", "None", "nobody's password"):
        with pytest.raises(WrongPassword):
            accounts.sign_in(EMAIL, password)


def test_a_legacy_bcrypt_hash_is_replaced_at_the_next_sign_in(app: Flask) -> None:
    account = make_account(email=EMAIL)
    set_password_hash(account.id, bcrypt.hashpw(b"old", bcrypt.gensalt(4)).decode())  # shorter than we accept
    with pytest.raises(WrongPassword):
        accounts.sign_in(EMAIL, "older")
    assert accounts.sign_in(EMAIL, "old").id == account.id
    assert password_hash_of(account.id).startswith("$argon2id$")
    assert accounts.sign_in(EMAIL, "old").id == account.id


def test_a_malformed_hash_matches_no_password(app: Flask) -> None:
    account = make_account(email=EMAIL)
    for broken in ("", "plain", "$2b$broken", "$argon2id$broken"):
        set_password_hash(account.id, broken)
        with pytest.raises(WrongPassword):
            accounts.sign_in(EMAIL, broken)


# ------------------------------------------------------------------------------------ the second factor


def sign_in_with_first_factor(identifier: str) -> SecondFactorNeeded:
    outcome = accounts.sign_in(identifier, PASSWORD)
    assert isinstance(outcome, SecondFactorNeeded)
    return outcome


@pytest.mark.parametrize("role", [Role.STOCK_STAFF, Role.ORDER_STAFF, Role.ADMIN])
def test_staff_always_need_a_second_factor(mailbox: Mailbox, role: Role) -> None:
    staff = make_staff(role, email=EMAIL)
    needed = sign_in_with_first_factor(EMAIL)
    assert needed == SecondFactorNeeded(staff.id, "a***@example.com")
    assert accounts.pass_second_factor(staff.id, mailbox.code_for(EMAIL)) == staff


def test_a_customer_needs_a_second_factor_if_turned_on(mailbox: Mailbox) -> None:
    account = make_account(email=EMAIL, mfa=True)
    sign_in_with_first_factor(EMAIL)
    assert accounts.pass_second_factor(account.id, mailbox.code_for(EMAIL)) == account


def test_a_customer_without_email_gets_the_code_by_sms(mailbox: Mailbox) -> None:
    account = make_account(email=None, phone=PHONE, mfa=True)
    assert sign_in_with_first_factor(PHONE).hint == "*** 3210"
    assert accounts.pass_second_factor(account.id, mailbox.code_for(PHONE)) == account


def test_the_code_goes_to_the_verified_address(mailbox: Mailbox) -> None:
    account = make_account(email=EMAIL, phone=PHONE, mfa=True)
    with transaction("accounts") as session:
        session.execute(update(User).where(User.id == account.id).values(email_verified_at=None))
    sign_in_with_first_factor(EMAIL)
    mailbox.deliver()
    assert (len(mailbox.post.letters), len(mailbox.texts.messages)) == (0, 1)


def test_a_second_factor_is_valid_once_and_for_its_account_only(mailbox: Mailbox) -> None:
    staff, other = make_staff(email=EMAIL), make_staff()
    sign_in_with_first_factor(EMAIL)
    digits = mailbox.code_for(EMAIL)
    with pytest.raises(WrongCode):
        accounts.pass_second_factor(other.id, digits)
    accounts.pass_second_factor(staff.id, digits)
    with pytest.raises(WrongCode):
        accounts.pass_second_factor(staff.id, digits)
    with pytest.raises(WrongCode):
        accounts.pass_second_factor(UserId(10**9), digits)


def test_a_code_for_another_purpose_is_no_second_factor(mailbox: Mailbox) -> None:
    staff = make_staff(email=EMAIL)
    accounts.request_reset(EMAIL)
    with pytest.raises(WrongCode):
        accounts.pass_second_factor(staff.id, mailbox.code_for(EMAIL))


def test_strangers_cannot_exhaust_the_limit_of_sign_in_codes(mailbox: Mailbox, now: Clock) -> None:
    staff = make_staff(email=EMAIL)
    for _ in range(3):
        accounts.request_reset(EMAIL)
        now.advance(seconds=61)
    with pytest.raises(TooManyCodes):
        accounts.request_reset(EMAIL)
    sign_in_with_first_factor(EMAIL)
    assert accounts.pass_second_factor(staff.id, mailbox.code_for(EMAIL)) == staff


def test_a_password_reset_lifts_the_limit_exhausted_by_guessing_the_second_factor(mailbox: Mailbox, now: Clock) -> None:
    account = make_account(email=EMAIL, mfa=True)
    for _ in range(20):
        accounts.sign_in(EMAIL, PASSWORD)
        for _ in range(5):
            with pytest.raises(WrongCode):
                accounts.pass_second_factor(account.id, "none")
        now.advance(minutes=4)
    with pytest.raises(TooManyCodes):
        accounts.sign_in(EMAIL, PASSWORD)
    accounts.request_reset(EMAIL)
    accounts.reset_password(EMAIL, mailbox.code_for(EMAIL), "a lawn under the teapot")
    outcome = accounts.sign_in(EMAIL, "a lawn under the teapot")
    assert isinstance(outcome, SecondFactorNeeded)
    assert accounts.pass_second_factor(outcome.user, mailbox.code_for(EMAIL)).id == account.id


def test_signing_in_twice_within_a_minute_sends_one_code(mailbox: Mailbox) -> None:
    make_staff(email=EMAIL)
    for _ in range(2):
        sign_in_with_first_factor(EMAIL)
    assert len(mailbox.letters_to(EMAIL)) == 1


# ------------------------------------------------------------------------------------ reset


def test_a_password_reset_ends_every_session(mailbox: Mailbox) -> None:
    account = make_account(email=EMAIL)
    references = [accounts.open_session(account.id) for _ in range(2)]
    accounts.request_reset(EMAIL)
    accounts.reset_password(EMAIL, mailbox.code_for(EMAIL), NEW)
    assert [accounts.find_session(reference) for reference in references] == [None, None]
    assert accounts.sign_in(EMAIL, NEW) == account
    with pytest.raises(WrongPassword):
        accounts.sign_in(EMAIL, PASSWORD)
    assert mailbox.letters_to(EMAIL)[-1].subject == "Your password was changed"


def test_an_unknown_address_gets_no_email_and_no_code_is_accepted(mailbox: Mailbox) -> None:
    accounts.request_reset(EMAIL)
    assert mailbox.letters_to(EMAIL) == []
    with pytest.raises(WrongCode):
        accounts.reset_password(EMAIL, "123456", NEW)


def test_the_rate_limit_does_not_reveal_whether_the_account_exists(mailbox: Mailbox, now: Clock) -> None:
    make_account(email=EMAIL)
    refusals = []
    for address in (EMAIL, "nobody@example.com"):
        accounts.request_reset(address)
        with pytest.raises(TooManyCodes) as refusal:
            accounts.request_reset(address)
        refusals.append(refusal.value.seconds)
    assert refusals[0] == refusals[1]


def test_a_weak_password_does_not_use_up_the_code(mailbox: Mailbox) -> None:
    make_account(email=EMAIL)
    accounts.request_reset(EMAIL)
    digits = mailbox.code_for(EMAIL)
    with pytest.raises(WeakPassword):
        accounts.reset_password(EMAIL, digits, "short")
    accounts.reset_password(EMAIL, digits, NEW)


def test_a_password_is_reset_by_a_verified_phone_but_not_by_an_unverified_one(mailbox: Mailbox) -> None:
    account = make_account(email=None, phone=PHONE)
    accounts.request_reset(PHONE)
    accounts.reset_password(PHONE, mailbox.code_for(PHONE), NEW)
    assert accounts.sign_in(PHONE, NEW) == account
    accounts.register_unverified(None, "+919876500000", PASSWORD, None)
    accounts.request_reset("+919876500000")
    mailbox.deliver()
    assert [message.to for message in mailbox.texts.messages] == [PHONE]


def test_a_reset_that_verifies_the_address_removes_other_ways_in(mailbox: Mailbox) -> None:
    """An account opened with an unverified address may have other ways in, left by an attacker (pre-hijacking)."""
    account = accounts.register_unverified(EMAIL, PHONE, "chosen by a stranger", None)
    with transaction("accounts") as session:
        session.add(Identity(user_id=account.id, issuer="https://id.example", subject="1", created_at=utc_now()))
    accounts.request_reset(EMAIL)
    accounts.reset_password(EMAIL, mailbox.code_for(EMAIL), NEW)
    after = accounts.get_account(account.id)
    assert (after.has_verified_email, after.phone) == (True, None)
    db.session.rollback()
    assert read_session().query(Identity).count() == 0


def test_a_code_sent_to_a_previous_address_resets_nothing(mailbox: Mailbox) -> None:
    account = make_account(email=EMAIL)
    accounts.request_reset(EMAIL)
    digits = mailbox.code_for(EMAIL)
    with transaction("accounts") as session:
        session.execute(update(User).where(User.id == account.id).values(email="elsewhere@example.com"))
    with pytest.raises(WrongCode):
        accounts.reset_password(EMAIL, digits, NEW)


@pytest.mark.parametrize("typed", ["mike@example.com", "MIKE@example.com", "mi\u212ae@example.com"])
def test_an_address_that_collates_equal_is_another_account(mailbox: Mailbox, typed: str) -> None:
    """MySQL compares é and e as equal; the Kelvin sign becomes k when it is lower-cased."""
    victim = make_account(email="miké@example.com")
    with pytest.raises(WrongPassword):
        accounts.sign_in(typed, PASSWORD)
    accounts.request_reset("mike@example.com")
    assert mailbox.letters_to("mike@example.com") == []
    with pytest.raises(WrongCode):
        accounts.reset_password("mike@example.com", "000000", NEW)
    assert accounts.get_account(victim.id).email == "miké@example.com"


# ------------------------------------------------------------------------------------ change


def test_changing_the_password_ends_all_other_sessions(mailbox: Mailbox) -> None:
    account = make_account(email=EMAIL)
    mine, other = accounts.open_session(account.id), accounts.open_session(account.id)
    renewed = accounts.change_password(account.id, PASSWORD, NEW, current=mine)
    assert accounts.find_session(renewed) is not None
    assert [accounts.find_session(one) for one in (mine, other)] == [None, None]
    assert accounts.sign_in(EMAIL, NEW) == account
    assert mailbox.letters_to(EMAIL)[-1].subject == "Your password was changed"


def test_changing_the_password_needs_the_old_one(mailbox: Mailbox) -> None:
    account, without = make_account(email=EMAIL), make_account(password=None)
    reference = accounts.open_session(account.id)
    with pytest.raises(WrongPassword):
        accounts.change_password(account.id, "wrong", NEW, current=reference)
    with pytest.raises(WeakPassword):
        accounts.change_password(account.id, PASSWORD, "password1", current=reference)
    with pytest.raises(WrongPassword):
        accounts.change_password(without.id, "", NEW, current=reference)
    assert accounts.sign_in(EMAIL, PASSWORD) == account
    assert mailbox.letters_to(EMAIL) == []


def test_changing_the_password_leaves_other_accounts_signed_in(mailbox: Mailbox) -> None:
    account: Account = make_account(email=EMAIL)
    theirs = accounts.open_session(make_account().id)
    accounts.change_password(account.id, PASSWORD, NEW, current="")
    assert accounts.find_session(theirs) is not None
