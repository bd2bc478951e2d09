"""Security settings: password, addresses, second factor, sessions."""

from __future__ import annotations

import pytest

from storefront.accounts import service as accounts
from storefront.accounts.values import Account, SignedIn
from tests.accounts.sign_ups import EMAIL, PASSWORD, PHONE
from tests.factories.accounts import make_account
from tests.mailbox import Mailbox
from tests.page_client import Pages

FORM = "form.sign-in__form"
NEW = "asha@new.example"


@pytest.fixture
def me(pages: Pages) -> SignedIn:
    return pages.sign_in(make_account(email=EMAIL))


def stored(person: SignedIn) -> Account:
    return accounts.get_account(person.id)


def test_a_password_is_changed(pages: Pages, me: SignedIn) -> None:
    other = accounts.open_session(me.id)
    page = pages.submit(pages.get("/account/security/password"), FORM, old=PASSWORD, new="a lawn under the teapot")
    assert "Password changed" in page.words
    assert accounts.find_session(other) is None
    assert accounts.sign_in(EMAIL, "a lawn under the teapot") == stored(me)


def test_a_wrong_or_weak_password_has_an_error_beside_its_field(pages: Pages, me: SignedIn) -> None:
    page = pages.get("/account/security/password")
    wrong = pages.submit(page, FORM, status=422, old="wrong", new="a lawn under the teapot")
    assert "The password is wrong" in wrong.one("#old-problem").get_text()
    weak = pages.submit(page, FORM, status=422, old=PASSWORD, new="password1")
    assert "tried first" in weak.one("#new-problem").get_text()


@pytest.mark.parametrize(("kind", "address"), [("email", NEW), ("phone", PHONE)])
def test_an_address_is_changed_by_its_code(
    pages: Pages, me: SignedIn, mailbox: Mailbox, kind: str, address: str
) -> None:
    page = pages.submit(pages.get(f"/account/security/{kind}"), FORM, address=address, password=PASSWORD)
    assert page.url == f"/account/security/{kind}/code"
    page = pages.submit(page, FORM, code=mailbox.code_for(address))
    assert page.url == "/account/security"
    assert address in page.words
    assert getattr(stored(me), kind) == address


def test_a_wrong_password_sends_no_code(pages: Pages, me: SignedIn, mailbox: Mailbox) -> None:
    page = pages.submit(pages.get("/account/security/email"), FORM, status=422, address=NEW, password="wrong")
    assert "The password is wrong" in page.one("#password-problem").get_text()
    assert mailbox.letters_to(NEW) == []


def test_without_a_password_reauthentication_is_by_code(pages: Pages, mailbox: Mailbox) -> None:
    me = pages.sign_in(make_account(email=EMAIL, password=None))
    page = pages.get("/account/security/email")
    assert not page.all("input[type=password]")
    refused = pages.submit(page, FORM, status=422, address=NEW, code="000000")
    assert "not the code we sent" in refused.one("#code-problem").get_text()
    page = pages.submit(page, "form.sign-in__letter")
    assert page.url == "/account/security/email"
    assert f"We sent a code to {EMAIL}" in page.words
    again = pages.submit(page, "form.sign-in__letter")
    assert "You can request another in 1 minute" in again.words
    page = pages.submit(page, FORM, address=NEW, code=mailbox.code_for(EMAIL))
    pages.submit(page, FORM, code=mailbox.code_for(NEW))
    assert stored(me).email == NEW


def test_without_a_password_two_step_sign_in_is_turned_on_by_a_code(pages: Pages, mailbox: Mailbox) -> None:
    me = pages.sign_in(make_account(email=EMAIL, password=None))
    page = pages.submit(pages.get("/account/security/codes"), "form.sign-in__letter")
    assert page.url == "/account/security/codes"
    pages.submit(page, FORM, code=mailbox.code_for(EMAIL))
    assert stored(me).mfa_enabled


