"""The last admin can neither be deleted nor lose the role, and changes of roles are in the audit log."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner

from storefront.accounts import service as accounts
from storefront.accounts.values import LastAdmin, Role, UnknownUser
from storefront.db.audit_log import AuditEntryView, AuditQuery
from storefront.db.session import read_session
from tests.conftest import ENGINES
from tests.factories.accounts import PASSWORD, make_account, make_staff
from tests.isolated_shop import at_once, own_shop
from tests.page_client import Pages

BOSS, OTHER = "boss@example.com", "other@example.com"


@pytest.fixture
def cli(app: Flask) -> FlaskCliRunner:
    return app.test_cli_runner()


def entries() -> list[AuditEntryView]:
    read_session().rollback()
    return list(accounts.audit_entries(AuditQuery(), 10))


def test_one_of_two_admins_may_lose_the_role(app: Flask) -> None:
    boss, other = make_staff(email=BOSS), make_staff(email=OTHER)
    accounts.set_role(BOSS, Role.ORDER_STAFF)
    assert accounts.get_account(boss.id).role is Role.ORDER_STAFF
    with pytest.raises(LastAdmin):
        accounts.delete_account(other.id, password=PASSWORD)


@pytest.mark.parametrize("role", [Role.CUSTOMER, Role.STOCK_STAFF, Role.ORDER_STAFF])
def test_the_last_admin_keeps_the_role(app: Flask, role: Role) -> None:
    boss = make_staff(email=BOSS)
    make_staff(Role.ORDER_STAFF, email=OTHER)
    reference = accounts.open_session(boss.id, second_factor=True)
    with pytest.raises(LastAdmin):
        accounts.set_role(BOSS, role)
    assert accounts.get_account(boss.id).role is Role.ADMIN
    assert accounts.find_session(reference) is not None
    assert entries() == []


def test_the_command_line_names_the_reason(cli: FlaskCliRunner) -> None:
    make_staff(email=BOSS)
    done = cli.invoke(args=["staff", "role", "--email", BOSS, "--role", "customer"])
    assert done.exit_code != 0
    assert f"{BOSS} is the last admin: make another account admin first" in done.output


def test_the_deletion_page_names_the_reason(pages: Pages) -> None:
    boss = make_staff(email=BOSS)
    pages.sign_in(boss)
    refused = pages.submit(pages.get("/account/deletion"), "form.account-form", status=422, password=PASSWORD)
    assert "You are the only admin of the shop" in refused.words
    assert accounts.get_account(boss.id) == boss


def test_a_customer_may_be_deleted_in_a_shop_without_admins(app: Flask) -> None:
    clerk = make_staff(Role.STOCK_STAFF, email=OTHER)
    accounts.set_role(OTHER, Role.CUSTOMER)
    accounts.delete_account(clerk.id, password=PASSWORD)
    with pytest.raises(UnknownUser):
        accounts.get_account(clerk.id)


def test_staff_commands_are_in_the_audit_log(cli: FlaskCliRunner) -> None:
    make_account(email=OTHER)
    cli.invoke(args=["staff", "create", "--email", BOSS, "--role", "admin", "--name", "Boss", "--generate"])
    for _ in range(2):  # the second changes nothing
        cli.invoke(args=["staff", "role", "--email", OTHER, "--role", "stock"])
    assert [(entry.actor, entry.what, entry.subject, entry.detail) for entry in entries()] == [
        ("command line", "role", OTHER, "from customer to stock"),
        ("command line", "account opened", BOSS, "as admin"),
    ]


def test_the_deletion_of_staff_accounts_is_in_the_audit_log_but_not_of_customers(app: Flask) -> None:
    for person in (make_staff(Role.STOCK_STAFF, email=OTHER), make_account()):
        accounts.delete_account(person.id, password=PASSWORD)
    assert [(entry.actor, entry.what, entry.subject, entry.detail) for entry in entries()] == [
        (OTHER, "account deleted", OTHER, "was stock")
    ]


@pytest.mark.parametrize("engine", ENGINES)
def test_of_two_admins_who_leave_concurrently_one_remains(engine: str, tmp_path: Path) -> None:
    with own_shop(engine, tmp_path) as shop:
        with shop.app_context():
            boss, other = make_staff(email=BOSS), make_staff(email=OTHER)
        refused = at_once(shop, [dropping_the_role(email) for email in (BOSS, OTHER)])
        with shop.app_context():
            admins = [one for one in (boss, other) if accounts.get_account(one.id).role is Role.ADMIN]
    assert len(admins) == 1
    assert set(refused) == {False, True}


def dropping_the_role(email: str) -> Callable[[], bool]:
    def drop() -> bool:
        try:
            accounts.set_role(email, Role.CUSTOMER)
        except LastAdmin:
            return True
        return False

    return drop
