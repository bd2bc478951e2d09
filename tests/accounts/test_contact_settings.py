"""Addresses changed by proof, and the second factor switched on and off."""

from __future__ import annotations

import pytest

from storefront.accounts import service as accounts
from storefront.accounts.service import SecondFactorNeeded
from tests.accounts.sign_ups import EMAIL, PASSWORD, PHONE
from tests.factories.accounts import make_account
from tests.mailbox import Mailbox

NEW = "asha@new.example"


def test_an_address_becomes_ours_by_the_code_sent_there_and_the_old_one_hears_of_it(mailbox: Mailbox) -> None:
    account = make_account(email=EMAIL)
    accounts.request_contact_change(account.id, NEW, password=PASSWORD)
    assert accounts.get_account(account.id).email == EMAIL
    accounts.confirm_contact(account.id, NEW, mailbox.code_for(NEW))
    assert accounts.sign_in(NEW, PASSWORD).id == account.id  # type: ignore[union-attr]
    assert [letter.subject for letter in mailbox.letters_to(EMAIL)] == ["Your e-mail address was changed"]
    assert NEW not in mailbox.letters_to(EMAIL)[0].text


def test_a_phone_becomes_ours_by_the_code_sent_there(mailbox: Mailbox) -> None:
    account = make_account(email=EMAIL)
    accounts.request_contact_change(account.id, PHONE, password=PASSWORD)
    accounts.confirm_contact(account.id, PHONE, mailbox.code_for(PHONE))
    assert accounts.get_account(account.id).has_verified_phone
    assert mailbox.letters_to(EMAIL)[-1].subject == "Your phone number was changed"


def test_nothing_is_sent_without_the_password(mailbox: Mailbox) -> None:
    account = make_account(email=EMAIL)
    with pytest.raises(accounts.WrongPassword):
        accounts.request_contact_change(account.id, NEW, password="wrong")
    assert mailbox.letters_to(NEW) == []


def test_an_account_without_a_password_is_asked_for_a_code_of_its_address(mailbox: Mailbox) -> None:
    account = make_account(email=EMAIL, password=None)
    for given in ("", "000000", PASSWORD):
        with pytest.raises(accounts.WrongCode):
            accounts.request_contact_change(account.id, NEW, password=given, code=given)
    assert accounts.send_reauthentication_code(account.id) == EMAIL
    accounts.request_contact_change(account.id, NEW, code=mailbox.code_for(EMAIL))
    accounts.confirm_contact(account.id, NEW, mailbox.code_for(NEW))
    assert accounts.get_account(account.id).email == NEW


def test_it_is_asked_before_its_second_factor_is_switched_too(mailbox: Mailbox) -> None:
    account = make_account(email=EMAIL, password=None, mfa=True)
    with pytest.raises(accounts.WrongCode):
        accounts.set_second_factor(account.id, on=False)
    accounts.send_reauthentication_code(account.id)
    accounts.set_second_factor(account.id, on=False, code=mailbox.code_for(EMAIL))
    assert not accounts.get_account(account.id).mfa_enabled


def test_no_other_code_proves_the_owner(mailbox: Mailbox) -> None:
    account = make_account(email=EMAIL, password=None)
    accounts.send_address_code(account.id, EMAIL)
    with pytest.raises(accounts.WrongCode):
        accounts.request_contact_change(account.id, NEW, code=mailbox.code_for(EMAIL))
    assert mailbox.letters_to(NEW) == []


def test_the_letter_of_that_code_says_what_it_means(mailbox: Mailbox) -> None:
    accounts.send_reauthentication_code(make_account(email=EMAIL, password=None).id)
    (letter,) = mailbox.letters_to(EMAIL)
    assert "to change your account at marigold" in letter.subject
    assert "somebody else is signed in to your account" in letter.text


def test_who_has_a_password_or_no_address_gets_no_such_code(mailbox: Mailbox) -> None:
    for account in (make_account(email=EMAIL), make_account(email=None, password=None)):
        with pytest.raises(accounts.NoProvedAddress):
            accounts.send_reauthentication_code(account.id)
    accounts.request_contact_change(account.id, NEW)  # who has neither has nothing to be asked for
    assert len(mailbox.letters_to(NEW)) == 1


