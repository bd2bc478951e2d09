"""Sign-up in steps, as the legacy client does it: contract section 2.3 Auth, cases 1 to 8."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from storefront.accounts import service as accounts
from storefront.accounts.values import UserId
from tests.accounts.sign_ups import EMAIL, PASSWORD, PHONE
from tests.api.client import Api, assert_refused
from tests.api.sign_in_payloads import (
    login,
    new_browser,
    set_password,
    sign_up_to_code,
    someone_signed_in,
    stub,
    verify,
)
from tests.factories.accounts import make_account
from tests.fakes import Clock
from tests.mailbox import Mailbox


def test_two_sign_ups_without_phone(browser: Api) -> None:
    first = browser.post("/auth/register/stub", json={"email": EMAIL, "phone": ""})
    second = browser.post("/auth/register/stub", json={"email": "ravi@example.com", "phone": ""})
    assert first.json == {
        "id": first.json["id"],
        "email": EMAIL,
        "phone": None,
        "name": None,
        "mfaEnabled": False,
        "status": "pending_verification",
    }
    assert (second.json["phone"], second.json["id"] != first.json["id"]) == (None, True)


def test_a_repeated_sign_up_is_the_same_one(app: Flask, browser: Api) -> None:
    first = stub(browser)
    assert stub(browser) == first
    assert stub(new_browser(app), f"  {EMAIL.upper()} ", PHONE) == first


def test_an_existing_account_cannot_sign_up_again(browser: Api) -> None:
    make_account(email=EMAIL)
    for path, body in (("/auth/register/stub", {"email": EMAIL}), ("/auth/register", {"email": EMAIL.upper()})):
        refused = browser.post(path, json={**body, "phone": "", "password": PASSWORD})
        assert_refused(refused, 409, "DUPLICATE_EMAIL")
    make_account(email=None, phone=PHONE)
    refused = browser.post("/auth/register", json={"phone": "98765 43210", "password": PASSWORD})
    assert_refused(refused, 409, "DUPLICATE_PHONE")


@pytest.mark.parametrize("path", ["/auth/register/stub", "/auth/register", "/auth/password/reset"])
@pytest.mark.parametrize(
    "body", [{}, {"email": None, "phone": None}, {"email": " ", "phone": ""}, {"email": "rubbish"}]
)
def test_a_sign_up_without_an_identifier_is_refused(browser: Api, path: str, body: dict[str, Any]) -> None:
    error = assert_refused(browser.post(path, json={"password": PASSWORD} | body), 400, "VALIDATION_ERROR")
    assert [detail["field"] for detail in error["details"]] == ["email"]


def test_a_sign_up_by_phone_gets_its_code_by_text_message(browser: Api, mailbox: Mailbox) -> None:
    begun = browser.post("/auth/register/stub", json={"email": "", "phone": PHONE})
    user = begun.json["id"]
    assert (begun.status_code, begun.json["email"], begun.json["phone"]) == (200, None, PHONE)
    assert browser.post("/auth/register/stub", json={"phone": PHONE}).json["id"] == user
    assert browser.post("/auth/mfa/send", json={"userId": user}).status_code == 200
    code = mailbox.code_for(PHONE)
    assert browser.post("/auth/verify-otp", json={"phone": PHONE, "otp": code}).status_code == 200
    assert set_password(browser, user).status_code == 200
    account = accounts.get_account(UserId(user))
    assert (account.email, account.phone, account.has_verified_phone) == (None, PHONE, True)
    assert login(browser, identifier=PHONE).json["id"] == user


def test_a_phone_number_of_an_account_cannot_sign_up(browser: Api, mailbox: Mailbox) -> None:
    make_account(phone=PHONE)
    assert_refused(browser.post("/auth/register/stub", json={"phone": PHONE}), 409, "DUPLICATE_PHONE")


def test_a_phone_number_taken_meanwhile_is_refused(browser: Api, mailbox: Mailbox) -> None:
    user = browser.post("/auth/register/stub", json={"phone": PHONE}).json["id"]
    browser.post("/auth/mfa/send", json={"userId": user})
    browser.post("/auth/verify-otp", json={"userId": user, "otp": mailbox.code_for(PHONE)})
    make_account(phone=PHONE)
    assert_refused(set_password(browser, user), 409, "DUPLICATE_PHONE")


def test_a_sign_up_by_phone_needs_text_messages(app: Flask, browser: Api, mailbox: Mailbox) -> None:
    app.extensions["sms"] = None
    answer = browser.post("/auth/register/stub", json={"phone": PHONE})
    assert "text messages" in assert_refused(answer, 400, "VALIDATION_ERROR")["message"]


def test_sending_a_code_needs_the_email_address_of_the_sign_up(browser: Api) -> None:
    assert_refused(browser.post("/auth/mfa/send", json={"userId": stub(browser)}), 400, "VALIDATION_ERROR")


def test_a_code_is_sent_to_the_sign_ups_own_address_only(browser: Api, mailbox: Mailbox) -> None:
    user, other = stub(browser), make_account()
    for sent in (
        (user, "mallory@example.com"),
        (user, None),
        (other.id, EMAIL),
        (other.id, other.email),
        (10**9, EMAIL),
    ):
        refused = browser.post("/auth/mfa/send", json={"userId": sent[0], "email": sent[1]})
        assert_refused(refused, 400, "VALIDATION_ERROR")
    mailbox.deliver()
    assert mailbox.post.letters == []


def test_a_code_requested_again_is_the_one_already_sent(browser: Api, mailbox: Mailbox) -> None:
    user, code = sign_up_to_code(browser, mailbox)
    again = browser.post("/auth/mfa/send", json={"userId": user, "email": EMAIL})
    assert again.json == {"sent": True, "expiresInSeconds": 300}
    assert len(mailbox.letters_to(EMAIL)) == 1
    assert verify(browser, user, code).json == {"verified": True, "userId": user, "signupToken": None}


def test_wrong_correct_and_repeated_codes(browser: Api, mailbox: Mailbox) -> None:
    user, code = sign_up_to_code(browser, mailbox)
    wrong = f"{(int(code) + 1) % 10**6:06}"
    assert_refused(verify(browser, user, wrong), 400, "OTP_INVALID")
    assert verify(browser, user, f" {code} ").status_code == 200
    assert verify(browser, user, code).status_code == 200
    assert_refused(verify(browser, user, wrong), 400, "OTP_INVALID")
    assert set_password(browser, user).status_code == 200
    assert_refused(verify(browser, user, code), 400, "OTP_INVALID")


def test_only_the_browser_that_entered_a_code_can_repeat_it(app: Flask, browser: Api, mailbox: Mailbox) -> None:
    user, code = sign_up_to_code(browser, mailbox)
    assert verify(browser, user, code).status_code == 200
    assert_refused(verify(new_browser(app), user, code), 400, "OTP_INVALID")


def test_after_five_guesses_the_correct_code_is_refused(browser: Api, mailbox: Mailbox) -> None:
    user, code = sign_up_to_code(browser, mailbox)
    for _ in range(5):
        assert_refused(verify(browser, user, f"{(int(code) + 1) % 10**6:06}"), 400, "OTP_INVALID")
    assert_refused(verify(browser, user, code), 400, "OTP_INVALID")


def test_a_code_is_valid_for_five_minutes(browser: Api, mailbox: Mailbox, now: Clock) -> None:
    user, code = sign_up_to_code(browser, mailbox)
    now.advance(minutes=5, seconds=1)
    assert_refused(verify(browser, user, code), 400, "OTP_EXPIRED")


@pytest.mark.parametrize("named", ["userId", "email", "phone"])
@pytest.mark.parametrize("path", ["/auth/verify-otp", "/auth/mfa/verify"])
def test_one_identifier_of_the_sign_up_is_enough(browser: Api, mailbox: Mailbox, named: str, path: str) -> None:
    user = stub(browser, EMAIL, PHONE)
    browser.post("/auth/mfa/send", json={"userId": user, "email": EMAIL})
    body = {named: {"userId": user, "email": EMAIL, "phone": "98765 43210"}[named], "otp": mailbox.code_for(EMAIL)}
    assert browser.post(path, json=body).json["userId"] == user


def test_a_verification_without_identifier_or_code_is_refused(browser: Api, mailbox: Mailbox) -> None:
    user, code = sign_up_to_code(browser, mailbox)
    assert_refused(browser.post("/auth/verify-otp", json={"otp": code}), 400, "VALIDATION_ERROR")
    for nothing in ({}, {"otp": ""}, {"otpCode": " ", "otp": ""}):
        assert_refused(browser.post("/auth/verify-otp", json={"userId": user} | nothing), 400, "VALIDATION_ERROR")


def test_a_verified_sign_up_sets_its_password(browser: Api, mailbox: Mailbox) -> None:
    user, code = sign_up_to_code(browser, mailbox)
    assert_refused(set_password(browser, user), 403, "PASSWORD_PROOF_REQUIRED")
    verify(browser, user, code)
    assert_refused(set_password(browser, user, "seven77"), 400, "VALIDATION_ERROR")
    assert_refused(set_password(browser, user, "x" * 129), 400, "VALIDATION_ERROR")
    done = set_password(browser, user, "eight888")
    assert (done.status_code, done.json) == (200, {"id": user, "message": "Password set"})
    assert someone_signed_in(browser) == user
    assert accounts.get_account(UserId(user)).has_verified_email


def test_only_the_verified_browser_sets_the_password_and_only_once(app: Flask, browser: Api, mailbox: Mailbox) -> None:
    user, code = sign_up_to_code(browser, mailbox)
    other, settled = stub(browser, "ravi@example.com"), make_account()
    verify(browser, user, code)
    for chosen in (other, settled.id):
        assert_refused(set_password(browser, chosen), 403, "PASSWORD_PROOF_REQUIRED")
    assert_refused(set_password(new_browser(app), user), 403, "PASSWORD_PROOF_REQUIRED")
    assert set_password(browser, user).status_code == 200
    assert_refused(set_password(browser, user, "another password"), 403, "PASSWORD_PROOF_REQUIRED")
    assert login(new_browser(app), emailOrPhone=EMAIL).status_code == 200


def test_the_verification_is_valid_for_ten_minutes(browser: Api, mailbox: Mailbox, now: Clock) -> None:
    user, code = sign_up_to_code(browser, mailbox)
    verify(browser, user, code)
    now.advance(minutes=10, seconds=1)
    assert_refused(set_password(browser, user), 403, "PASSWORD_PROOF_REQUIRED")


def test_a_reload_after_a_refused_password_restarts_the_sign_up(browser: Api, mailbox: Mailbox) -> None:
    """The client's form cannot continue: contract section 5.3, no. 9."""
    user, code = sign_up_to_code(browser, mailbox)
    verify(browser, user, code)
    assert set_password(browser, user, "short").status_code == 400
    assert stub(browser) == user
    assert browser.post("/auth/mfa/send", json={"userId": user, "email": EMAIL}).status_code == 200
    assert verify(browser, user, code).status_code == 200
    assert set_password(browser, user).status_code == 200


