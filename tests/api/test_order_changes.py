"""Changing and cancelling orders by API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from storefront.accounts.values import Role
from storefront.db.audit_log import AuditQuery
from storefront.orders import service as orders
from storefront.orders.refund_values import RefundRequest
from storefront.orders.values import OrderStatus
from storefront.worker import tasks
from tests import consistency
from tests.api.client import Api, assert_refused
from tests.api.order_payloads import ADDRESS, order_body, signed_in
from tests.api.test_orders import place
from tests.consistency import Stock
from tests.factories.accounts import make_staff
from tests.factories.catalog import make_product
from tests.factories.shopping import make_order

CANCELLED = "Order cancelled successfully"
ROAD = [OrderStatus.PROCESSING, OrderStatus.SHIPPED, OrderStatus.DELIVERED]


class Case:
    """A customer's order of two mugs out of five, and API clients of the customer, others and staff."""

    def __init__(self, app: Flask, kind: str = "cod") -> None:
        self.app, self.mug = app, make_product(stock=5)
        self.customer, _ = signed_in(app)
        body = order_body((self.mug, 2), paymentMethod={"type": kind, "cardNumber": "4242"})
        self.order = place(self.customer, body)
        self.path = f"/api/orders/{self.order['id']}"
        self.staff = Api(app).with_token(make_staff(Role.ORDER_STAFF))

    def go_to(self, status: OrderStatus) -> None:
        for step in ROAD[: ROAD.index(status) + 1] if status in ROAD else []:
            orders.advance(self.order["id"], step, by="the shop")

    def now(self) -> dict[str, Any]:
        return dict(self.staff.get(self.path).json)

    def work(self) -> None:
        """Deliver the outboxes, as the worker does."""
        with self.app.test_request_context():
            tasks.deliver_outboxes()


@pytest.fixture
def case(app: Flask) -> Case:
    return Case(app)


# --------------------------------------------------------------------------------------------- cancellation


def by_delete(api: Api, path: str) -> Any:
    return api.send("DELETE", path)


def by_put(api: Api, path: str) -> Any:
    return api.put(path, json={"status": "CANCELLED"})


@pytest.mark.parametrize("cancel", [by_delete, by_put])
def test_repeated_cancellations_by_a_customer_are_one(case: Case, cancel: Callable[[Api, str], Any]) -> None:
    for _ in range(2):
        answer = cancel(case.customer, case.path)
        assert answer.status_code == 200
        assert answer.json == CANCELLED if cancel is by_delete else answer.json["status"] == "cancelled"
        case.work()
    assert consistency.stock_of(case.mug.sku) == Stock(on_hand=5, reserved=0)
    assert case.now()["status"] == "cancelled"


@pytest.mark.parametrize(("kind", "paid"), [("cod", "FAILED"), ("card", "REFUNDED"), ("upi", "REFUNDED")])
def test_a_cancelled_order_is_refunded(app: Flask, kind: str, paid: str) -> None:
    case = Case(app, kind)
    case.customer.send("DELETE", case.path)
    case.work()
    assert case.now()["paymentStatus"] == paid


def test_the_ends_of_an_order_are_told_in_the_words_of_the_contract(app: Flask) -> None:
    """A8, A9: the client knows six statuses; an order that came back is cancelled, one refunded later was delivered."""
    case = Case(app)
    case.go_to(OrderStatus.SHIPPED)
    orders.mark_undelivered(case.order["id"], by="the shop", restock=True, actor="meera@example.com")
    case.work()
    told = case.staff.get(f"{case.path}/track").json
    assert (told["status"], told["paymentStatus"]) == ("cancelled", "FAILED")
    assert [change["status"] for change in told["statusHistory"]][-2:] == ["shipped", "cancelled"]
    assert case.customer.send("DELETE", case.path).json == CANCELLED  # as after a cancellation
    assert case.staff.put(case.path, json={"status": "cancelled"}).json["status"] == "cancelled"
    for word in ("undelivered", "refunded"):
        assert case.staff.put(case.path, json={"status": word}).status_code in {400, 422}
    refunded = Case(app)
    refunded.go_to(OrderStatus.DELIVERED)
    order = orders.get_order(refunded.order["id"])
    units = {order.items[0].id or 0: 2}
    orders.refund(order.id, RefundRequest(units, with_shipping=True), key="0" * 32, actor="meera@example.com")
    refunded.work()
    assert (refunded.now()["status"], refunded.now()["paymentStatus"]) == ("delivered", "REFUNDED")
    listed = refunded.customer.get(f"/api/orders/user/{refunded.order['userId']}").json
    assert [one["status"] for one in listed] == ["delivered"]


