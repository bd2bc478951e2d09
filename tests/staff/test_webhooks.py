"""The webhook pages: endpoints added, edited, paused, tested and deleted, and the log of what was sent."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from storefront.accounts.values import Role
from storefront.webhooks import service as webhooks
from storefront.webhooks.values import DeliveryState, EndpointState, EventType
from tests.factories.accounts import make_staff
from tests.factories.webhooks import LOCAL_URL, delivery_of, make_delivery, make_endpoint, send_all
from tests.page_client import Page, Pages
from tests.webhook_receiver import Receiver

URL = "/staff/webhooks"


@pytest.fixture
def admin(pages: Pages) -> Pages:
    pages.sign_in(make_staff(Role.ADMIN, email="admin@example.com"))
    return pages


def add(admin: Pages, url: str, **fields: object) -> Page:
    return admin.submit(admin.get(URL), "#webhook-form", url=url, **fields)  # type: ignore[arg-type]


def only() -> int:
    (summary,) = webhooks.list_endpoints()
    return summary.endpoint.id


def test_a_webhook_is_added_and_its_secret_is_shown_once(admin: Pages, receiver: Receiver) -> None:
    assert "No webhooks yet." in admin.get(URL).words
    page = add(admin, receiver.url, description="The warehouse", events=["order.paid", "stock.low"])
    secret = str(page.one("#secret")["value"])
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", secret)
    endpoint = webhooks.get_endpoint(only())
    assert endpoint.events == {EventType.ORDER_PAID, EventType.STOCK_LOW}
    assert endpoint.created_by == "admin@example.com"
    page = admin.get(URL)
    assert "The warehouse" in page.words
    assert secret not in page.response.text + admin.get(f"{URL}/{endpoint.id}").response.text
    webhooks.send_test_event(endpoint.id, actor="tests")
    send_all()
    assert receiver.received[0].is_signed_with(secret)
    trail = admin.get("/staff/audit-log").words
    assert "Webhook added" in trail
    assert secret not in trail


def test_a_second_click_adds_nothing_and_shows_no_secret(admin: Pages) -> None:
    form = admin.get(URL)
    admin.submit(form, "#webhook-form", url=LOCAL_URL)
    page = admin.submit(form, "#webhook-form", url=LOCAL_URL)
    assert "was added before" in page.words
    assert page.url == f"{URL}/{only()}"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "Enter the address that receives the events"),
        ("erp.example", "Enter an address such as https://"),
        ("https://10.0.0.7/hooks", "inside a private network"),
        ("https://0x0a000007/hooks", "inside a private network"),
        ("http://10.0.0.7/hooks", "must begin with https://"),
        ("https://me:secret@erp.example/", "Remove the user name and password"),
        ("https://" + "a" * 500, "Use at most 500 characters"),
    ],
)
def test_what_nothing_is_sent_to_is_refused_beside_the_field(admin: Pages, typed: str, said: str) -> None:
    page = admin.submit(admin.get(URL), "#webhook-form", status=422, url=typed, description="Mine")
    assert said in page.one("#url-problem").get_text()
    assert page.one("#url")["value"] == typed
    assert page.one("#description")["value"] == "Mine"
    assert webhooks.list_endpoints() == []


@pytest.mark.parametrize("events", [[], ["order.eaten"]])
def test_a_webhook_needs_events_that_exist(admin: Pages, events: list[str]) -> None:
    page = admin.submit(
        admin.get(URL),
        "#webhook-form",
        status=422,
        url=LOCAL_URL,
        events=events,  # type: ignore[arg-type]
    )
    assert page.one("#events-problem").get_text()
    assert webhooks.list_endpoints() == []


def test_a_webhook_is_edited(admin: Pages) -> None:
    made = make_endpoint()
    page = admin.get(f"{URL}/{made.endpoint_id}")
    assert len(page.all("#events input[checked]")) == len(EventType)
    done = admin.submit(page, "#webhook-form", description="Accounting", events=["order.paid"])  # type: ignore[arg-type]
    assert "Saved" in done.words
    endpoint = webhooks.get_endpoint(made.endpoint_id)
    assert (endpoint.description, endpoint.events) == ("Accounting", {EventType.ORDER_PAID})
    conflict = admin.submit(page, "#webhook-form", status=409, description="Too late")
    assert "somebody else changed this webhook" in conflict.words
    assert conflict.one("#description")["value"] == "Too late"
    admin.submit(conflict, "#webhook-form", description="After all")
    assert webhooks.get_endpoint(made.endpoint_id).description == "After all"


def test_a_webhook_is_paused_resumed_and_deleted(admin: Pages) -> None:
    made = make_endpoint()
    page = admin.submit(admin.get(f"{URL}/{made.endpoint_id}"), "#pause")
    assert webhooks.get_endpoint(made.endpoint_id).state is EndpointState.PAUSED
    assert not page.all("#test")
    page = admin.submit(page, "#resume")
    assert webhooks.get_endpoint(made.endpoint_id).state is EndpointState.ACTIVE
    page = admin.submit(page, "#removal")
    assert page.url == URL
    assert "No webhooks yet." in page.words
    admin.get(f"{URL}/{made.endpoint_id}", status=404)


def test_a_new_secret_is_shown_once_and_the_one_before_signs_for_a_day(admin: Pages) -> None:
    made = make_endpoint()
    before = admin.get(f"{URL}/{made.endpoint_id}")
    page = admin.submit(before, "#rotate")
    secret = page.one("#secret")["value"]
    assert secret != made.secret
    assert "Until 23 Nov 2026, 17:30" in page.words
    assert "signs, too, until 23 Nov 2026, 17:30" in admin.get(f"{URL}/{made.endpoint_id}").words
    again = admin.submit(before, "#rotate", status=409)
    assert not again.all("#secret")


def test_a_test_event_is_sent_and_logged(admin: Pages, receiver: Receiver) -> None:
    made = make_endpoint(receiver.url)
    receiver.answers, receiver.text = [500], b"<script>alert(1)</script>"
    page = admin.submit(admin.get(f"{URL}/{made.endpoint_id}"), "#test")
    assert "Test event queued" in page.words
    send_all()
    page = admin.get(f"{URL}/{made.endpoint_id}")
    (row,) = page.all("tr[id^=delivery-]")
    assert "Test event" in row.get_text()
    assert "answered 500" in row.get_text()
    detail = admin.get(str(row.select("a")[0]["href"]))
    assert '"type": "webhook.test"' in detail.words
    assert "<script>alert(1)</script>" in detail.words, "as text"
    assert "1 of 10" in detail.words


def test_one_delivery_is_resent(admin: Pages, receiver: Receiver) -> None:
    made = make_endpoint(receiver.url)
    delivery = make_delivery(made.endpoint_id)
    send_all()
    page = admin.submit(admin.get(f"{URL}/{made.endpoint_id}/deliveries/{delivery.id}"), "#resend")
    assert "Queued" in page.words
    send_all()
    assert receiver.ids == [delivery.event_id] * 2


def test_all_that_failed_since_a_time_is_resent(admin: Pages, receiver: Receiver) -> None:
    made = make_endpoint(receiver.url)
    receiver.answers = [410]
    delivery = make_delivery(made.endpoint_id)
    send_all()
    assert delivery_of(made.endpoint_id, delivery.event_id).state is DeliveryState.FAILED
    webhooks.set_paused(made.endpoint_id, False, actor="tests")
    receiver.answers = [200]
    place = f"{URL}/{made.endpoint_id}"
    page = admin.submit(admin.get(place), "#resend", since="2026-11-23T00:00")
    assert "Nothing failed since then" in page.words
    page = admin.submit(admin.get(place), "#resend", since="2026-11-22T00:00")
    assert "1 event is sent again" in page.words
    send_all()
    assert delivery_of(made.endpoint_id, delivery.event_id).state is DeliveryState.DELIVERED
    page = admin.submit(admin.get(place), "#resend", status=422, since="soon")
    assert "Enter a date and time" in page.one("#since-problem").get_text()


def test_nothing_is_resent_to_a_paused_webhook(admin: Pages) -> None:
    made = make_endpoint()
    delivery = make_delivery(made.endpoint_id)
    webhooks.set_paused(made.endpoint_id, True, actor="tests")
    place = f"{URL}/{made.endpoint_id}"
    page = admin.submit(admin.get(f"{place}/deliveries/{delivery.id}"), "#resend", status=409)
    assert "resume the webhook first" in page.words
    page = admin.submit(admin.get(place), "#resend", status=409, since="2026-11-22T00:00")
    assert "resume the webhook first" in page.words


def test_a_disabled_webhook_says_why(admin: Pages, receiver: Receiver) -> None:
    made = make_endpoint(receiver.url)
    receiver.answers = [410]
    make_delivery(made.endpoint_id)
    send_all()
    page = admin.get(f"{URL}/{made.endpoint_id}")
    assert "the receiver answered 410 Gone" in page.words
    assert "Disabled" in admin.get(URL).words
    admin.submit(page, "#resume")
    assert webhooks.get_endpoint(made.endpoint_id).state is EndpointState.ACTIVE


def test_the_log_is_filtered(admin: Pages, receiver: Receiver) -> None:
    made = make_endpoint(receiver.url)
    make_delivery(made.endpoint_id)
    send_all()
    place = f"{URL}/{made.endpoint_id}"
    assert len(admin.get(f"{place}?show=delivered").all("tr[id^=delivery-]")) == 1
    assert "No such deliveries." in admin.get(f"{place}?show=failed").words
    assert len(admin.get(f"{place}?show=eaten").all("tr[id^=delivery-]")) == 1


@pytest.mark.parametrize("role", [Role.STOCK_STAFF, Role.ORDER_STAFF])
def test_webhooks_are_for_admins(app: Flask, pages: Pages, role: Role) -> None:
    pages.sign_in(make_staff(role))
    pages.get(URL, status=403)
