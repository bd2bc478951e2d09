"""What got stuck, as staff see it and have it tried again; the doctor says the same."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from storefront.accounts import service as accounts
from storefront.accounts.models import Message as AccountsMessage
from storefront.accounts.values import Role
from storefront.catalog.models import Message as CatalogMessage
from storefront.catalog.service import reports
from storefront.checkout import service as checkout
from storefront.cli import consistency
from storefront.db import outbox
from storefront.db.audit_log import AuditEntryView, AuditQuery
from storefront.db.dead_letters import dead_letters_by_schema
from storefront.db.outbox import OutboxMessage
from storefront.db.session import read_session, transaction
from storefront.orders import service as orders
from storefront.orders.models import Message as OrdersMessage
from storefront.payments.models import Message as PaymentsMessage
from storefront.worker import tasks
from tests import consistency as tests_consistency
from tests.checkout.purchase import FOR_EVER, Purchase, at_step, make_purchase, no_database, raising
from tests.factories.accounts import make_staff
from tests.fakes import Clock, MemoryPost
from tests.page_client import Pages

pytestmark = pytest.mark.both_engines

TABLES: dict[str, type[OutboxMessage]] = {
    "orders": OrdersMessage,
    "payments": PaymentsMessage,
    "accounts": AccountsMessage,
    "catalog": CatalogMessage,
}
CLERK = "clerk@example.com"
ANY = AuditQuery()


@pytest.fixture
def desk(pages: Pages) -> Pages:
    pages.sign_in(make_staff(Role.ORDER_STAFF, email=CLERK))
    return pages


@pytest.fixture
def stuck(app: Flask, post: MemoryPost, monkeypatch: pytest.MonkeyPatch) -> Purchase:
    """A purchase whose money is taken, and whose goods cannot be written off while the fault lasts."""
    with app.test_request_context(base_url=app.config["PUBLIC_ORIGIN"]):
        purchase = make_purchase(post)
        with pytest.MonkeyPatch.context() as patch:
            purchase.break_at(patch, "sell", no_database(), times=FOR_EVER)
    return purchase


def post_message(schema: str, key: str = "news/1", **columns: Any) -> int:
    """A message that got stuck in an outbox.

    :return: its id
    """
    table = TABLES[schema]
    with transaction(schema) as session:
        outbox.publish(session, table, "news", key, {"code": "a-secret"})
        row = session.scalars(select(table).where(table.key == key)).one()
        for name, value in columns.items():
            setattr(row, name, value)
        return row.id


def parked(schema: str, now: Clock, key: str = "news/1") -> int:
    return post_message(schema, key, attempts=800, last_error="OSError: no route", failed_at=now.read())


def acts_of(schema: str) -> list[AuditEntryView]:
    read_session().rollback()
    trails = {"orders": orders.audit_entries, "accounts": accounts.audit_entries, "catalog": reports.audit_entries}
    return list(trails[schema](ANY, 10))


# ------------------------------------------------------------------------------------------- checkouts


def test_an_unfinished_checkout_is_shown_with_its_age_its_step_and_its_fault(
    desk: Pages, stuck: Purchase, now: Clock
) -> None:
    now.advance(minutes=3)
    page = desk.get("/staff/troubles")
    (row,) = page.all("tr[id^=checkout-]")
    words = " ".join(row.get_text(" ").split())
    assert "Take the goods off the shelf" in words
    assert "3 minutes ago" in words
    assert "Under way" in words
    assert "sell: OperationalError" in words
    assert str(page.one("tr[id^=checkout-] th a").get_text()).startswith("ORD-")
    assert "1 unfinished checkout" in desk.get("/staff").words


def test_what_stands_still_for_an_hour_is_stuck_as_the_doctor_says(desk: Pages, stuck: Purchase, now: Clock) -> None:
    now.advance(minutes=59)
    assert "stuck" not in desk.get("/staff/troubles").one("#troubles").get_text()
    assert list(consistency.violations()) == []
    now.advance(minutes=2)
    assert "Under way, stuck" in desk.get("/staff/troubles").words
    assert [fault for fault in consistency.violations() if stuck.id in fault]


@pytest.mark.parametrize("htmx", [False, True], ids=["page", "htmx"])
def test_a_checkout_tried_again_goes_through_and_is_noted(desk: Pages, stuck: Purchase, now: Clock, htmx: bool) -> None:
    now.advance(minutes=1)
    page = desk.get("/staff/troubles")
    done = desk.submit(page, f"#again-{stuck.id}", htmx=htmx)
    assert "It went through: order ORD-" in done.words
    assert "None: every order that was begun is placed, or undone." in done.words
    assert tests_consistency.state_of(stuck.id) == "completed"
    (act,) = acts_of("accounts")
    assert (act.actor, act.what, act.subject[:4]) == (CLERK, "checkout tried again", "ORD-")


def test_a_second_click_finds_it_done(desk: Pages, stuck: Purchase, now: Clock) -> None:
    now.advance(minutes=1)
    page = desk.get("/staff/troubles")
    desk.submit(page, f"#again-{stuck.id}")
    assert "It came to its end meanwhile." in desk.submit(page, f"#again-{stuck.id}").words
    assert len(acts_of("accounts")) == 1
    with desk.app.test_request_context(base_url=desk.app.config["PUBLIC_ORIGIN"]):
        stuck.assert_complete()


def test_what_fails_again_stays_with_its_fault(
    desk: Pages, stuck: Purchase, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    now.advance(minutes=1)
    at_step(monkeypatch, "sell", raising(no_database()), times=FOR_EVER)
    done = desk.submit(desk.get("/staff/troubles"), f"#again-{stuck.id}")
    assert "It was tried, and stands where it stood." in done.words
    assert [one.attempts for one in checkout.unfinished_checkouts()] == [2]


def test_a_checkout_that_nobody_knows_is_not_found(desk: Pages, stuck: Purchase) -> None:
    page = desk.get("/staff/troubles")
    page.one(f"#again-{stuck.id}")["action"] = "/staff/troubles/checkouts/none/attempts"
    desk.submit(page, f"#again-{stuck.id}", status=404)


# -------------------------------------------------------------------------------------------- messages


@pytest.mark.parametrize("schema", TABLES)
def test_a_message_given_up_is_shown_without_what_it_says(desk: Pages, now: Clock, schema: str) -> None:
    message = parked(schema, now)
    now.advance(hours=2)
    page = desk.get("/staff/troubles")
    row = " ".join(page.one(f"#message-{schema}-{message}").get_text(" ").split())
    assert "2 hours 800" in row
    assert "OSError: no route Given up" in row
    assert "a-secret" not in page.response.text
    assert "1 message not delivered" in desk.get("/staff").words
    assert "news/1: parked: OSError: no route" in list(consistency.violations())


@pytest.mark.parametrize("htmx", [False, True], ids=["page", "htmx"])
@pytest.mark.parametrize("schema", TABLES)
def test_a_message_tried_again_is_due_now_and_noted(desk: Pages, now: Clock, schema: str, htmx: bool) -> None:
    message = parked(schema, now)
    done = desk.submit(desk.get("/staff/troubles"), f"#again-{schema}-{message}", htmx=htmx)
    assert "It is on its way." in done.words
    heard = deliver(schema)
    assert heard == ["news/1"]
    (act,) = acts_of("accounts" if schema == "payments" else schema)  # the payments keep no trail
    assert (act.actor, act.what, act.subject) == (CLERK, "message tried again", "news/1")
    assert act.detail == "after 800 attempts: OSError: no route"


def test_a_message_tried_again_wakes_the_worker(app: Flask, now: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    message = parked("orders", now)
    wakes: list[int] = []
    monkeypatch.setitem(app.extensions, "wake_worker", lambda: wakes.append(1))
    assert dead_letters_by_schema()["orders"].requeue(message, actor=CLERK)
    assert not dead_letters_by_schema()["orders"].requeue(message, actor=CLERK)
    assert wakes == [1], "a second click asks for nothing"


def deliver(schema: str) -> list[str]:
    """Let the worker deliver one outbox.

    :return: the keys that arrived
    """
    heard: list[str] = []

    def listen(key: str, payload: Mapping[str, Any]) -> None:
        heard.append(key)

    outbox.deliver(schema, TABLES[schema], {"news": listen})
    return heard


def test_of_two_clicks_one_has_it_delivered(desk: Pages, now: Clock) -> None:
    message = parked("orders", now)
    page = desk.get("/staff/troubles")
    desk.submit(page, f"#again-orders-{message}")
    again = desk.submit(page, f"#again-orders-{message}")
    assert "nothing had to be done" in again.words
    assert len(acts_of("orders")) == 1
    assert deliver("orders") == ["news/1"]


def test_what_comes_back_by_itself_has_no_button(desk: Pages, now: Clock) -> None:
    in_a_minute = now.read() + timedelta(minutes=1)
    message = post_message("orders", attempts=2, last_error="OSError: no route", due_at=in_a_minute)
    row = desk.get("/staff/troubles").one(f"#message-orders-{message}")
    assert "Next try 22 Nov 2026, 17:31" in " ".join(row.get_text(" ").split())
    assert not row.select("form")
    assert not dead_letters_by_schema()["orders"].requeue(message, actor=CLERK)
    assert list(consistency.violations()) == []


def test_what_was_delivered_or_waits_its_turn_is_no_trouble(desk: Pages, now: Clock) -> None:
    post_message("orders", "news/1")
    post_message("orders", "news/2", last_error="OSError", delivered_at=now.read())
    assert dead_letters_by_schema()["orders"].count() == 0
    assert "None: every letter" in desk.get("/staff/troubles").words


def test_what_nobody_fetched_for_ten_minutes_is_a_trouble_and_a_fault(desk: Pages, now: Clock) -> None:
    post_message("accounts", "news/1")
    now.advance(minutes=11)
    assert [message.key for message in dead_letters_by_schema()["accounts"].entries()] == ["news/1"]
    assert list(consistency.violations()) == ["news/1: not delivered after 0 attempts: "]


def test_a_message_of_no_outbox_is_not_found(desk: Pages, now: Clock) -> None:
    message = parked("orders", now)
    page = desk.get("/staff/troubles")
    page.one(f"#again-orders-{message}")["action"] = f"/staff/troubles/messages/cart/{message}/attempts"
    desk.submit(page, f"#again-orders-{message}", status=404)


def test_every_outbox_the_worker_delivers_is_watched(app: Flask) -> None:
    assert set(dead_letters_by_schema()) == set(TABLES)
    for schema, messages in dead_letters_by_schema().items():
        assert messages.table is TABLES[schema]
    assert tasks.deliver_outboxes() >= 0
