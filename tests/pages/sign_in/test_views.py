"""Pages of sign-in, registration and password reset."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from flask import Flask
from sqlalchemy.exc import OperationalError
from werkzeug.test import TestResponse

from storefront.accounts import service as accounts
from storefront.cart import service as cart
from tests.accounts.sign_ups import EMAIL, PASSWORD, PHONE
from tests.factories.accounts import make_account, make_staff
from tests.factories.catalog import make_product
from tests.factories.shopping import check_out, fill_cart
from tests.fakes import Clock
from tests.mailbox import Mailbox
from tests.page_client import SAME_ORIGIN, Page, Pages

FORM = "form.sign-in__form"


def sign_in(
    pages: Pages, identifier: str = EMAIL, password: str = PASSWORD, *, url: str = "/login", **more: int
) -> Page:
    return pages.submit(pages.get(url), FORM, identifier=identifier, password=password, **more)


def is_signed_in(pages: Pages) -> bool:
    with pages.app.app_context():
        return pages.client.get("/account/security").status_code == 200


def sent(pages: Pages, page: Page, selector: str = FORM, *, htmx: bool = False, **fields: str) -> TestResponse:
    """The response to a form, without following redirects."""
    form = page.one(selector)
    data = {str(field["name"]): str(field.get("value", "")) for field in form.select("input[name]")} | fields
    headers = SAME_ORIGIN | ({"HX-Request": "true"} if htmx else {})
    with pages.app.app_context():
        return pages.client.post(str(form["action"]), data=data, headers=headers)


# ------------------------------------------------------------------------------------ sign in, sign out


@pytest.mark.parametrize("typed", [EMAIL, EMAIL.upper(), PHONE])
def test_sign_in_and_sign_out(pages: Pages, typed: str) -> None:
    make_account(email=EMAIL, phone=PHONE, name="Asha Rao")
    page = sign_in(pages, typed)
    assert page.url == "/"
    assert "Asha" in page.one(".header__links").get_text()
    out = pages.submit(pages.get("/account/security"), 'form[action="/logout"]')
    assert "You are signed out" in out.words
    assert not is_signed_in(pages)


@pytest.mark.parametrize(("typed", "password"), [(EMAIL, "wrong"), ("nobody@example.com", PASSWORD), ("x", "y")])
def test_wrong_credentials_do_not_reveal_which_part_is_wrong(pages: Pages, typed: str, password: str) -> None:
    make_account(email=EMAIL)
    page = sign_in(pages, typed, password, status=422)
    assert "do not match" in page.one("main").get_text()
    assert not page.one("#password").get("value")
    assert not is_signed_in(pages)


def test_an_empty_form_shows_what_is_missing(pages: Pages) -> None:
    page = sign_in(pages, "", "", status=422)
    assert len(page.all(".field__problem")) == 2


def test_signing_in_redirects_to_the_page_that_required_it(pages: Pages) -> None:
    make_account(email=EMAIL)
    page = pages.get("/account/security?a=1")
    assert page.url.startswith("/login?next=")
    assert sign_in(pages, url=page.url).url == "/account/security?a=1"


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "///evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        " //evil.example",
        "evil.example",
        "http:evil.example",
        "",
    ],
)
def test_it_redirects_to_no_other_site(pages: Pages, target: str) -> None:
    make_account(email=EMAIL)
    page = pages.get("/login")
    page.one(FORM)["action"] = f"/login?next={quote(target, safe='')}"
    response = sent(pages, page, identifier=EMAIL, password=PASSWORD)
    assert (response.status_code, response.headers["Location"]) == (303, "/")


def test_a_signed_in_visitor_is_redirected_from_the_sign_in_page(pages: Pages) -> None:
    pages.sign_in(make_account())
    assert pages.get("/login?next=/cart").url == "/cart"
    assert pages.get("/register").url == "/"


def test_htmx_is_redirected_to_the_sign_in_page(pages: Pages) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "http://localhost/account/security"}
    response = pages.client.get("/account/security/password", headers=headers)
    assert (response.status_code, response.headers["HX-Redirect"]) == (204, "/login?next=/account/security")


def test_a_form_sent_by_a_guest_is_not_put_into_the_redirect(pages: Pages) -> None:
    page = pages.get("/cart")
    token = page.html.select_one("input[name=csrf_token]")
    data = {"csrf_token": str(token["value"]) if token else "", "old": "secret"}
    headers = {**SAME_ORIGIN, "Referer": "http://localhost/account/security/password"}
    response = pages.client.post("/account/security/password", data=data, headers=headers)
    assert response.status_code in {303, 403}
    assert "secret" not in response.headers.get("Location", "")


def test_signing_out_needs_the_form_of_a_page(pages: Pages) -> None:
    pages.sign_in(make_account())
    assert pages.client.post("/logout", headers=SAME_ORIGIN).status_code == 403
    assert pages.client.get("/logout").status_code == 405
    assert is_signed_in(pages)


@pytest.mark.parametrize("htmx", [False, True])
def test_every_sign_in_starts_a_new_session_and_ends_the_one_before(pages: Pages, htmx: bool) -> None:
    account = make_account(email=EMAIL)
    before = pages.sign_in(make_staff(), second_factor=False)  # staff without their code may sign in anew
    response = sent(pages, pages.get("/login"), htmx=htmx, identifier=EMAIL, password=PASSWORD)
    assert response.headers["HX-Redirect" if htmx else "Location"] == "/"
    with pages.client.session_transaction() as session:
        reference = session["_user_id"]
    assert reference != before.reference
    assert accounts.find_session(before.reference) is None
    person, _ = accounts.find_session(reference) or (None, False)
    assert person is not None
    assert person.id == account.id


def test_an_old_cookie_is_invalid_after_signing_out(app: Flask, pages: Pages) -> None:
    person = pages.sign_in(make_account())
    token = accounts.issue_token(person)
    cookie = pages.client.get_cookie("storefront")
    assert cookie is not None
    pages.submit(pages.get("/account/security"), 'form[action="/logout"]')
    thief = Pages(app)
    thief.client.set_cookie("storefront", cookie.value)
    assert not is_signed_in(thief)
    reference = accounts.reference_of(token)
    assert reference is not None
    assert accounts.find_session(reference) is None


def test_a_planted_session_cookie_is_not_signed_in(app: Flask, pages: Pages) -> None:
    make_account(email=EMAIL)
    pages.begin_session()
    planted = pages.client.get_cookie("storefront")
    assert planted is not None
    sign_in(pages)
    attacker = Pages(app)
    attacker.client.set_cookie("storefront", planted.value)
    assert not is_signed_in(attacker)


def test_pages_work_while_the_accounts_database_is_down(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    pages.sign_in(make_account())

    def fail(*arguments: object) -> None:
        raise OperationalError("SELECT", {}, Exception("down"))

    monkeypatch.setattr(accounts, "find_session", fail)
    assert "Sign in" in pages.get("/").one(".header__links").get_text()


# ------------------------------------------------------------------------------------ the second factor


@pytest.mark.parametrize("htmx", [False, True])
def test_staff_enter_a_code_as_well(pages: Pages, mailbox: Mailbox, htmx: bool) -> None:
    make_staff(email=EMAIL)
    page = sign_in(pages, url="/login?next=/cart")
    assert page.url == "/login/code?next=/cart"
    assert "a***@example.com" in page.words
    assert not is_signed_in(pages)
    response = sent(pages, page, htmx=htmx, code=mailbox.code_for(EMAIL))
    assert response.headers["HX-Redirect" if htmx else "Location"] == "/cart"
    assert is_signed_in(pages)


def test_a_wrong_code_signs_nobody_in(pages: Pages, mailbox: Mailbox) -> None:
    make_staff(email=EMAIL)
    page = sign_in(pages)
    wrong = f"{(int(mailbox.code_for(EMAIL)) + 1) % 10**6:06}"
    page = pages.submit(page, FORM, status=422, code=wrong)
    assert "not the code we sent" in page.words
    assert not is_signed_in(pages)


def test_the_code_page_needs_a_recent_correct_password(pages: Pages, mailbox: Mailbox, now: Clock) -> None:
    assert pages.get("/login/code").url == "/login"
    make_staff(email=EMAIL)
    sign_in(pages)
    now.advance(minutes=10)
    assert pages.get("/login/code").url == "/login"


def test_another_sign_in_code_is_sent_after_a_minute(pages: Pages, mailbox: Mailbox, now: Clock) -> None:
    make_staff(email=EMAIL)
    page = sign_in(pages)
    refused = pages.submit(page, "form.sign-in__letter", status=429)
    assert refused.response.headers["Retry-After"] == "60"
    assert "in 1 minute" in refused.words
    now.advance(seconds=61)
    page = pages.submit(page, "form.sign-in__letter")
    assert "We sent you another code" in page.words
    pages.submit(page, FORM, code=mailbox.code_for(EMAIL))
    assert is_signed_in(pages)


def test_the_session_cookie_contains_no_secrets(pages: Pages, mailbox: Mailbox) -> None:
    make_staff(email=EMAIL)
    sign_in(pages)
    pages.submit(pages.get("/password/forgotten"), FORM, identifier="asha@example.net")
    digits = mailbox.code_for(EMAIL)
    with pages.client.session_transaction() as session:
        cookie = str(dict(session))
    assert digits not in cookie
    assert PASSWORD not in cookie


# ------------------------------------------------------------------------------------ registration


def register(pages: Pages, identifier: str = EMAIL, *, password: str = PASSWORD, status: int = 200) -> Page:
    page = pages.get("/register?next=/cart")
    return pages.submit(page, FORM, status=status, name="Asha Rao", identifier=identifier, password=password)


@pytest.mark.parametrize("identifier", [EMAIL, "98765 43210"])
def test_an_account_is_created_in_two_steps(pages: Pages, mailbox: Mailbox, identifier: str) -> None:
    page = register(pages, identifier)
    assert page.url == "/register/code?next=/cart"
    page = pages.submit(page, FORM, code=mailbox.code_for(EMAIL if "@" in identifier else PHONE))
    assert page.url == "/cart"
    assert "Your account is ready" in page.words
    assert is_signed_in(pages)


def test_registration_does_not_reveal_an_existing_account(pages: Pages, mailbox: Mailbox) -> None:
    make_account(email=EMAIL)
    known, unknown = register(pages), register(Pages(pages.app), "nobody@example.com")
    assert known.words.replace(EMAIL, "") == unknown.words.replace("nobody@example.com", "")
    refused = pages.submit(known, FORM, status=422, code="123456")
    assert "not the code we sent" in refused.words


def test_a_code_with_blanks_is_accepted(pages: Pages, mailbox: Mailbox) -> None:
    page = register(pages)
    digits = mailbox.code_for(EMAIL)
    pages.submit(page, FORM, code=f" {digits[:3]} {digits[3:]} ")
    assert is_signed_in(pages)


@pytest.mark.parametrize("identifier", ["asha@", "asha", "12", "a b@example.com", "ashä@example.com"])
def test_an_invalid_address_has_an_error_beside_its_field(pages: Pages, identifier: str) -> None:
    page = register(pages, identifier, status=422)
    assert "in the correct format" in page.one("#identifier-problem").get_text()


def test_a_weak_password_has_an_error_beside_its_field(pages: Pages) -> None:
    assert "tried first" in register(pages, password="password1", status=422).one("#password-problem").get_text()


def test_a_phone_is_refused_where_no_text_messages_are_sent(pages: Pages, mailbox: Mailbox) -> None:
    pages.app.extensions["sms"] = None
    page = register(pages, PHONE, status=422)
    assert "cannot send text messages" in page.one("#identifier-problem").get_text()


def test_a_form_sent_twice_sends_one_code(pages: Pages, mailbox: Mailbox) -> None:
    register(pages)
    assert register(pages).url == "/register/code?next=/cart"
    assert len(mailbox.letters_to(EMAIL)) == 1


def test_another_browser_must_wait_before_registering_the_same_address(pages: Pages, mailbox: Mailbox) -> None:
    register(pages)
    page = register(Pages(pages.app), status=429)
    assert "in 1 minute" in page.words


def test_code_pages_redirect_if_nothing_is_pending(pages: Pages) -> None:
    assert pages.get("/register/code").url == "/register"
    assert pages.get("/password/code").url == "/password/forgotten"


def test_an_expired_code_is_refused(pages: Pages, mailbox: Mailbox, now: Clock) -> None:
    page = register(pages)
    digits = mailbox.code_for(EMAIL)
    now.advance(minutes=6)
    page = pages.submit(page, FORM, status=422, code=digits)
    assert "This code has expired" in page.words
    page = pages.submit(page, "form.sign-in__letter")
    pages.submit(page, FORM, code=mailbox.code_for(EMAIL))
    assert is_signed_in(pages)


# ------------------------------------------------------------------------------------ password reset


def test_a_password_is_reset(pages: Pages, mailbox: Mailbox) -> None:
    make_account(email=EMAIL)
    page = pages.submit(pages.get("/password/forgotten"), FORM, identifier=EMAIL)
    page = pages.submit(page, FORM, code=mailbox.code_for(EMAIL), password="a lawn under the teapot")
    assert page.url == "/login"
    assert sign_in(pages, password="a lawn under the teapot").url == "/"


def test_a_password_reset_does_not_reveal_an_existing_account(pages: Pages, mailbox: Mailbox) -> None:
    make_account(email=EMAIL)
    seen = []
    for identifier in (EMAIL, "nobody@example.com"):
        browser = Pages(pages.app)
        page = browser.submit(browser.get("/password/forgotten"), FORM, identifier=identifier)
        again = browser.submit(page, "form.sign-in__letter", status=429)
        wrong = browser.submit(page, FORM, status=422, code="000000", password="a lawn under the teapot")
        seen.append([part.words.replace(identifier, "") for part in (page, again, wrong)])
    assert seen[0] == seen[1]


# ------------------------------------------------------------------------------------ the guest's cart


def test_signing_in_merges_the_carts_and_reports_reduced_quantities(pages: Pages) -> None:
    mug, plate = make_product(name="Clay Mug", stock=2), make_product(name="Plate", stock=9)
    account = make_account(email=EMAIL)
    cart.add_line(cart.cart_key_of(account.id), mug.sku, 1)
    fill_cart(pages, mug, 2)
    fill_cart(pages, plate, 3)
    page = sign_in(pages, url="/login?next=/cart")
    assert "Only 2 of Clay Mug are left: your cart now holds 2." in page.one("#notices").get_text()
    quantities = {line.offer.sku: line.quantity for line in cart.quote(cart.cart_key_of(account.id)).lines}
    assert quantities == {mug.sku: 2, plate.sku: 3}


def test_a_checkout_continues_after_signing_in(pages: Pages) -> None:
    make_account(email=EMAIL)
    fill_cart(pages, make_product())
    check_out(pages, until="delivery")
    page = sign_in(pages, url="/login?next=/checkout/contact")
    assert page.url == "/checkout/contact"
    assert page.one("#email")["value"] == "asha@example.com"


def test_a_cart_is_kept_if_its_database_is_down_at_sign_in(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    make_account(email=EMAIL)
    fill_cart(pages, make_product(name="Clay Mug"))

    def fail(*arguments: object) -> None:
        raise OperationalError("SELECT", {}, Exception("down"))

    with monkeypatch.context() as patch:
        patch.setattr(cart, "merge", fail)
        sign_in(pages, status=503)
    assert "Clay Mug" in pages.get("/cart").words
    assert "Clay Mug" in sign_in(pages, url="/login?next=/cart").words


def test_the_cart_is_shared_between_browsers(pages: Pages) -> None:
    make_account(email=EMAIL)
    fill_cart(pages, make_product(name="Clay Mug"))
    sign_in(pages)
    other = Pages(pages.app)
    assert "Clay Mug" in sign_in(other, url="/login?next=/cart").words


def test_after_signing_out_the_cart_is_empty(pages: Pages) -> None:
    make_account(email=EMAIL)
    fill_cart(pages, make_product(name="Clay Mug"))
    sign_in(pages)
    pages.submit(pages.get("/account/security"), 'form[action="/logout"]')
    assert "Clay Mug" not in pages.get("/cart").words
