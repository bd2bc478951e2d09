"""Sign-in by password, the second factor, passwords lost and changed."""

from __future__ import annotations

import bcrypt
import pytest
from flask import Flask
from sqlalchemy import update

from storefront.accounts import service as accounts
from storefront.accounts.models import Identity, User
from storefront.accounts.service import Account, Role, SecondFactorNeeded, UserId
from storefront.core.clock import utc_now
from storefront.db.session import db, read_session, transaction
from tests.accounts.sign_ups import EMAIL, PASSWORD, PHONE
from tests.factories.accounts import make_account, make_staff
from tests.fakes import Clock
from tests.mailbox import Mailbox

NEW = "a lawn under the teapot"


def keep_password(user: UserId, kept: str) -> None:
    with transaction("accounts") as session:
        session.execute(update(User).where(User.id == user).values(password=kept))


def kept_password(user: UserId) -> str:
    read_session().rollback()
    return read_session().get_one(User, user).password or ""


@pytest.mark.parametrize("typed", [EMAIL, f"  {EMAIL.upper()} ", PHONE, "98765 43210", "098765-43210"])
def test_somebody_signs_in_by_address_or_phone(app: Flask, typed: str) -> None:
    account = make_account(email=EMAIL, phone=PHONE)
    assert accounts.sign_in(typed, PASSWORD) == account


@pytest.mark.parametrize(
    "typed", ["nobody@example.com", "+919876500000", "", "@", "a\0b", "x" * 5000, "12", "\ud800", "\ud800@example.com"]
)
def test_nobody_signs_in_to_an_account_that_is_not_there(app: Flask, typed: str) -> None:
    with pytest.raises(accounts.WrongPassword):
        accounts.sign_in(typed, PASSWORD)


@pytest.mark.parametrize("password", ["", PASSWORD.upper(), PASSWORD + " ", "\0", "\ud800", "x" * 100_000])
def test_a_wrong_password_signs_nobody_in(app: Flask, password: str) -> None:
    make_account(email=EMAIL)
    with pytest.raises(accounts.WrongPassword):
        accounts.sign_in(EMAIL, password)


def test_an_account_without_password_is_signed_in_to_by_none(app: Flask) -> None:
    make_account(email=EMAIL, password=None)
    for password in ("", "None", "nobody's password"):
        with pytest.raises(accounts.WrongPassword):
            accounts.sign_in(EMAIL, password)


def test_a_hash_of_the_old_system_is_replaced_at_the_next_sign_in(app: Flask) -> None:
    account = make_account(email=EMAIL)
    keep_password(account.id, bcrypt.hashpw(b"old", bcrypt.gensalt(4)).decode())  # shorter than we accept
    with pytest.raises(accounts.WrongPassword):
        accounts.sign_in(EMAIL, "older")
    assert accounts.sign_in(EMAIL, "old").id == account.id
    assert kept_password(account.id).startswith("$argon2id$")
    assert accounts.sign_in(EMAIL, "old").id == account.id


def test_what_is_no_hash_fits_no_password(app: Flask) -> None:
    account = make_account(email=EMAIL)
    for kept in ("", "plain", "$2b$broken", "$argon2id$broken"):
        keep_password(account.id, kept)
        with pytest.raises(accounts.WrongPassword):
            accounts.sign_in(EMAIL, kept)


# ------------------------------------------------------------------------------------ the second factor


def asked_for_code(identifier: str) -> SecondFactorNeeded:
    found = accounts.sign_in(identifier, PASSWORD)
    assert isinstance(found, SecondFactorNeeded)
    return found


@pytest.mark.parametrize("role", [Role.STOCK_STAFF, Role.ORDER_STAFF, Role.ADMIN])
def test_staff_are_asked_for_a_code_always(mailbox: Mailbox, role: Role) -> None:
    staff = make_staff(role, email=EMAIL)
    needed = asked_for_code(EMAIL)
    assert needed == SecondFactorNeeded(staff.id, "a***@example.com")
    assert accounts.pass_second_factor(staff.id, mailbox.code_for(EMAIL)) == staff


def test_a_customer_is_asked_for_one_who_wanted_it(mailbox: Mailbox) -> None:
    account = make_account(email=EMAIL, mfa=True)
    asked_for_code(EMAIL)
    assert accounts.pass_second_factor(account.id, mailbox.code_for(EMAIL)) == account


def test_a_customer_without_mail_gets_the_code_by_phone(mailbox: Mailbox) -> None:
    account = make_account(email=None, phone=PHONE, mfa=True)
    assert asked_for_code(PHONE).hint == "*** 3210"
    assert accounts.pass_second_factor(account.id, mailbox.code_for(PHONE)) == account


