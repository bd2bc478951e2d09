"""Failed jobs: listed, retried, and in agreement with the command `doctor`."""

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
from storefront.webhooks import service as webhooks
from storefront.webhooks.models import Message as WebhooksMessage
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
    "webhooks": WebhooksMessage,
}
CLERK = "clerk@example.com"
ANY = AuditQuery()


@pytest.fixture
def staff_pages(pages: Pages) -> Pages:
    pages.sign_in(make_staff(Role.ORDER_STAFF, email=CLERK))
    return pages


@pytest.fixture
def stuck(app: Flask, post: MemoryPost, monkeypatch: pytest.MonkeyPatch) -> Purchase:
    """A purchase that is paid, and whose stock cannot be deducted while the fault lasts."""
    with app.test_request_context(base_url=app.config["PUBLIC_ORIGIN"]):
        purchase = make_purchase(post)
        with pytest.MonkeyPatch.context() as patch:
            purchase.break_at(patch, "sell", no_database(), times=FOR_EVER)
    return purchase


def post_message(schema: str, key: str = "news/1", **columns: Any) -> int:
    """Make a message that was not delivered.

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


def audit_entries_of(schema: str) -> list[AuditEntryView]:
    read_session().rollback()
    trails = {
        "orders": orders.audit_entries,
        "accounts": accounts.audit_entries,
        "catalog": reports.audit_entries,
        "webhooks": webhooks.audit_entries,
    }
    return [entry for entry in trails[schema](ANY, 10) if entry.what != "customer data read"]


# ------------------------------------------------------------------------------------------- checkouts


def test_an_unfinished_checkout_is_shown_with_age_step_and_error(
    staff_pages: Pages, stuck: Purchase, now: Clock
) -> None:
    now.advance(minutes=3)
    page = staff_pages.get("/staff/failed-jobs")
    (row,) = page.all("tr[id^=checkout-]")
    words = " ".join(row.get_text(" ").split())
    assert "Deduct the stock" in words
    assert "3 minutes ago" in words
    assert "Running" in words
    assert "sell: OperationalError" in words
    assert str(page.one("tr[id^=checkout-] th a").get_text()).startswith("ORD-")
    assert "1 unfinished checkout" in staff_pages.get("/staff").words


def test_a_checkout_inactive_for_an_hour_is_stuck_as_in_doctor(staff_pages: Pages, stuck: Purchase, now: Clock) -> None:
    now.advance(minutes=59)
    assert "stuck" not in staff_pages.get("/staff/failed-jobs").one("#failed-jobs").get_text()
    assert list(consistency.violations()) == []
    now.advance(minutes=2)
    assert "Running, stuck" in staff_pages.get("/staff/failed-jobs").words
    assert [fault for fault in consistency.violations() if stuck.id in fault]


@pytest.mark.parametrize("htmx", [False, True], ids=["page", "htmx"])
def test_a_retried_checkout_completes_and_is_logged(
    staff_pages: Pages, stuck: Purchase, now: Clock, htmx: bool
) -> None:
    now.advance(minutes=1)
    page = staff_pages.get("/staff/failed-jobs")
    done = staff_pages.submit(page, f"#retry-{stuck.id}", htmx=htmx)
    assert "Completed: order ORD-" in done.words
    assert "None. Every checkout is completed or rolled back." in done.words
    assert tests_consistency.state_of(stuck.id) == "completed"
    (act,) = audit_entries_of("accounts")
    assert (act.actor, act.what, act.subject[:4]) == (CLERK, "checkout tried again", "ORD-")


def test_a_second_retry_finds_it_done(staff_pages: Pages, stuck: Purchase, now: Clock) -> None:
    now.advance(minutes=1)
    page = staff_pages.get("/staff/failed-jobs")
    staff_pages.submit(page, f"#retry-{stuck.id}")
    assert "The checkout has finished in the meantime." in staff_pages.submit(page, f"#retry-{stuck.id}").words
    assert len(audit_entries_of("accounts")) == 1
    with staff_pages.app.test_request_context(base_url=staff_pages.app.config["PUBLIC_ORIGIN"]):
        stuck.assert_complete()


def test_a_checkout_that_fails_again_stays_with_its_error(
    staff_pages: Pages, stuck: Purchase, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    now.advance(minutes=1)
    at_step(monkeypatch, "sell", raising(no_database()), times=FOR_EVER)
    done = staff_pages.submit(staff_pages.get("/staff/failed-jobs"), f"#retry-{stuck.id}")
    assert "Retried without progress." in done.words
    assert [one.attempts for one in checkout.unfinished_checkouts()] == [2]


def test_retrying_an_unknown_checkout_does_nothing(staff_pages: Pages, stuck: Purchase) -> None:
    page = staff_pages.get("/staff/failed-jobs")
    page.one(f"#retry-{stuck.id}")["action"] = "/staff/failed-jobs/checkouts/none/attempts"
    staff_pages.submit(page, f"#retry-{stuck.id}", status=404)


# -------------------------------------------------------------------------------------------- messages


@pytest.mark.parametrize("schema", TABLES)
def test_a_failed_message_is_shown_without_its_payload(staff_pages: Pages, now: Clock, schema: str) -> None:
    message = parked(schema, now)
    now.advance(hours=2)
    page = staff_pages.get("/staff/failed-jobs")
    row = " ".join(page.one(f"#message-{schema}-{message}").get_text(" ").split())
    assert "2 hours 800" in row
    assert "OSError: no route Failed" in row
    assert "a-secret" not in page.response.text
    assert "1 undelivered message" in staff_pages.get("/staff").words
    assert "news/1: parked: OSError: no route" in list(consistency.violations())


@pytest.mark.parametrize("htmx", [False, True], ids=["page", "htmx"])
@pytest.mark.parametrize("schema", TABLES)
def test_a_retried_message_is_due_now_and_logged(staff_pages: Pages, now: Clock, schema: str, htmx: bool) -> None:
    message = parked(schema, now)
    done = staff_pages.submit(staff_pages.get("/staff/failed-jobs"), f"#retry-{schema}-{message}", htmx=htmx)
    assert "Queued for delivery." in done.words
    heard = deliver(schema)
    assert heard == ["news/1"]
    (act,) = audit_entries_of("accounts" if schema == "payments" else schema)  # the payments keep no trail
    assert (act.actor, act.what, act.subject) == (CLERK, "message tried again", "news/1")
    assert act.detail == "after 800 attempts: OSError: no route"


def test_a_retried_message_wakes_the_worker(app: Flask, now: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    message = parked("orders", now)
    wakes: list[int] = []
    monkeypatch.setitem(app.extensions, "wake_worker", lambda: wakes.append(1))
    assert dead_letters_by_schema()["orders"].requeue(message, actor=CLERK)
    assert not dead_letters_by_schema()["orders"].requeue(message, actor=CLERK)
    assert wakes == [1], "a second click asks for nothing"


def deliver(schema: str) -> list[str]:
    """Deliver one outbox, as the worker does.

    :return: the keys that arrived
    """
    heard: list[str] = []

    def listen(key: str, payload: Mapping[str, Any]) -> None:
        heard.append(key)

    outbox.deliver(schema, TABLES[schema], {"news": listen})
    return heard


def test_of_two_clicks_one_requeues_the_message(staff_pages: Pages, now: Clock) -> None:
    message = parked("orders", now)
    page = staff_pages.get("/staff/failed-jobs")
    staff_pages.submit(page, f"#retry-orders-{message}")
    again = staff_pages.submit(page, f"#retry-orders-{message}")
    assert "Nothing to do" in again.words
    assert len(audit_entries_of("orders")) == 1
    assert deliver("orders") == ["news/1"]


def test_a_message_that_will_be_retried_has_no_button(staff_pages: Pages, now: Clock) -> None:
    in_a_minute = now.read() + timedelta(minutes=1)
    message = post_message("orders", attempts=2, last_error="OSError: no route", due_at=in_a_minute)
    row = staff_pages.get("/staff/failed-jobs").one(f"#message-orders-{message}")
    assert "Next attempt 22 Nov 2026, 17:31" in " ".join(row.get_text(" ").split())
    assert not row.select("form")
    assert not dead_letters_by_schema()["orders"].requeue(message, actor=CLERK)
    assert list(consistency.violations()) == []


def test_delivered_and_waiting_messages_are_not_listed(staff_pages: Pages, now: Clock) -> None:
    post_message("orders", "news/1")
    post_message("orders", "news/2", last_error="OSError", delivered_at=now.read())
    assert dead_letters_by_schema()["orders"].count() == 0
    assert "None. Every e-mail" in staff_pages.get("/staff/failed-jobs").words


def test_a_message_overdue_by_ten_minutes_is_listed_and_a_violation(staff_pages: Pages, now: Clock) -> None:
    post_message("accounts", "news/1")
    now.advance(minutes=11)
    assert [message.key for message in dead_letters_by_schema()["accounts"].entries()] == ["news/1"]
    assert list(consistency.violations()) == ["news/1: not delivered after 0 attempts: "]


def test_a_message_of_an_unknown_schema_is_not_found(staff_pages: Pages, now: Clock) -> None:
    message = parked("orders", now)
    page = staff_pages.get("/staff/failed-jobs")
    page.one(f"#retry-orders-{message}")["action"] = f"/staff/failed-jobs/messages/cart/{message}/attempts"
    staff_pages.submit(page, f"#retry-orders-{message}", status=404)


def test_every_outbox_the_worker_delivers_is_watched(app: Flask) -> None:
    assert set(dead_letters_by_schema()) == set(TABLES)
    for schema, messages in dead_letters_by_schema().items():
        assert messages.table is TABLES[schema]
    assert tasks.deliver_outboxes() >= 0
