"""Programs that call the API with a key: what each scope opens, and that everything else stays closed."""

from __future__ import annotations

import json
import logging
from datetime import timedelta

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from storefront.accounts import service as accounts
from storefront.accounts.service import Scope
from storefront.accounts.staff import READ
from storefront.api.openapi import document
from storefront.api.operations import OPERATIONS, Operation
from storefront.db.audit_log import AuditEntryView, AuditQuery
from storefront.orders import service as orders
from storefront.staff.audit_log import read_audit_log
from tests.api.client import Api, assert_refused
from tests.api.order_payloads import order_body, signed_in
from tests.api.test_guards import path_of
from tests.factories.accounts import make_account
from tests.factories.api_keys import make_api_key
from tests.factories.catalog import make_product
from tests.fakes import Clock

CHECK = "/api/products/1/check-stock?quantity=1"

# Every operation with the scope that opens it to programs. One that is missing here fails the tests.
SCOPES: dict[str, Scope | None] = {
    **dict.fromkeys(("listProducts", "getProduct", "batchProducts", "batchProductsAlias"), Scope.READ_CATALOG),
    **dict.fromkeys(("getImage", "getImageAlias", "getPlaceholderImage"), Scope.READ_CATALOG),
    **dict.fromkeys(("listReviews", "averageRating", "averageRatingShort", "reviewCount"), Scope.READ_CATALOG),
    "checkStock": Scope.READ_STOCK,
    **dict.fromkeys(("reduceStock", "reduceStockAlias"), Scope.CHANGE_STOCK),
    **dict.fromkeys(("getOrder", "trackOrder", "listUserOrders", "listUserOrdersAlias"), Scope.READ_ORDERS),
    **dict.fromkeys(("updateOrder", "cancelOrder"), Scope.CHANGE_ORDERS),
    # Sign-in, and what belongs to one person or needs one who answers for it.
    **dict.fromkeys(("register", "login", "logout", "me", "getUser", "registerStub", "setPassword"), None),
    **dict.fromkeys(("sendOtp", "verifyOtp", "verifyOtpAlias", "requestPasswordReset"), None),
    **dict.fromkeys(("getCart", "addCartItem", "updateCartItem", "removeCartItem", "priceCart", "checkout"), None),
    **dict.fromkeys(("placeOrder", "createOrderLegacy", "makePayment", "createReview"), None),
    **dict.fromkeys(("getProfile", "updateProfile", "listAddresses", "addAddress", "deleteAddress"), None),
    **dict.fromkeys(("listPaymentMethods", "addPaymentMethod", "deletePaymentMethod"), None),
    **dict.fromkeys(("listWishlist", "addWishlist", "removeWishlist", "removeWishlistItem"), None),
    **dict.fromkeys(("createProduct", "uploadImage"), None),
}


def program(app: Flask, *scopes: Scope) -> Api:
    """A program with a new key."""
    api = Api(app)
    api.headers = {"Authorization": f"Bearer {make_api_key(*scopes)[0]}"}
    return api


def program_with_token(app: Flask, *scopes: Scope) -> Api:
    """A program with a token for a key that has all scopes."""
    api = Api(app)
    token, _ = accounts.issue_client_token(make_api_key()[1], scopes)
    api.headers = {"Authorization": f"Bearer {token}"}
    return api


def send(api: Api, declared: Operation, **ids: object) -> TestResponse:
    """Call an operation without a valid body, as access is checked first."""
    answer = api.send(declared.method, path_of(declared, **ids))
    answer.close()
    return answer


def log_entries(actor: str) -> list[AuditEntryView]:
    return [row.entry for row in read_audit_log(AuditQuery(actor=actor)).rows]


def actor_of(api: Api) -> str:
    return accounts.find_api_key(api.headers["Authorization"].removeprefix("Bearer "))[0].actor


def test_every_operation_is_in_the_table(app: Flask) -> None:
    assert {declared.id: declared.scope for declared in OPERATIONS} == SCOPES