def test_a_client_without_a_browser_uses_the_sign_up_token(app: Flask, api: Api, mailbox: Mailbox, now: Clock) -> None:
    user, code = sign_up_to_code(api, mailbox)
    token = verify(api, user, code).json["signupToken"]
    program = Api(app)
    program.headers = {"Authorization": f"Bearer {token}"}
    assert_refused(program.get("/auth/me"), 401, "UNAUTHENTICATED")
    assert_refused(set_password(program, user + 1), 403, "PASSWORD_PROOF_REQUIRED")
    assert set_password(program, user).status_code == 200
    assert_refused(set_password(program, user), 403, "PASSWORD_PROOF_REQUIRED")
    now.advance(minutes=11)
    assert_refused(set_password(program, user), 401, "UNAUTHENTICATED")


def test_a_sign_in_token_cannot_set_a_password(customer: Api, mailbox: Mailbox) -> None:
    user = accounts.start_sign_up(EMAIL).id
    assert_refused(set_password(customer, user), 403, "PASSWORD_PROOF_REQUIRED")


def test_a_signed_in_customer_verifies_their_own_address(app: Flask, mailbox: Mailbox) -> None:
    account = make_account(email=EMAIL, verified=False)
    browser = Api(app).with_cookie(account)
    assert browser.post("/auth/mfa/send", json={"userId": account.id, "email": EMAIL}).status_code == 200
    done = verify(browser, account.id, mailbox.code_for(EMAIL))
    assert done.json == {"verified": True, "userId": account.id, "signupToken": None}
    assert accounts.get_account(account.id).has_verified_email
    assert_refused(set_password(browser, account.id, "another password"), 403, "PASSWORD_PROOF_REQUIRED")
