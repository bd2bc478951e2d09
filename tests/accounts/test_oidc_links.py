"""Sign-in at a provider: which of our accounts is meant."""

from __future__ import annotations

from flask import Flask
from sqlalchemy import func, select

from storefront.accounts import service as accounts
from storefront.accounts.models import Identity
from storefront.accounts.service import Account, IdentityClaims, SecondFactorNeeded
from storefront.db.session import read_session
from tests.accounts.sign_ups import EMAIL, PASSWORD
from tests.factories.accounts import make_account, make_staff
from tests.mailbox import Mailbox

ISSUER = "https://id.example"


def arrive(subject: str = "1", email: str | None = EMAIL, issuer: str = ISSUER) -> Account:
    found = accounts.sign_in_by_identity(IdentityClaims(issuer, subject, email, "Asha Rao"))
    assert isinstance(found, Account)
    return found


def test_the_first_time_an_account_is_opened_and_then_it_is_the_same(app: Flask) -> None:
    account = arrive()
    assert (account.email, account.name, account.has_verified_email, account.has_password) == (
        EMAIL,
        "Asha Rao",
        True,
        False,
    )
    assert arrive() == account
    assert arrive(email="moved@example.com") == account


def test_an_account_is_linked_by_an_address_both_saw_proved_and_hears_of_it(mailbox: Mailbox) -> None:
    account = make_account(email=EMAIL)
    assert arrive().id == account.id
    assert mailbox.letters_to(EMAIL)[-1].subject == "A sign-in provider was linked to your account"
    assert read_session().scalar(select(func.count()).select_from(Identity)) == 1


def test_an_address_the_provider_did_not_see_proved_links_nothing(app: Flask) -> None:
    account = make_account(email=EMAIL)
    other = arrive(email=None)
    assert other.id != account.id
    assert other.email is None


def test_an_account_that_never_proved_its_address_is_not_linked_and_loses_it(app: Flask) -> None:
    squatter = accounts.register_unverified(EMAIL, None, PASSWORD, None)
    account = arrive()
    assert account.id != squatter.id
    assert (account.email, accounts.get_account(squatter.id).email) == (EMAIL, None)


def test_the_same_subject_at_another_provider_is_somebody_else(app: Flask) -> None:
    assert arrive().id != arrive(email=None, issuer="https://other.example").id


def test_subjects_that_a_database_takes_for_alike_are_two(app: Flask) -> None:
    first = arrive("asha", email=None)
    try:
        second = arrive("ASHA", email=None)
    except accounts.EmailTaken:  # MySQL cannot keep both
        return
    assert first.id != second.id


def test_a_second_factor_is_asked_for_here_too(mailbox: Mailbox) -> None:
    staff = make_staff(email=EMAIL)
    found = accounts.sign_in_by_identity(IdentityClaims(ISSUER, "1", EMAIL, None))
    assert found == SecondFactorNeeded(staff.id, "a***@example.com")
