"""Registration, login and password reset by API: contract section 2.3 Auth, cases 3 and 9 to 11."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from storefront.accounts import service as accounts
from storefront.accounts.values import Account, Role
from storefront.db.session import db
from storefront.web import session as web_session
from tests.accounts.sign_ups import EMAIL, PASSWORD, PHONE, register
from tests.api.client import Api, assert_refused
from tests.api.sign_in_payloads import CLIENT, login, new_browser, sign_up_to_code, someone_signed_in, stub, verify
from tests.factories.accounts import make_account, make_staff
from tests.factories.catalog import make_product
from tests.factories.shopping import make_cart
from tests.fakes import Clock
from tests.mailbox import Mailbox
from tests.page_client import SAME_ORIGIN

pytestmark = pytest.mark.both_engines

# ------------------------------------------------------------------------------------------ registration


def test_registering_creates_an_account_and_signs_in(app: Flask, browser: Api, mailbox: Mailbox) -> None:
    done = browser.post(
        "/auth/register", json={"email": EMAIL.upper(), "phone": "", "password": PASSWORD, "name": " Asha "}
    )
    assert (done.status_code, done.json["email"], done.json["phone"], done.json["name"]) == (200, EMAIL, None, "Asha")
    assert someone_signed_in(browser) == done.json["id"]
    assert login(new_browser(app), emailOrPhone=EMAIL).json["id"] == done.json["id"]


def test_registering_completes_a_pending_sign_up(browser: Api, mailbox: Mailbox) -> None:
    user, code = sign_up_to_code(browser, mailbox)
    assert browser.post("/auth/register", json={"email": EMAIL, "password": PASSWORD}).status_code == 200
    assert_refused(verify(browser, user, code), 400, "OTP_INVALID")


def test_an_unverified_address_goes_to_the_account_that_verifies_it(app: Flask, browser: Api, mailbox: Mailbox) -> None:
    """The owner gets a new account later; whoever registered the address before loses access to it."""
    squatter = browser.post("/auth/register", json={"email": EMAIL, "password": "chosen by a stranger"}).json["id"]
    owner = register(mailbox)
    assert owner.id != squatter
    assert someone_signed_in(browser) is None
    assert_refused(login(browser, owner, "chosen by a stranger"), 401, "INVALID_CREDENTIALS")
    assert login(new_browser(app), owner).json["id"] == owner.id


@pytest.mark.parametrize("password", ["seven77", "password1", "x" * 129])
def test_registering_with_a_weak_password_is_refused(browser: Api, password: str) -> None:
    error = assert_refused(
        browser.post("/auth/register", json={"email": EMAIL, "password": password}), 400, "VALIDATION_ERROR"
    )
    assert [detail["field"] for detail in error["details"]] == ["password"]


# ------------------------------------------------------------------------------------------ login


@pytest.mark.parametrize("field", ["emailOrPhone", "identifier", "email", "phone"])
@pytest.mark.parametrize("typed", ["asha.rao@example.com", " ASHA.RAO@EXAMPLE.COM ", "98765 43210", "+919876543210"])
def test_login_works_with_any_field_name_and_any_identifier(browser: Api, field: str, typed: str) -> None:
    account = make_account(email=EMAIL, phone=PHONE)
    assert login(browser, **{field: typed}).json["id"] == account.id
    assert someone_signed_in(browser) == account.id


def test_a_blank_identifier_is_ignored(browser: Api) -> None:
    account = make_account()
    done = browser.post("/auth/login", json={"emailOrPhone": " ", "email": account.email, "password": PASSWORD})
    assert done.json["id"] == account.id


def test_a_password_is_not_stripped(browser: Api) -> None:
    account = make_account(password=" blanks around ")
    assert_refused(login(browser, account, "blanks around"), 401, "INVALID_CREDENTIALS")
    assert login(browser, account, " blanks around ").status_code == 200


def test_login_with_wrong_credentials_is_refused(browser: Api, mailbox: Mailbox) -> None:
    account, without = make_account(), make_account(password=None)
    stub(browser)
    wrong = [
        (account.email, "wrong"),
        (without.email, "x"),
        (EMAIL, PASSWORD),
        ("nobody@example.com", "x"),
        ("\x01", "x"),
    ]
    refusals = [login(browser, password=password, emailOrPhone=name) for name, password in wrong[:-1]]
    errors = [assert_refused(refusal, 401, "INVALID_CREDENTIALS") for refusal in refusals]
    assert all(error == errors[0] for error in errors)
    assert_refused(login(browser, password="x", emailOrPhone=wrong[-1][0]), 400, "VALIDATION_ERROR")
    assert someone_signed_in(browser) is None


@pytest.mark.parametrize(
    "body",
    [
        {"emailOrPhone": "", "password": PASSWORD},
        {"password": PASSWORD},
        {"emailOrPhone": EMAIL, "password": ""},
        {"emailOrPhone": EMAIL},
        {"emailOrPhone": 7, "password": PASSWORD},
    ],
)
def test_an_incomplete_login_is_refused(browser: Api, body: dict[str, Any]) -> None:
    assert_refused(browser.post("/auth/login", json=body), 400, "VALIDATION_ERROR")


def test_login_answers_the_account(browser: Api) -> None:
    account = make_account(phone=PHONE)
    wished = [make_product().id, make_product().id]
    for product in wished:
        accounts.add_wishlist_item(account.id, product)
    answer = login(browser, account)
    assert answer.json == {
        "id": account.id,
        "email": account.email,
        "phone": PHONE,
        "name": "Asha Rao",
        "avatar": None,
        "mfaEnabled": False,
        "role": "customer",
        "addresses": [],
        "paymentMethods": [],
        "orders": [],
        "wishlist": wished[::-1],
        "token": None,
        "tokenType": "Bearer",
        "expiresIn": None,
    }
    assert "password" not in answer.text.lower()
    assert "HttpOnly" in answer.headers["Set-Cookie"]
    me = browser.get("/auth/me").json
    assert me == {name: value for name, value in answer.json.items() if name not in {"token", "tokenType", "expiresIn"}}


def test_a_client_without_a_browser_gets_a_token(app: Flask, api: Api, now: Clock) -> None:
    account = make_account()
    answer = login(api, account).json
    assert (answer["tokenType"], answer["expiresIn"]) == ("Bearer", 3600)
    program = Api(app)
    program.headers = {"Authorization": f"Bearer {answer['token']}"}
    assert someone_signed_in(program) == account.id
    assert program.post("/auth/logout").status_code == 200
    assert_refused(program.get("/auth/me"), 401, "UNAUTHENTICATED")


def test_login_from_another_origin_gets_no_cookie_and_no_token(app: Flask, api: Api) -> None:
    account = make_account()
    api.headers = {"Origin": CLIENT, "Sec-Fetch-Site": "same-site"}
    answer = login(api, account)
    assert (answer.json["id"], answer.json["token"]) == (account.id, None)
    assert "Set-Cookie" not in answer.headers
    assert accounts.sessions_of(account.id, "") == []


def test_login_ends_the_previous_session(app: Flask, browser: Api) -> None:
    first, second = make_account(), make_account()
    login(browser, first)
    cookie = browser.pages.client.get_cookie("storefront").value
    login(browser, second)
    assert someone_signed_in(browser) == second.id
    assert accounts.sessions_of(first.id, "") == []
    with_old_cookie = new_browser(app)
    with_old_cookie.pages.client.set_cookie("storefront", cookie)
    assert_refused(with_old_cookie.get("/auth/me"), 401, "UNAUTHENTICATED")


def test_the_guest_cart_is_merged_into_the_account_at_login(browser: Api) -> None:
    mug, account = make_product(stock=9), make_account()
    with browser.pages.client.session_transaction() as session:
        session[web_session.CART] = make_cart((mug, 1))
    login(browser, account)
    assert [item["productId"] for item in browser.get(f"/cart/{account.id}").json["items"]] == [mug.id]


def test_logging_out_ends_the_session(browser: Api) -> None:
    account = make_account()
    assert_refused(browser.post("/auth/logout"), 401, "UNAUTHENTICATED")
    login(browser, account)
    done = browser.post("/auth/logout")
    assert (done.status_code, done.data) == (200, b"")
    assert someone_signed_in(browser) is None
    assert accounts.sessions_of(account.id, "") == []


# ------------------------------------------------------------------------------------------ the second factor


@pytest.fixture(params=["staff", "customer"])
def careful(request: pytest.FixtureRequest, mailbox: Mailbox) -> Account:
    """An account with a second factor."""
    return make_staff(Role.STOCK_STAFF) if request.param == "staff" else make_account(mfa=True)


def test_a_password_alone_is_not_enough_with_a_second_factor(browser: Api, careful: Account, mailbox: Mailbox) -> None:
    assert_refused(login(browser, careful, "wrong"), 401, "INVALID_CREDENTIALS")
    assert_refused(login(browser, careful), 401, "SECOND_FACTOR_REQUIRED")
    assert someone_signed_in(browser) is None
    assert len(mailbox.letters_to(str(careful.email))) == 1


def test_password_and_code_sign_in(browser: Api, careful: Account, mailbox: Mailbox, now: Clock) -> None:
    login(browser, careful)
    code = mailbox.code_for(str(careful.email))
    now.advance(minutes=2)  # as long as it takes to read an e-mail
    assert_refused(login(browser, careful, "wrong", otpCode=code), 401, "INVALID_CREDENTIALS")
    assert_refused(login(browser, careful, otpCode=f"{(int(code) + 1) % 10**6:06}"), 400, "OTP_INVALID")
    done = login(browser, careful, otpCode=code)
    assert (done.status_code, done.json["role"]) == (200, "staff" if careful.role.is_staff else "customer")
    if careful.role.is_staff:
        assert browser.put("/api/products/1/reduce-stock?quantity=1").status_code == 200


def test_a_code_for_an_account_without_second_factor_is_refused(browser: Api) -> None:
    assert_refused(login(browser, make_account(), otpCode="123456"), 400, "OTP_INVALID")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/users/{other}/profile", 403),
        ("GET", "/cart/{other}", 403),
        ("GET", "/api/orders/user/{other}", 403),
        ("PUT", "/api/products/1/reduce-stock?quantity=1", 403),
        ("GET", "/users/{own}/profile", 200),
    ],
)
def test_staff_without_a_second_factor_have_no_staff_rights(app: Flask, method: str, path: str, status: int) -> None:
    staff, other = make_staff(), make_account()
    db.session.rollback()
    api = Api(app)
    api.pages.sign_in(staff, second_factor=False)
    api.headers = dict(SAME_ORIGIN)
    assert api.send(method, path.format(own=staff.id, other=other.id)).status_code == status
    with_factor = Api(app).with_cookie(staff)
    assert with_factor.send(method, path.format(own=staff.id, other=other.id)).status_code == 200


# ------------------------------------------------------------------------------------------ other flows


def test_an_account_is_shown_to_its_owner_and_to_staff(app: Flask) -> None:
    account = make_account()
    expected = {"id": account.id, "email": account.email, "phone": None, "name": "Asha Rao", "mfaEnabled": False}
    path = f"/auth/user/{account.id}"
    assert Api(app).with_cookie(account).get(path).json == expected
    staff = Api(app).with_cookie(make_staff())
    assert staff.get(path).json == expected
    assert_refused(staff.get("/auth/user/999999"), 404, "USER_NOT_FOUND")
    assert_refused(Api(app).with_cookie(make_account()).get(path), 403, "FORBIDDEN")
    assert_refused(Api(app).get(path), 401, "UNAUTHENTICATED")


def test_a_password_reset_does_not_reveal_whether_the_account_exists(app: Flask, mailbox: Mailbox) -> None:
    account = make_account()
    for email in (account.email, "nobody@example.com", account.email):
        answer = new_browser(app).post("/auth/password/reset", json={"email": email})
        assert answer.json == {"message": "If the account exists, a mail is on its way"}
    assert len(mailbox.letters_to(str(account.email))) == 1
    assert mailbox.letters_to("nobody@example.com") == []


def test_the_reset_code_is_entered_on_the_shops_page_in_the_same_browser(browser: Api, mailbox: Mailbox) -> None:
    account = make_account()
    browser.post("/auth/password/reset", json={"email": account.email})
    page = browser.pages.get("/password/code")
    code = mailbox.code_for(str(account.email))
    browser.pages.submit(page, "form.sign-in__form", code=code, password="the new teapot")
    assert login(browser, account, "the new teapot").status_code == 200
