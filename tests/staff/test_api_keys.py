"""API keys as admins make and revoke them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask

from storefront.accounts import service as accounts
from storefront.accounts.service import InvalidApiKey, Scope
from storefront.accounts.values import Account, Role
from storefront.core.clock import from_shop_time, in_shop_time
from tests.factories.accounts import make_staff
from tests.factories.api_keys import make_api_key
from tests.fakes import Clock
from tests.page_client import Page, Pages

URL = "/staff/api-keys"


@pytest.fixture
def admin(pages: Pages) -> Account:
    """An admin, signed in."""
    account = make_staff(Role.ADMIN)
    pages.sign_in(account)
    return account


def make(pages: Pages, status: int = 200, **fields: str) -> Page:
    values = {"name": "warehouse", "scopes": Scope.READ_STOCK.value, **fields}
    return pages.submit(pages.get(URL), "#key-form", status=status, **values)


def test_a_key_is_shown_once(pages: Pages, admin: Account) -> None:
    page = make(pages)
    secret = page.one("#secret").get_text()
    key, _ = accounts.find_api_key(secret)
    assert (key.name, key.scopes, key.requests_per_minute) == ("warehouse", {Scope.READ_STOCK}, 600)
    assert page.response.headers["Cache-Control"] == "no-store"
    listed = pages.get(URL)
    assert "warehouse" in listed.words
    assert admin.email in listed.words
    assert secret not in str(listed.one("main"))
    assert listed.one(f"#key-{key.id} [data-label='Last used']").get_text() == "never"


def test_a_form_that_is_sent_again_makes_no_second_key(pages: Pages, admin: Account) -> None:
    make(pages)
    page = make(pages, status=422)
    assert "A key has this name" in page.one("#name-problem").get_text()
    assert len(accounts.list_api_keys()) == 1


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("name", " ", "Enter a name"),
        ("name", "x" * 41, "Use at most 40 characters"),
        ("scopes", "everything", "is not a valid choice"),
        ("requests_per_minute", "0", "from 1 to 60"),
        ("requests_per_minute", "many", "whole number"),
        ("expires_at", "tomorrow", "Enter a date and time"),
        ("expires_at", "2001-01-01T10:00", "This time has passed"),
    ],
)
def test_bad_input_is_explained_beside_its_field(
    pages: Pages, admin: Account, field: str, typed: str, said: str
) -> None:
    page = make(pages, status=422, **{field: typed})
    assert said in page.one(f"#{field}-problem").get_text()
    if field != "name":
        assert page.one("#name")["value"] == "warehouse"
    assert accounts.list_api_keys() == []


def test_a_key_without_scopes_is_refused(pages: Pages, admin: Account) -> None:
    page = pages.submit(pages.get(URL), "#key-form", status=422, name="warehouse")
    assert "Choose at least one" in page.one("#scopes-problem").get_text()


def test_a_key_expires_in_the_shops_time_zone(pages: Pages, admin: Account, now: Clock) -> None:
    tomorrow = in_shop_time(now.read() + timedelta(days=1)).replace(tzinfo=None, second=0, microsecond=0)
    make(pages, expires_at=f"{tomorrow:%Y-%m-%dT%H:%M}")
    (record,) = accounts.list_api_keys()
    assert record.key.expires_at == from_shop_time(tomorrow)


@pytest.mark.parametrize("htmx", [False, True])
def test_a_key_is_revoked(pages: Pages, admin: Account, htmx: bool) -> None:
    secret, key = make_api_key(name="warehouse")
    pages.submit(pages.get(URL), f"#revoke-{key.id}", htmx=htmx, status=204 if htmx else 200)
    with pytest.raises(InvalidApiKey):
        accounts.find_api_key(secret)
    page = pages.get(URL)
    assert "No active keys" in page.words
    assert "Revoked" in page.one("[aria-labelledby=ended-keys]").get_text()
    assert "API key revoked" in pages.get("/staff/audit-log").words


def test_a_key_of_somebody_who_is_no_admin_any_more_is_marked(pages: Pages, admin: Account) -> None:
    leaver = make_staff(Role.ADMIN)
    _, mine = make_api_key(maker=admin)
    _, theirs = make_api_key(maker=leaver)
    accounts.set_role(leaver.email or "", Role.CUSTOMER)
    page = pages.get(URL)
    assert "No longer an admin" in page.one(f"#key-{theirs.id}").get_text()
    assert "No longer an admin" not in page.one(f"#key-{mine.id}").get_text()


@pytest.mark.parametrize("role", [Role.STOCK_STAFF, Role.ORDER_STAFF, Role.CUSTOMER])
def test_other_roles_have_no_part_in_it(app: Flask, pages: Pages, role: Role) -> None:
    pages.sign_in(make_staff(role))
    pages.get(URL, status=403)