def test_the_code_goes_to_what_was_proved(mailbox: Mailbox) -> None:
    account = make_account(email=EMAIL, phone=PHONE, mfa=True)
    with transaction("accounts") as session:
        session.execute(update(User).where(User.id == account.id).values(email_verified_at=None))
    asked_for_code(EMAIL)
    mailbox.deliver()
    assert (len(mailbox.post.letters), len(mailbox.texts.messages)) == (0, 1)


def test_a_second_factor_is_used_once_and_by_its_owner_only(mailbox: Mailbox) -> None:
    staff, other = make_staff(email=EMAIL), make_staff()
    asked_for_code(EMAIL)
    digits = mailbox.code_for(EMAIL)
    with pytest.raises(accounts.WrongCode):
        accounts.pass_second_factor(other.id, digits)
    accounts.pass_second_factor(staff.id, digits)
    with pytest.raises(accounts.WrongCode):
        accounts.pass_second_factor(staff.id, digits)
    with pytest.raises(accounts.WrongCode):
        accounts.pass_second_factor(UserId(10**9), digits)


def test_a_code_for_something_else_is_no_second_factor(mailbox: Mailbox) -> None:
    staff = make_staff(email=EMAIL)
    accounts.request_reset(EMAIL)
    with pytest.raises(accounts.WrongCode):
        accounts.pass_second_factor(staff.id, mailbox.code_for(EMAIL))


def test_strangers_cannot_use_up_the_codes_of_a_sign_in(mailbox: Mailbox, now: Clock) -> None:
    staff = make_staff(email=EMAIL)
    for _ in range(3):
        accounts.request_reset(EMAIL)
        now.advance(seconds=61)
    with pytest.raises(accounts.TooManyCodes):
        accounts.request_reset(EMAIL)
    asked_for_code(EMAIL)
    assert accounts.pass_second_factor(staff.id, mailbox.code_for(EMAIL)) == staff


def test_who_guesses_at_a_second_factor_keeps_nobody_out_once_the_password_is_new(mailbox: Mailbox, now: Clock) -> None:
    account = make_account(email=EMAIL, mfa=True)
    for _ in range(20):
        accounts.sign_in(EMAIL, PASSWORD)
        for _ in range(5):
            with pytest.raises(accounts.WrongCode):
                accounts.pass_second_factor(account.id, "none")
        now.advance(minutes=4)
    with pytest.raises(accounts.TooManyCodes):
        accounts.sign_in(EMAIL, PASSWORD)
    accounts.request_reset(EMAIL)
    accounts.reset_password(EMAIL, mailbox.code_for(EMAIL), "a lawn under the teapot")
    asked = accounts.sign_in(EMAIL, "a lawn under the teapot")
    assert isinstance(asked, SecondFactorNeeded)
    assert accounts.pass_second_factor(asked.user, mailbox.code_for(EMAIL)).id == account.id


def test_signing_in_twice_within_a_minute_sends_one_code(mailbox: Mailbox) -> None:
    make_staff(email=EMAIL)
    for _ in range(2):
        asked_for_code(EMAIL)
    assert len(mailbox.letters_to(EMAIL)) == 1


# ------------------------------------------------------------------------------------ lost


def test_a_lost_password_is_replaced_by_code_and_every_sign_in_ends(mailbox: Mailbox) -> None:
    account = make_account(email=EMAIL)
    references = [accounts.open_session(account.id) for _ in range(2)]
    accounts.request_reset(EMAIL)
    accounts.reset_password(EMAIL, mailbox.code_for(EMAIL), NEW)
    assert [accounts.find_session(reference) for reference in references] == [None, None]
    assert accounts.sign_in(EMAIL, NEW) == account
    with pytest.raises(accounts.WrongPassword):
        accounts.sign_in(EMAIL, PASSWORD)
    assert mailbox.letters_to(EMAIL)[-1].subject == "Your password was changed"


def test_an_address_without_account_gets_no_letter_and_its_code_is_worth_nothing(mailbox: Mailbox) -> None:
    accounts.request_reset(EMAIL)
    assert mailbox.letters_to(EMAIL) == []
    with pytest.raises(accounts.WrongCode):
        accounts.reset_password(EMAIL, "123456", NEW)


def test_asking_too_often_is_refused_alike_with_and_without_account(mailbox: Mailbox, now: Clock) -> None:
    make_account(email=EMAIL)
    refusals = []
    for address in (EMAIL, "nobody@example.com"):
        accounts.request_reset(address)
        with pytest.raises(accounts.TooManyCodes) as refusal:
            accounts.request_reset(address)
        refusals.append(refusal.value.seconds)
    assert refusals[0] == refusals[1]