def test_the_cash_of_an_order_is_told_when_it_arrived(case: Case) -> None:
    """A8: pending until it is delivered or the cash is there, as the contract says."""
    case.go_to(OrderStatus.SHIPPED)
    assert case.now()["paymentStatus"] == "PENDING"
    orders.receive_cash(case.order["id"], actor="meera@example.com")
    case.work()
    assert (case.now()["status"], case.now()["paymentStatus"]) == ("shipped", "SUCCESS")


@pytest.mark.parametrize("cancel", [by_delete, by_put])
@pytest.mark.parametrize("status", ROAD)
def test_a_customer_cannot_cancel_a_packed_order(
    case: Case, status: OrderStatus, cancel: Callable[[Api, str], Any]
) -> None:
    case.go_to(status)
    assert_refused(cancel(case.customer, case.path), 409, "ORDER_CANCELLATION_NOT_ALLOWED")
    assert case.now()["status"] == status


@pytest.mark.parametrize("status", [OrderStatus.CONFIRMED, OrderStatus.PROCESSING])
def test_staff_can_cancel_until_the_order_is_shipped(case: Case, status: OrderStatus) -> None:
    case.go_to(status)
    assert case.staff.send("DELETE", case.path).json == CANCELLED


def test_staff_cannot_cancel_a_shipped_order(case: Case) -> None:
    case.go_to(OrderStatus.SHIPPED)
    assert_refused(case.staff.send("DELETE", case.path), 409, "ORDER_CANCELLATION_NOT_ALLOWED")


def test_another_customers_order_cannot_be_cancelled(case: Case, api: Api) -> None:
    stranger, _ = signed_in(case.app)
    for method in ("DELETE", "PUT"):
        assert_refused(api.send(method, case.path, json={}), 401, "UNAUTHENTICATED")
        assert_refused(stranger.send(method, case.path, json={"status": "cancelled"}), 404, "ORDER_NOT_FOUND")
        assert_refused(case.customer.send(method, "/api/orders/ORD-0", json={}), 404, "ORDER_NOT_FOUND")
    keeper = Api(case.app).with_token(make_staff(Role.STOCK_STAFF))
    for method in ("DELETE", "PUT"):
        assert_refused(keeper.send(method, case.path, json={"status": "cancelled"}), 404, "ORDER_NOT_FOUND")
    assert case.now()["status"] == "confirmed"


def test_a_guests_order_is_unknown_to_customers(case: Case) -> None:
    guest = make_order((make_product(), 1))
    assert_refused(case.customer.send("DELETE", f"/api/orders/{guest.id}"), 404, "ORDER_NOT_FOUND")


# ----------------------------------------------------------------------------------------- by its customer

ELSEWHERE = {"line1": "1 Hill Road", "city": "Nashik", "state": "MH", "postalCode": "422001", "fullName": "Ravi"}


def test_a_customer_changes_the_shipping_address(case: Case) -> None:
    order = case.customer.put(case.path, json={"shippingAddress": ELSEWHERE}).json
    address = order["shippingAddress"]
    assert (address["addressLine1"], address["zipCode"], address["country"]) == ("1 Hill Road", "422001", "India")
    assert (order["shippingFullName"], order["shippingCity"]) == ("Ravi", "Nashik")
    assert order.keys() == case.order.keys()
    assert [step["status"] for step in case.customer.get(f"{case.path}/track").json["statusHistory"]] == [
        "pending",
        "confirmed",
    ]


@pytest.mark.parametrize("status", ROAD)
def test_the_address_of_a_packed_order_cannot_be_changed(case: Case, status: OrderStatus) -> None:
    case.go_to(status)
    refused = case.customer.put(case.path, json={"shippingAddress": ELSEWHERE})
    assert_refused(refused, 409, "ORDER_MODIFICATION_NOT_ALLOWED")
    assert case.now()["shippingCity"] == "Pune"


def test_an_incomplete_address_is_refused(case: Case) -> None:
    blank = dict.fromkeys(ELSEWHERE, "") | {"country": "India"}
    assert_refused(case.customer.put(case.path, json={"shippingAddress": blank}), 400, "VALIDATION_ERROR")


