"""Verified changes of e-mail address and phone number, and turning the second factor on and off."""

from __future__ import annotations

import pytest

from storefront.accounts import service as accounts
from storefront.accounts.values import (
    EmailTaken,
    NoProvedAddress,
    PhoneTaken,
    SecondFactorNeeded,
    WrongCode,
    WrongPassword,
)
from tests.accounts.sign_ups import EMAIL, PASSWORD, PHONE
from tests.factories.accounts import make_account
from tests.mailbox import Mailbox

NEW = "asha@new.example"


def test_an_email_address_is_changed_by_its_code_and_the_old_one_is_notified(mailbox: Mailbox) -> None:
    account = make_account(email=EMAIL)
    accounts.request_contact_change(account.id, NEW, password=PASSWORD)
    assert accounts.get_account(account.id).email == EMAIL
    accounts.confirm_contact(account.id, NEW, mailbox.code_for(NEW))
    assert accounts.sign_in(NEW, PASSWORD).id == account.id  # type: ignore[union-attr]
    assert [email.subject for email in mailbox.letters_to(EMAIL)] == ["Your e-mail address was changed"]
    assert NEW not in mailbox.letters_to(EMAIL)[0].text


def test_a_phone_number_is_changed_by_its_code(mailbox: Mailbox) -> None:
    account = make_account(email=EMAIL)
    accounts.request_contact_change(account.id, PHONE, password=PASSWORD)
    accounts.confirm_contact(account.id, PHONE, mailbox.code_for(PHONE))
    assert accounts.get_account(account.id).has_verified_phone
    assert mailbox.letters_to(EMAIL)[-1].subject == "Your phone number was changed"


def test_a_change_needs_the_password(mailbox: Mailbox) -> None:
    account = make_account(email=EMAIL)
    with pytest.raises(WrongPassword):
        accounts.request_contact_change(account.id, NEW, password="wrong")
    assert mailbox.letters_to(NEW) == []


def test_an_account_without_a_password_reauthenticates_by_a_code(mailbox: Mailbox) -> None:
    account = make_account(email=EMAIL, password=None)
    for given in ("", "000000", PASSWORD):
        with pytest.raises(WrongCode):
            accounts.request_contact_change(account.id, NEW, password=given, code=given)
    assert accounts.send_reauthentication_code(account.id) == EMAIL
    accounts.request_contact_change(account.id, NEW, code=mailbox.code_for(EMAIL))
    accounts.confirm_contact(account.id, NEW, mailbox.code_for(NEW))
    assert accounts.get_account(account.id).email == NEW


def test_turning_off_the_second_factor_needs_a_code_without_a_password(mailbox: Mailbox) -> None:
    account = make_account(email=EMAIL, password=None, mfa=True)
    with pytest.raises(WrongCode):
        accounts.set_second_factor(account.id, on=False)
    accounts.send_reauthentication_code(account.id)
    accounts.set_second_factor(account.id, on=False, code=mailbox.code_for(EMAIL))
    assert not accounts.get_account(account.id).mfa_enabled


def test_a_code_for_another_purpose_does_not_reauthenticate(mailbox: Mailbox) -> None:
    account = make_account(email=EMAIL, password=None)
    accounts.send_address_code(account.id, EMAIL)
    with pytest.raises(WrongCode):
        accounts.request_contact_change(account.id, NEW, code=mailbox.code_for(EMAIL))
    assert mailbox.letters_to(NEW) == []


def test_the_email_of_a_reauthentication_code_warns_of_intruders(mailbox: Mailbox) -> None:
    accounts.send_reauthentication_code(make_account(email=EMAIL, password=None).id)
    (email,) = mailbox.letters_to(EMAIL)
    assert "to change your account at marigold" in email.subject
    assert "somebody else is signed in to your account" in email.text


def test_no_reauthentication_code_with_a_password_or_without_an_address(mailbox: Mailbox) -> None:
    for account in (make_account(email=EMAIL), make_account(email=None, password=None)):
        with pytest.raises(NoProvedAddress):
            accounts.send_reauthentication_code(account.id)
    accounts.request_contact_change(account.id, NEW)  # neither password nor address: nothing to check
    assert len(mailbox.letters_to(NEW)) == 1