@pytest.mark.parametrize("caller", [program, program_with_token])
@pytest.mark.parametrize("scope", Scope)
def test_a_scope_opens_its_operations_and_no_other(app: Flask, scope: Scope, caller: object) -> None:
    api, user = caller(app, scope), make_account().id  # type: ignore[operator]
    for declared in OPERATIONS:
        answer = send(api, declared, userId=user)
        if SCOPES[declared.id] is scope:
            assert answer.status_code not in {401, 403, 500}, declared.id
        else:
            assert_refused(answer, 403, "FORBIDDEN")
            assert answer.headers["WWW-Authenticate"].startswith('Bearer error="insufficient_scope"')


def test_all_scopes_together_open_nothing_that_belongs_to_people(app: Flask) -> None:
    api = program(app)
    for declared in OPERATIONS:
        if SCOPES[declared.id] is None:
            assert_refused(send(api, declared, userId=make_account().id), 403, "FORBIDDEN")


def test_the_old_gateways_services_check_and_take_stock(app: Flask) -> None:
    mug = make_product(stock=5)
    reader, writer = program(app, Scope.READ_STOCK), program(app, Scope.CHANGE_STOCK)
    assert reader.get(f"/api/products/{mug.id}/check-stock?quantity=5").json is True
    for path in (f"/api/products/{mug.id}", f"/products/{mug.id}"):
        assert writer.put(f"{path}/reduce-stock?quantity=2").json == "Stock reduced successfully"
    assert reader.get(f"/api/products/{mug.id}/check-stock?quantity=2").json is False
    entry = log_entries(actor_of(writer))[0]
    assert (entry.what, entry.subject, entry.detail) == ("stock api", mug.sku, "-2 to 1")


def test_a_change_of_stock_is_made_once_for_each_key_and_idempotency_key(app: Flask) -> None:
    mug = make_product(stock=9)
    one, other = program(app), program(app)
    for api in (one, one, other):
        headers = {**api.headers, "Idempotency-Key": "sale 7"}
        assert api.put(f"/api/products/{mug.id}/reduce-stock?quantity=2", headers=headers).status_code == 200
    assert one.get(f"/api/products/{mug.id}/check-stock?quantity=5").json is True
    assert one.get(f"/api/products/{mug.id}/check-stock?quantity=6").json is False


def placed_order(app: Flask) -> tuple[str, int]:
    """An order, and the account that placed it."""
    shopper, account = signed_in(app)
    return shopper.post("/api/orders/", json=order_body((make_product(), 1))).json["id"], account.id


def test_a_program_reads_orders_and_the_audit_log_says_whose(app: Flask) -> None:
    order, user = placed_order(app)
    api = program(app, Scope.READ_ORDERS)
    assert api.get(f"/api/orders/{order}").json["id"] == order
    assert api.get(f"/api/orders/{order}/track").status_code == 200
    assert [one["id"] for one in api.get(f"/users/{user}/orders").json] == [order]
    assert {entry.what for entry in log_entries(actor_of(api))} == {READ}
    assert {entry.subject for entry in log_entries(actor_of(api))} > {order}
    assert_refused(api.get("/users/2147483647/orders"), 404, "USER_NOT_FOUND")


def test_a_program_moves_an_order_on_as_the_shop(app: Flask) -> None:
    order, _ = placed_order(app)
    api = program(app, Scope.CHANGE_ORDERS)
    moved = api.put(f"/api/orders/{order}", json={"status": "processing"})
    assert moved.json["status"] == "processing"
    address = {"shippingAddress": order_body((make_product(), 1))["shippingAddress"] | {"city": "Elsewhere"}}
    before = orders.get_order(order).address
    api.put(f"/api/orders/{order}", json=address)
    assert orders.get_order(order).address == before
    assert api.send("DELETE", f"/api/orders/{order}").json == "Order cancelled successfully"
    actions = {entry.what for entry in log_entries(actor_of(api))} - {READ}
    assert actions == {"processing", "cancelled"}