@pytest.mark.parametrize("status", ["pending", "PLACED", "processing", "Shipped", "delivered"])
def test_a_customer_cannot_advance_an_order(case: Case, status: str) -> None:
    body = {"status": status, "shippingAddress": ELSEWHERE}
    assert_refused(case.customer.put(case.path, json=body), 403, "FORBIDDEN")
    assert case.now() == case.order


def test_members_that_customers_cannot_change_are_ignored(case: Case) -> None:
    body = case.order | {
        "total": 1,
        "totalAmount": 1,
        "items": [],
        "userId": 1,
        "id": "ORD-1",
        "paymentStatus": "SUCCESS",
        "trackingNumber": "MINE",
        "estimatedDelivery": "2030-01-01",
        "shippingAddress": None,
    }
    assert case.customer.put(case.path, json=body).json == case.order


def test_an_unknown_status_is_refused(case: Case) -> None:
    for status in ("gone", 5, ["cancelled"]):
        assert_refused(case.staff.put(case.path, json={"status": status}), 400, "VALIDATION_ERROR")


# ------------------------------------------------------------------------------------------------ by staff


def test_staff_advance_an_order_step_by_step(case: Case) -> None:
    for step in ("PROCESSING", "shipped", "Delivered"):
        number = "AWB-1" if step == "shipped" else None
        order = case.staff.put(case.path, json={"status": step, "trackingNumber": number}).json
        assert order["status"] == step.lower()
    assert order["trackingNumber"] == "AWB-1"
    assert order["paymentStatus"] == "SUCCESS"  # collected as it was delivered


@pytest.mark.parametrize("status", ["pending", "shipped", "delivered"])
def test_staff_cannot_skip_or_reverse_a_step(case: Case, status: str) -> None:
    body = {"status": status, "trackingNumber": "AWB-1", "estimatedDelivery": "2026-12-24"}
    assert_refused(case.staff.put(case.path, json=body), 409, "ORDER_MODIFICATION_NOT_ALLOWED")
    assert case.now() == case.order


def test_staff_set_tracking_number_and_estimated_delivery(case: Case) -> None:
    body = {"status": "confirmed", "trackingNumber": " AWB-1 ", "estimatedDelivery": "2026-12-24"}
    for _ in range(2):
        order = case.staff.put(case.path, json=body).json
        assert (order["trackingNumber"], order["estimatedDelivery"]) == ("AWB-1", "2026-12-24")
    assert order["status"] == "confirmed"
    notes = [event.note for event in orders.get_order(case.order["id"]).timeline]
    assert notes.count("Tracking number added") == 1
    order = case.staff.put(case.path, json={"trackingNumber": "AWB-2"}).json
    assert (order["trackingNumber"], order["estimatedDelivery"]) == ("AWB-2", "2026-12-24")


@pytest.mark.parametrize(
    "body", [{"estimatedDelivery": "soon"}, {"estimatedDelivery": 5}, {"trackingNumber": "x" * 65}]
)
def test_an_invalid_date_or_tracking_number_is_refused(case: Case, body: dict[str, Any]) -> None:
    assert_refused(case.staff.put(case.path, json=body), 400, "VALIDATION_ERROR")


def test_staff_cannot_change_a_customers_shipping_address(case: Case) -> None:
    assert case.staff.put(case.path, json={"shippingAddress": ADDRESS | {"city": "Nashik"}}).json == case.order


# ---------------------------------------------------------------------------------------------- audit log


def test_changes_by_staff_are_logged_and_those_by_customers_are_not(case: Case) -> None:
    clerk = make_staff(Role.ORDER_STAFF, email="clerk@example.com")
    staff = Api(case.app).with_token(clerk)
    staff.put(case.path, json={"estimatedDelivery": "2026-12-24"})
    staff.put(case.path, json={"trackingNumber": "AWB-1"})
    staff.send("DELETE", case.path)
    case.customer.send("DELETE", case.path)
    acts = list(orders.audit_entries(AuditQuery(), 10))[::-1]
    assert {act.actor for act in acts} == {"clerk@example.com"}
    assert [(act.what, act.subject) for act in acts] == [
        ("day of arrival", case.order["id"]),
        ("tracking number", case.order["id"]),
        ("cancelled", case.order["id"]),
    ]
