"""C14: what cannot be seen is no name, in any form and by API."""

from __future__ import annotations

import pytest
from flask import Flask
from wtforms import Form, StringField

from storefront.accounts import service as accounts
from storefront.web.form_fields import required, squeeze
from tests.api.client import Api
from tests.api.order_payloads import ADDRESS
from tests.factories.accounts import make_account
from tests.mailbox import Mailbox
from tests.page_client import Pages

ZERO_WIDTH = "\u200b"


@pytest.mark.parametrize("filters", [[squeeze], []])
def test_a_required_field_needs_something_that_can_be_seen(filters: list[object]) -> None:
    class NameForm(Form):
        name = StringField("Name", required("Enter your name", 80), filters=filters)

    for typed in (ZERO_WIDTH, "\u2800 \u3164", "  "):
        form = NameForm(data={"name": typed})
        assert not form.validate()
        assert form.name.errors == ["Enter your name"]
    assert NameForm(data={"name": "क्\u200dष"}).validate()


def test_the_form_says_so_beside_the_field(app: Flask, pages: Pages) -> None:
    form = pages.get("/register")
    sent = {"name": ZERO_WIDTH, "identifier": "asha@example.com", "password": "teapot on the lawn"}
    answer = pages.submit(form, "form.sign-in__form", status=422, **sent)
    assert "Enter your name" in answer.words
    account = make_account(name="Asha Rao")
    pages.sign_in(account)
    pages.submit(pages.get("/account/profile"), "form[action='/account/profile']", status=422, name=ZERO_WIDTH * 3)
    assert accounts.get_account(account.id).name == "Asha Rao"


def test_the_api_takes_it_for_blank(app: Flask, mailbox: Mailbox) -> None:
    """Where a blank is null, and refuses it where something is required."""
    account = make_account(name="Asha Rao")
    api = Api(app).with_cookie(account)
    assert api.put(f"/users/{account.id}/profile", json={"fullName": ZERO_WIDTH}).json["fullName"] is None
    refused = api.post(f"/users/{account.id}/addresses", json={**ADDRESS, "city": ZERO_WIDTH})
    assert (refused.status_code, refused.json["error"]["details"][0]["field"]) == (400, "city")


def test_no_name_is_stored_by_any_way_in(app: Flask) -> None:
    account = make_account()
    accounts.change_profile(account.id, {"name": ZERO_WIDTH})
    assert accounts.get_account(account.id).name is None