def test_an_address_with_an_account_stays_its_owners_who_hears_of_it(mailbox: Mailbox) -> None:
    owner, other = make_account(email=EMAIL), make_account()
    accounts.request_contact_change(other.id, EMAIL, password=PASSWORD)
    (letter,) = mailbox.letters_to(EMAIL)
    assert letter.subject == "You have an account at marigold already"
    with pytest.raises(accounts.WrongCode):
        accounts.confirm_contact(other.id, EMAIL, "000000")
    assert accounts.get_account(owner.id).email == EMAIL


def test_an_address_claimed_without_proof_goes_to_who_proves_it(mailbox: Mailbox) -> None:
    squatter = accounts.register_unverified(NEW, None, PASSWORD, None)
    account = make_account(email=EMAIL)
    accounts.request_contact_change(account.id, NEW, password=PASSWORD)
    accounts.confirm_contact(account.id, NEW, mailbox.code_for(NEW))
    assert accounts.get_account(account.id).email == NEW
    assert accounts.get_account(squatter.id).email is None


def test_the_code_of_one_account_gives_another_nothing(mailbox: Mailbox) -> None:
    mine, theirs = make_account(), make_account()
    accounts.request_contact_change(theirs.id, NEW, password=PASSWORD)
    with pytest.raises(accounts.WrongCode):
        accounts.confirm_contact(mine.id, NEW, mailbox.code_for(NEW))
    assert accounts.get_account(mine.id).email != NEW


def test_an_address_given_without_proof_can_be_proved_later(mailbox: Mailbox) -> None:
    account = accounts.register_unverified(EMAIL, None, PASSWORD, None)
    accounts.send_address_code(account.id, EMAIL)
    accounts.confirm_contact(account.id, EMAIL, mailbox.code_for(EMAIL))
    assert accounts.get_account(account.id).has_verified_email
    assert len(mailbox.letters_to(EMAIL)) == 1  # nothing was changed


def test_an_address_that_got_an_account_in_the_meantime_is_refused(mailbox: Mailbox) -> None:
    account = make_account(email=EMAIL)
    accounts.request_contact_change(account.id, NEW, password=PASSWORD)
    digits = mailbox.code_for(NEW)
    make_account(email=NEW)
    with pytest.raises(accounts.EmailTaken):
        accounts.confirm_contact(account.id, NEW, digits)


def test_a_phone_set_without_proof_is_not_proved(mailbox: Mailbox) -> None:
    account, other = make_account(phone=PHONE), make_account()
    with pytest.raises(accounts.PhoneTaken):
        accounts.change_profile(other.id, {"phone": PHONE})
    accounts.change_profile(account.id, {"phone": "+919876500000"})
    changed = accounts.get_account(account.id)
    assert (changed.phone, changed.has_verified_phone) == ("+919876500000", False)
    accounts.change_profile(account.id, {"phone": None})
    assert accounts.get_account(account.id).phone is None


def test_a_code_at_sign_in_is_switched_on_and_off_by_the_password(mailbox: Mailbox) -> None:
    account = make_account(email=EMAIL)
    with pytest.raises(accounts.WrongPassword):
        accounts.set_second_factor(account.id, on=True, password="wrong")
    accounts.set_second_factor(account.id, on=True, password=PASSWORD)
    assert isinstance(accounts.sign_in(EMAIL, PASSWORD), SecondFactorNeeded)
    accounts.set_second_factor(account.id, on=False, password=PASSWORD)
    assert accounts.sign_in(EMAIL, PASSWORD) == accounts.get_account(account.id)
    told = [letter.subject for letter in mailbox.letters_to(EMAIL) if "Two-step" in letter.subject]
    assert told == ["Two-step sign-in was turned on", "Two-step sign-in was turned off"]


def test_a_code_at_sign_in_needs_an_address_it_can_go_to(mailbox: Mailbox) -> None:
    account = make_account(email=EMAIL, verified=False)
    assert accounts.second_factor_address(account.id) is None
    with pytest.raises(accounts.NoProvedAddress):
        accounts.set_second_factor(account.id, on=True, password=PASSWORD)
