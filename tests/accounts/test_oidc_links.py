"""Sign-in at an OpenID Connect provider: which account is found, linked or created."""

from __future__ import annotations

from flask import Flask
from sqlalchemy import func, select

from storefront.accounts import service as accounts
from storefront.accounts.models import Identity
from storefront.accounts.values import Account, EmailTaken, IdentityClaims, SecondFactorNeeded
from storefront.db.session import read_session
from tests.accounts.sign_ups import EMAIL, PASSWORD
from tests.factories.accounts import make_account, make_staff
from tests.mailbox import Mailbox

ISSUER = "https://id.example"


def sign_in(subject: str = "1", email: str | None = EMAIL, issuer: str = ISSUER) -> Account:
    outcome = accounts.sign_in_by_identity(IdentityClaims(issuer, subject, email, "Asha Rao"))
    assert isinstance(outcome, Account)
    return outcome


def test_the_first_sign_in_creates_an_account_and_later_ones_find_it(app: Flask) -> None:
    account = sign_in()
    assert (account.email, account.name, account.has_verified_email, account.has_password) == (
        EMAIL,
        "Asha Rao",
        True,
        False,
    )
    assert sign_in() == account
    assert sign_in(email="moved@example.com") == account


def test_an_account_is_linked_by_an_address_verified_on_both_sides_and_notified(mailbox: Mailbox) -> None:
    account = make_account(email=EMAIL)
    assert sign_in().id == account.id
    assert mailbox.letters_to(EMAIL)[-1].subject == "A sign-in provider was linked to your account"
    assert read_session().scalar(select(func.count()).select_from(Identity)) == 1


def test_an_address_unverified_by_the_provider_links_nothing(app: Flask) -> None:
    account = make_account(email=EMAIL)
    other = sign_in(email=None)
    assert other.id != account.id
    assert other.email is None


def test_an_account_with_the_address_unverified_is_not_linked_and_loses_it(app: Flask) -> None:
    squatter = accounts.register_unverified(EMAIL, None, PASSWORD, None)
    account = sign_in()
    assert account.id != squatter.id
    assert (account.email, accounts.get_account(squatter.id).email) == (EMAIL, None)


def test_the_same_subject_at_another_provider_is_another_account(app: Flask) -> None:
    assert sign_in().id != sign_in(email=None, issuer="https://other.example").id


def test_subjects_that_collate_equal_are_two_accounts(app: Flask) -> None:
    first = sign_in("asha", email=None)
    try:
        second = sign_in("ASHA", email=None)
    except EmailTaken:  # MySQL cannot keep both
        return
    assert first.id != second.id


def test_a_second_factor_is_needed_here_too(mailbox: Mailbox) -> None:
    staff = make_staff(email=EMAIL)
    outcome = accounts.sign_in_by_identity(IdentityClaims(ISSUER, "1", EMAIL, None))
    assert outcome == SecondFactorNeeded(staff.id, "a***@example.com")