@pytest.mark.parametrize("caller", [program, program_with_token])
def test_a_key_signs_nobody_in_on_pages(app: Flask, caller: object) -> None:
    api = caller(app)  # type: ignore[operator]
    for page in ("/staff", "/staff/api-keys", "/account", "/orders/ORD-1"):
        assert api.get(page).status_code == 303


def test_an_account_is_no_program(app: Flask) -> None:
    """Scopes mean nothing for people: a customer's token does not take stock."""
    api = Api(app).with_token(make_account())
    assert_refused(api.put("/api/products/1/reduce-stock?quantity=1"), 403, "FORBIDDEN")


# ------------------------------------------------------------------------------------------------ refused keys


def refused(app: Flask, secret: str) -> str:
    """Call with a key that is not accepted.

    :return: the message of the error
    """
    answer = Api(app).get(CHECK, headers={"Authorization": f"Bearer {secret}"})
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    return str(assert_refused(answer, 401, "UNAUTHENTICATED")["message"])


def test_refused_keys_are_told_apart_and_logged(app: Flask, now: Clock, caplog: pytest.LogCaptureFixture) -> None:
    expiring, expired = make_api_key(expires_at=now.read() + timedelta(minutes=1))
    revoked, gone = make_api_key()
    accounts.revoke_api_key(gone.id, actor="x")
    now.advance(minutes=1)
    with caplog.at_level(logging.WARNING, "storefront.security_events"):
        assert refused(app, revoked) == "This API key was revoked"
        assert refused(app, expiring) == "This API key has expired"
        assert refused(app, revoked[:-1]) == "This is no API key: it was cut off or mistyped"
    logged = [record.getMessage() for record in caplog.records]
    assert f"api_key={gone.id} reason=revoked" in logged[0]
    assert f"api_key={expired.id} reason=expired" in logged[1]
    assert "authn_token_fail" in logged[2]
    assert "api_key=- reason=malformed" in logged[2]
    assert revoked not in caplog.text


def test_revoking_a_key_ends_its_tokens(app: Flask) -> None:
    _, key = make_api_key()
    token, _ = accounts.issue_client_token(key, key.scopes)
    assert Api(app).get(CHECK, headers={"Authorization": f"Bearer {token}"}).status_code == 200
    accounts.revoke_api_key(key.id, actor="x")
    assert refused(app, token) == "This API key was revoked"


def test_an_expired_token_is_refused(app: Flask, now: Clock) -> None:
    api = program_with_token(app, Scope.READ_STOCK)
    now.advance(minutes=15)
    assert_refused(api.get(CHECK), 401, "UNAUTHENTICATED")


def test_using_a_key_notes_when(app: Flask, now: Clock) -> None:
    api = program(app, Scope.READ_STOCK)
    api.get(CHECK)
    (record,) = accounts.list_api_keys()
    assert record.last_used_at == now.read()


# ------------------------------------------------------------------------------------------------ documentation


def test_the_document_names_schemes_and_scopes(app: Flask) -> None:
    described = document()
    schemes = described["components"]["securitySchemes"]
    flow = schemes["clientCredentials"]["flows"]["clientCredentials"]
    assert flow["tokenUrl"] == "http://localhost:9090/oauth/token"
    assert set(flow["scopes"]) == set(map(str, Scope))
    assert schemes["apiKey"]["scheme"] == "bearer"
    for declared in OPERATIONS:
        security = described["paths"][declared.path][declared.method.lower()].get("security", described["security"])
        named = [each for each in security if {"apiKey", "clientCredentials"} & each.keys()]
        scopes = [str(declared.scope)]
        assert named == ([{"apiKey": scopes}, {"clientCredentials": scopes}] if declared.scope else []), declared.id
    assert {} in described["paths"]["/api/products"]["get"]["security"]
    assert json.dumps(described)
