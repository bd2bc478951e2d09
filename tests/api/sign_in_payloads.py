"""Requests of sign-up and sign-in."""

from __future__ import annotations

from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from storefront.accounts.values import Account
from tests.accounts.sign_ups import EMAIL, PASSWORD
from tests.api.client import Api
from tests.mailbox import Mailbox
from tests.page_client import SAME_ORIGIN

CLIENT = "http://localhost:4200"


def new_browser(app: Flask) -> Api:
    api = Api(app)
    api.headers = dict(SAME_ORIGIN)
    return api


def stub(api: Api, email: str = EMAIL, phone: str = "") -> int:
    answer = api.post("/auth/register/stub", json={"email": email, "phone": phone})
    assert answer.status_code == 200, answer.text
    return int(answer.json["id"])


def sign_up_to_code(api: Api, mailbox: Mailbox, email: str = EMAIL) -> tuple[int, str]:
    """Start a sign-up and request its code.

    :return: id of the sign-up, and the code that was sent
    """
    user = stub(api, email)
    assert api.post("/auth/mfa/send", json={"userId": user, "email": email}).status_code == 200
    return user, mailbox.code_for(email)


def verify(api: Api, user: int, code: str, email: str = EMAIL) -> TestResponse:
    return api.post("/auth/mfa/verify", json={"userId": user, "email": email, "otpCode": code})


def set_password(api: Api, user: int, password: str = PASSWORD) -> TestResponse:
    return api.post("/auth/set-password", json={"userId": user, "password": password})


def login(api: Api, account: Account | None = None, password: str = PASSWORD, **body: Any) -> TestResponse:
    identifier = {"emailOrPhone": account.email} if account is not None else {}
    return api.post("/auth/login", json={**identifier, "password": password, **body})


def someone_signed_in(api: Api) -> int | None:
    answer = api.get("/auth/me")
    return int(answer.json["id"]) if answer.status_code == 200 else None