def test_a_weak_password_uses_up_no_code(mailbox: Mailbox) -> None:
    make_account(email=EMAIL)
    accounts.request_reset(EMAIL)
    digits = mailbox.code_for(EMAIL)
    with pytest.raises(accounts.WeakPassword):
        accounts.reset_password(EMAIL, digits, "short")
    accounts.reset_password(EMAIL, digits, NEW)


def test_a_proved_phone_is_a_way_to_a_new_password_one_without_proof_is_none(mailbox: Mailbox) -> None:
    account = make_account(email=None, phone=PHONE)
    accounts.request_reset(PHONE)
    accounts.reset_password(PHONE, mailbox.code_for(PHONE), NEW)
    assert accounts.sign_in(PHONE, NEW) == account
    accounts.register_unverified(None, "+919876500000", PASSWORD, None)
    accounts.request_reset("+919876500000")
    mailbox.deliver()
    assert [message.to for message in mailbox.texts.messages] == [PHONE]


def test_who_proves_an_address_by_a_new_password_shuts_out_who_claimed_it_before(mailbox: Mailbox) -> None:
    """An account opened without proof may have other ways in, left by who knew that its owner would come."""
    account = accounts.register_unverified(EMAIL, PHONE, "chosen by a stranger", None)
    with transaction("accounts") as session:
        session.add(Identity(user_id=account.id, issuer="https://id.example", subject="1", created_at=utc_now()))
    accounts.request_reset(EMAIL)
    accounts.reset_password(EMAIL, mailbox.code_for(EMAIL), NEW)
    after = accounts.get_account(account.id)
    assert (after.has_verified_email, after.phone) == (True, None)
    db.session.rollback()
    assert read_session().query(Identity).count() == 0


def test_an_address_changed_since_takes_no_new_password(mailbox: Mailbox) -> None:
    account = make_account(email=EMAIL)
    accounts.request_reset(EMAIL)
    digits = mailbox.code_for(EMAIL)
    with transaction("accounts") as session:
        session.execute(update(User).where(User.id == account.id).values(email="elsewhere@example.com"))
    with pytest.raises(accounts.WrongCode):
        accounts.reset_password(EMAIL, digits, NEW)


@pytest.mark.parametrize("typed", ["mike@example.com", "MIKE@example.com", "mi\u212ae@example.com"])
def test_an_address_that_looks_alike_takes_over_no_account(mailbox: Mailbox, typed: str) -> None:
    """MySQL compares é and e as equal; the Kelvin sign becomes k when it is lower-cased."""
    victim = make_account(email="miké@example.com")
    with pytest.raises(accounts.WrongPassword):
        accounts.sign_in(typed, PASSWORD)
    accounts.request_reset("mike@example.com")
    assert mailbox.letters_to("mike@example.com") == []
    with pytest.raises(accounts.WrongCode):
        accounts.reset_password("mike@example.com", "000000", NEW)
    assert accounts.get_account(victim.id).email == "miké@example.com"


# ------------------------------------------------------------------------------------ changed


def test_a_password_is_changed_by_the_old_one_and_other_sign_ins_end(mailbox: Mailbox) -> None:
    account = make_account(email=EMAIL)
    mine, other = accounts.open_session(account.id), accounts.open_session(account.id)
    accounts.change_password(account.id, PASSWORD, NEW, current=mine)
    assert accounts.find_session(mine) is not None
    assert accounts.find_session(other) is None
    assert accounts.sign_in(EMAIL, NEW) == account
    assert mailbox.letters_to(EMAIL)[-1].subject == "Your password was changed"


def test_a_password_is_changed_by_nothing_else(mailbox: Mailbox) -> None:
    account, without = make_account(email=EMAIL), make_account(password=None)
    reference = accounts.open_session(account.id)
    with pytest.raises(accounts.WrongPassword):
        accounts.change_password(account.id, "wrong", NEW, current=reference)
    with pytest.raises(accounts.WeakPassword):
        accounts.change_password(account.id, PASSWORD, "password1", current=reference)
    with pytest.raises(accounts.WrongPassword):
        accounts.change_password(without.id, "", NEW, current=reference)
    assert accounts.sign_in(EMAIL, PASSWORD) == account
    assert mailbox.letters_to(EMAIL) == []


def test_another_account_keeps_its_sign_ins(mailbox: Mailbox) -> None:
    account: Account = make_account(email=EMAIL)
    theirs = accounts.open_session(make_account().id)
    accounts.change_password(account.id, PASSWORD, NEW, current="")
    assert accounts.find_session(theirs) is not None