def test_an_address_of_another_account_is_kept_and_its_owner_is_informed(mailbox: Mailbox) -> None:
    owner, other = make_account(email=EMAIL), make_account()
    accounts.request_contact_change(other.id, EMAIL, password=PASSWORD)
    (email,) = mailbox.letters_to(EMAIL)
    assert email.subject == "You have an account at marigold already"
    with pytest.raises(WrongCode):
        accounts.confirm_contact(other.id, EMAIL, "000000")
    assert accounts.get_account(owner.id).email == EMAIL


def test_an_unverified_address_goes_to_the_account_that_verifies_it(mailbox: Mailbox) -> None:
    squatter = accounts.register_unverified(NEW, None, PASSWORD, None)
    account = make_account(email=EMAIL)
    accounts.request_contact_change(account.id, NEW, password=PASSWORD)
    accounts.confirm_contact(account.id, NEW, mailbox.code_for(NEW))
    assert accounts.get_account(account.id).email == NEW
    assert accounts.get_account(squatter.id).email is None


def test_a_code_sent_for_another_account_is_refused(mailbox: Mailbox) -> None:
    mine, theirs = make_account(), make_account()
    accounts.request_contact_change(theirs.id, NEW, password=PASSWORD)
    with pytest.raises(WrongCode):
        accounts.confirm_contact(mine.id, NEW, mailbox.code_for(NEW))
    assert accounts.get_account(mine.id).email != NEW


def test_an_unverified_address_can_be_verified_later(mailbox: Mailbox) -> None:
    account = accounts.register_unverified(EMAIL, None, PASSWORD, None)
    accounts.send_address_code(account.id, EMAIL)
    accounts.confirm_contact(account.id, EMAIL, mailbox.code_for(EMAIL))
    assert accounts.get_account(account.id).has_verified_email
    assert len(mailbox.letters_to(EMAIL)) == 1  # nothing was changed


def test_an_address_taken_in_the_meantime_is_refused(mailbox: Mailbox) -> None:
    account = make_account(email=EMAIL)
    accounts.request_contact_change(account.id, NEW, password=PASSWORD)
    digits = mailbox.code_for(NEW)
    make_account(email=NEW)
    with pytest.raises(EmailTaken):
        accounts.confirm_contact(account.id, NEW, digits)


def test_a_phone_set_in_the_profile_is_unverified(mailbox: Mailbox) -> None:
    account, other = make_account(phone=PHONE), make_account()
    with pytest.raises(PhoneTaken):
        accounts.change_profile(other.id, {"phone": PHONE})
    accounts.change_profile(account.id, {"phone": "+919876500000"})
    changed = accounts.get_account(account.id)
    assert (changed.phone, changed.has_verified_phone) == ("+919876500000", False)
    accounts.change_profile(account.id, {"phone": None})
    assert accounts.get_account(account.id).phone is None


def test_the_second_factor_is_turned_on_and_off_by_the_password(mailbox: Mailbox) -> None:
    account = make_account(email=EMAIL)
    with pytest.raises(WrongPassword):
        accounts.set_second_factor(account.id, on=True, password="wrong")
    accounts.set_second_factor(account.id, on=True, password=PASSWORD)
    assert isinstance(accounts.sign_in(EMAIL, PASSWORD), SecondFactorNeeded)
    accounts.set_second_factor(account.id, on=False, password=PASSWORD)
    assert accounts.sign_in(EMAIL, PASSWORD) == accounts.get_account(account.id)
    subjects = [email.subject for email in mailbox.letters_to(EMAIL) if "Two-step" in email.subject]
    assert subjects == ["Two-step sign-in was turned on", "Two-step sign-in was turned off"]


def test_the_second_factor_needs_a_verified_address(mailbox: Mailbox) -> None:
    account = make_account(email=EMAIL, verified=False)
    assert accounts.second_factor_address(account.id) is None
    with pytest.raises(NoProvedAddress):
        accounts.set_second_factor(account.id, on=True, password=PASSWORD)