def test_a_wrong_code_changes_nothing(pages: Pages, me: SignedIn, mailbox: Mailbox) -> None:
    page = pages.submit(pages.get("/account/security/email"), FORM, address=NEW, password=PASSWORD)
    wrong = f"{(int(mailbox.code_for(NEW)) + 1) % 10**6:06}"
    page = pages.submit(page, FORM, status=422, code=wrong)
    again = pages.submit(page, "form.sign-in__letter", status=429)
    assert "in 1 minute" in again.words
    assert stored(me).email == EMAIL


def test_a_code_is_for_the_kind_of_address_it_was_sent_to(pages: Pages, me: SignedIn, mailbox: Mailbox) -> None:
    pages.submit(pages.get("/account/security/email"), FORM, address=NEW, password=PASSWORD)
    assert pages.get("/account/security/phone/code").url == "/account/security/phone"


def test_an_unverified_address_is_confirmed(pages: Pages, mailbox: Mailbox) -> None:
    me = pages.sign_in(make_account(email=EMAIL, verified=False))
    page = pages.get("/account/security")
    assert "Not confirmed" in page.words
    page = pages.submit(page, 'form[action$="/email/confirmation"]')
    pages.submit(page, FORM, code=mailbox.code_for(EMAIL))
    assert stored(me).has_verified_email


def test_two_step_sign_in_is_turned_on_and_off(pages: Pages, me: SignedIn) -> None:
    page = pages.submit(pages.get("/account/security/codes"), FORM, password=PASSWORD)
    assert stored(me).mfa_enabled
    assert "Two-step sign-in is on" in page.words
    pages.submit(pages.get("/account/security/codes"), FORM, password=PASSWORD)
    assert not stored(me).mfa_enabled


def test_two_step_sign_in_needs_a_confirmed_address_and_the_password(pages: Pages, me: SignedIn) -> None:
    pages.submit(pages.get("/account/security/codes"), FORM, status=422, password="wrong")
    assert not stored(me).mfa_enabled
    pages.sign_in(make_account(verified=False))
    assert not pages.get("/account/security/codes").all(FORM)


def test_other_devices_are_listed_and_signed_out(pages: Pages, me: SignedIn) -> None:
    firefox, chrome = (accounts.open_session(me.id, f"{name} on Linux") for name in ("Firefox", "Chrome"))
    page = pages.get("/account/security")
    assert {"Firefox on Linux", "Chrome on Linux"} <= {
        " ".join(row.get_text().split()) for row in page.all(".security__device")
    }
    (target,) = (one.id for one in accounts.sessions_of(me.id, me.reference) if one.device.startswith("Firefox"))
    pages.submit(page, f'form[action$="/sessions/{target}/end"]')
    assert accounts.find_session(firefox) is None
    assert accounts.find_session(chrome) is not None
    pages.submit(pages.get("/account/security"), 'form[action$="/sessions/end"]')
    assert accounts.find_session(chrome) is None
    assert pages.get("/account/security").url == "/account/security"  # this browser stays signed in


def test_sessions_of_other_accounts_cannot_be_ended(pages: Pages, me: SignedIn) -> None:
    other = make_account()
    theirs = accounts.open_session(other.id)
    accounts.open_session(me.id)
    (target,) = (one.id for one in accounts.sessions_of(other.id, ""))
    page = pages.get("/account/security")
    mine = page.one('form[action$="/end"]:not([action$="sessions/end"])')
    mine["action"] = f"/account/security/sessions/{target}/end"
    pages.submit(page, f'form[action$="/sessions/{target}/end"]')
    assert accounts.find_session(theirs) is not None


@pytest.mark.parametrize("url", ["", "/password", "/email", "/phone", "/email/code", "/codes"])
def test_guests_are_asked_to_sign_in(pages: Pages, url: str) -> None:
    assert pages.get(f"/account/security{url}").url == f"/login?next=/account/security{url}"
