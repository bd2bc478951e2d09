"""Staff accounts, the commands that manage them, and pages that require a role."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner

from storefront.accounts import service as accounts
from storefront.accounts.values import Permission, Role, SecondFactorNeeded
from storefront.web.session import staff_required
from tests.accounts.sign_ups import EMAIL, PASSWORD
from tests.factories.accounts import make_account, make_staff
from tests.factories.api_keys import make_api_key
from tests.mailbox import Mailbox
from tests.page_client import Pages


@pytest.fixture
def cli(app: Flask) -> FlaskCliRunner:
    return app.test_cli_runner()


def test_staff_are_created_with_a_password_from_a_prompt(cli: FlaskCliRunner, mailbox: Mailbox) -> None:
    arguments = ["staff", "create", "--email", EMAIL.upper(), "--role", "stock", "--name", "Asha Rao"]
    done = cli.invoke(args=arguments, input=f"{PASSWORD}\n{PASSWORD}\n")
    assert done.exit_code == 0, done.output
    assert PASSWORD not in done.output
    assert isinstance(accounts.sign_in(EMAIL, PASSWORD), SecondFactorNeeded)
    assert [(one.email, one.role) for one in accounts.staff_members()] == [(EMAIL, Role.STOCK_STAFF)]


def test_a_password_can_be_generated_and_is_printed_once(cli: FlaskCliRunner, mailbox: Mailbox) -> None:
    arguments = ["staff", "create", "--email", EMAIL, "--role", "admin", "--name", "Asha Rao", "--generate"]
    done = cli.invoke(args=arguments)
    password = done.output.split()[-1]
    assert isinstance(accounts.sign_in(EMAIL, password), SecondFactorNeeded)


@pytest.mark.parametrize(
    "arguments",
    [
        ["create", "--email", "asha", "--role", "stock", "--name", "Asha", "--generate"],
        ["create", "--email", EMAIL, "--role", "customer", "--name", "Asha", "--generate"],
        ["create", "--email", EMAIL, "--role", "stock", "--name", "Asha", "--generate"],  # has an account
        ["role", "--email", "nobody@example.com", "--role", "stock"],
        ["role", "--email", "unverified@example.com", "--role", "stock"],
    ],
)
def test_invalid_commands_are_refused(cli: FlaskCliRunner, arguments: list[str]) -> None:
    make_account(email=EMAIL)
    make_account(email="unverified@example.com", verified=False)
    assert cli.invoke(args=["staff", *arguments]).exit_code != 0
    assert accounts.staff_members() == []


def test_a_change_of_role_ends_every_session(cli: FlaskCliRunner) -> None:
    account = make_account(email=EMAIL)
    for role in ("orders", "customer"):
        reference = accounts.open_session(account.id)
        done = cli.invoke(args=["staff", "role", "--email", EMAIL, "--role", role])
        assert done.exit_code == 0, done.output
        assert accounts.find_session(reference) is None
        assert accounts.get_account(account.id).role == role


def test_whoever_stops_being_an_admin_leaves_keys_that_are_named(cli: FlaskCliRunner) -> None:
    make_staff()
    leaver = make_staff(email=EMAIL)
    make_api_key(name="warehouse", maker=leaver)
    _, revoked = make_api_key(name="old", maker=leaver)
    accounts.revoke_api_key(revoked.id, actor="x")
    still_admin = cli.invoke(args=["staff", "role", "--email", EMAIL, "--role", "admin"])
    assert "API keys" not in still_admin.output
    done = cli.invoke(args=["staff", "role", "--email", EMAIL, "--role", "customer"])
    assert "API keys that they made go on working: warehouse." in done.output


def test_staff_are_listed(cli: FlaskCliRunner) -> None:
    make_staff(Role.ORDER_STAFF, email=EMAIL)
    assert f"orders   {EMAIL}" in cli.invoke(args=["staff", "list"]).output


# ------------------------------------------------------------------------------------ pages that require a role


def status_of_page(pages: Pages) -> tuple[int, str]:
    """Status and redirect of a page that requires the stock role."""
    with pages.app.app_context():
        response = pages.client.get("/cart")
    return response.status_code, response.headers.get("Location", "")


@pytest.fixture
def staff_page(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> Pages:
    view = staff_required(Permission.PRODUCTS)(lambda: "staff only")
    monkeypatch.setitem(pages.app.view_functions, "cart.show", view)
    return pages


def test_a_staff_page_is_for_its_role_and_admins(staff_page: Pages) -> None:
    for role, status in ((Role.STOCK_STAFF, 200), (Role.ADMIN, 200), (Role.ORDER_STAFF, 403)):
        staff_page.sign_in(make_staff(role))
        assert status_of_page(staff_page)[0] == status
    staff_page.sign_in(make_account())
    assert status_of_page(staff_page)[0] == 403


def test_guests_are_asked_to_sign_in(staff_page: Pages) -> None:
    assert status_of_page(staff_page) == (303, "/login?next=/cart")


def test_staff_without_a_second_factor_are_asked_to_sign_in_anew(staff_page: Pages) -> None:
    staff_page.sign_in(make_staff(Role.ADMIN), second_factor=False)
    assert status_of_page(staff_page) == (303, "/login?next=/cart")
    assert staff_page.get("/login?next=/cart").url == "/login?next=/cart"  # and is not redirected away from it
