"""B5: what staff read of customers is in the audit log, by pages and by API."""

from __future__ import annotations

from flask import Flask

from storefront.accounts import service as accounts
from storefront.accounts.staff import READ
from storefront.accounts.values import ROLES_WITH, Permission, Role
from storefront.api.guards import of_user
from storefront.api.operations import OPERATIONS
from storefront.db.audit_log import AuditQuery
from storefront.web.route_options import options_of
from tests import access_matrix
from tests.factories.accounts import make_account, make_staff
from tests.fakes import Clock
from tests.page_client import Pages
from tests.routes import ROUTES
from tests.world import make_world

# Reads of an order by its number; who may is decided with the order at hand.
OF_AN_ORDER = {"api.getOrder", "api.trackOrder"}


def reads() -> list[tuple[str, str, str]]:
    """Actor, subject and detail of each read in the audit log, the last first."""
    entries = accounts.audit_entries(AuditQuery(), 500)
    return [(entry.actor, entry.subject, entry.detail) for entry in entries if entry.what == READ]


def shows_customers(app: Flask, endpoint: str) -> bool:
    """Whether a GET shows staff the data of a customer."""
    if endpoint.startswith("api."):
        operations = {f"api.{one.id}": one for one in OPERATIONS}
        return endpoint in OF_AN_ORDER or (endpoint in operations and operations[endpoint].access is of_user)
    return options_of(app, endpoint).staff_roles == ROLES_WITH[Permission.CUSTOMERS]


def test_every_route_that_shows_customers_to_staff_notes_who_read(app: Flask) -> None:
    """B5: walks the URL map, so that a route added tomorrow is noted, too."""
    owner = make_account()
    world = make_world(app, owner)
    reader = world["accounts"][str(Role.ORDER_STAFF)].email
    walked = 0
    for (endpoint, method), route in ROUTES.items():
        if method == "GET" and shows_customers(app, endpoint):
            with access_matrix.rolled_back(app):
                answer = access_matrix.request_as(app, method, route, world, str(Role.ORDER_STAFF))
                if answer.status_code == 200:
                    walked += 1
                    (actor, subject, detail) = reads()[0]
                    assert actor == reader, endpoint
                    assert subject in {owner.email, world["order"], route.path.format(**world).partition("?")[0]}
                    assert detail.startswith("GET /")
    assert walked > 15


def test_reading_again_is_noted_once_an_hour(app: Flask, pages: Pages, now: Clock) -> None:
    owner, clerk = make_account(), make_staff(Role.ORDER_STAFF)
    pages.sign_in(clerk)
    for _ in range(3):
        pages.get(f"/staff/customers/{owner.id}")
    assert [(actor, subject) for actor, subject, _ in reads()] == [(clerk.email, owner.email)]
    now.advance(hours=1, seconds=1)
    pages.get(f"/staff/customers/{owner.id}")
    assert len(reads()) == 2


def test_pages_without_customers_and_refusals_are_not_noted(app: Flask, pages: Pages) -> None:
    pages.sign_in(make_staff(Role.STOCK_STAFF))
    pages.get("/staff/stock")
    pages.get("/staff/orders", status=403)
    pages.sign_in(make_staff(Role.ORDER_STAFF))
    pages.get("/staff/customers/2147483647", status=404)
    assert reads() == []


def test_every_role_of_staff_has_a_permission_and_every_permission_a_role() -> None:
    assert ROLES_WITH.keys() == set(Permission)
    assert all(Role.ADMIN in roles and Role.CUSTOMER not in roles for roles in ROLES_WITH.values())
    assert set().union(*ROLES_WITH.values()) == {role for role in Role if role.is_staff}
