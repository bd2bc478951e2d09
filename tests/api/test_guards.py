"""Access to every operation of the API: contract case 49."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from storefront.accounts import service as accounts
from storefront.accounts.values import Role
from storefront.api.auth import sign_up_verified
from storefront.api.guards import CHANGED_BY_API, of_user, public, signed_in, stock_staff
from storefront.api.operations import OPERATIONS, Operation
from storefront.db.audit_log import AuditQuery
from tests.api.client import Api, assert_refused
from tests.api.order_payloads import order_body
from tests.api.order_payloads import signed_in as sign_in
from tests.factories.accounts import make_account, make_staff
from tests.factories.catalog import make_product


def of(*guards: object) -> list[Operation]:
    return [declared for declared in OPERATIONS if declared.access in guards]


def named(operations: list[Operation]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("declared", operations, ids=lambda declared: declared.id)


def path_of(declared: Operation, **ids: object) -> str:
    """The path of an operation.

    :param ids: values of its parameters, 1 by default
    """
    return re.sub(r"{(\w+)}", lambda name: str(ids.get(name[1], 1)), declared.path)


def call(api: Api, declared: Operation, **ids: object) -> int:
    """Call an operation without a valid body, as access is checked first.

    :return: status
    """
    answer = api.send(declared.method, path_of(declared, **ids))
    answer.close()
    return answer.status_code


def test_every_operation_has_a_known_guard() -> None:
    assert {declared.access for declared in OPERATIONS} == {public, signed_in, of_user, stock_staff, sign_up_verified}


@named(of(signed_in, of_user, stock_staff))
def test_anonymous_callers_get_401(api: Api, declared: Operation) -> None:
    refused = api.send(declared.method, path_of(declared))
    assert_refused(refused, 401, "UNAUTHENTICATED")
    assert refused.headers["WWW-Authenticate"] == "Bearer"


@named(of(public))
def test_public_operations_need_no_authentication(api: Api, declared: Operation) -> None:
    assert call(api, declared) not in {401, 403}


@named(of(of_user))
def test_another_account_gets_403(app: Flask, declared: Operation) -> None:
    owner = make_account()
    refused = Api(app).with_cookie(make_account()).send(declared.method, path_of(declared, userId=owner.id))
    assert_refused(refused, 403, "FORBIDDEN")


@named(of(of_user))
@pytest.mark.parametrize("who", ["owner", Role.STOCK_STAFF, Role.ORDER_STAFF, Role.ADMIN])
def test_the_owner_and_staff_of_customers_have_access(app: Flask, declared: Operation, who: str) -> None:
    """B5: stock staff are strangers to customers' data, as on the pages."""
    owner = make_account()
    caller = owner if who == "owner" else make_staff(Role(who))
    status = call(Api(app).with_cookie(caller), declared, userId=owner.id)
    assert status == 403 if who == Role.STOCK_STAFF else status not in {401, 403}


def api_changes() -> list[tuple[str, str, str]]:
    """The audit log's entries of changes by API: actor, subject, detail."""
    entries = accounts.audit_entries(AuditQuery(), 50)
    return [(entry.actor, entry.subject, entry.detail) for entry in entries if entry.what == CHANGED_BY_API]


def test_changes_by_staff_are_in_the_audit_log(app: Flask) -> None:
    clerk, owner = make_staff(Role.ORDER_STAFF), make_account()
    url = f"/users/{owner.id}/profile"
    for caller, whose in ((clerk, owner), (owner, owner)):
        api = Api(app).with_cookie(caller)
        assert api.get(f"/users/{whose.id}/profile").status_code == 200
        assert api.put(f"/users/{whose.id}/profile", json={"name": "Asha"}).status_code == 200
    assert api_changes() == [(clerk.email, owner.email, f"PUT {url}")]


def test_a_staff_account_can_be_changed_by_its_owner_and_admins_only(app: Flask) -> None:
    url = f"/users/{make_staff(Role.STOCK_STAFF).id}/profile"
    refused = Api(app).with_cookie(make_staff(Role.ORDER_STAFF)).put(url, json={"phone": "+919876543210"})
    assert_refused(refused, 403, "FORBIDDEN")
    assert api_changes() == []
    assert Api(app).with_cookie(make_staff(Role.ADMIN)).put(url, json={"name": "Asha"}).status_code == 200


def test_a_change_of_an_unknown_account_is_not_logged(app: Flask) -> None:
    refused = Api(app).with_cookie(make_staff()).put("/users/2147483647/profile", json={"name": "Asha"})
    assert_refused(refused, 404, "USER_NOT_FOUND")
    assert api_changes() == []


@named(of(stock_staff))
def test_only_stock_staff_may_change_stock(app: Flask, declared: Operation) -> None:
    for caller in (make_account(), make_staff(Role.ORDER_STAFF)):
        assert call(Api(app).with_cookie(caller), declared) == 403
    for caller in (make_staff(Role.STOCK_STAFF), make_staff()):
        assert call(Api(app).with_cookie(caller), declared) not in {401, 403}


@named([declared for declared in of(signed_in) if "orderId" in declared.parameters])
def test_only_the_owner_and_staff_can_see_an_order(app: Flask, declared: Operation) -> None:
    shopper, _ = sign_in(app)
    order = shopper.post("/api/orders/", json=order_body((make_product(), 1))).json["id"]
    body = {"json": {}} if declared.body is not None else {}
    for api, status in (
        (Api(app).with_cookie(make_account()), 404),
        (Api(app).with_cookie(make_staff(Role.STOCK_STAFF)), 404),
        (Api(app).with_cookie(make_staff()), 200),
        (shopper, 200),
    ):
        assert api.send(declared.method, path_of(declared, orderId=order), **body).status_code == status
