"""Endpoints: added once, changed, paused, given new secrets, and deleted, each in the audit log."""

from __future__ import annotations

import uuid

import pytest
from flask import Flask
from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import DBAPIError

from storefront.db.audit_log import AuditQuery
from storefront.db.session import read_session, transaction
from storefront.webhooks import endpoints
from storefront.webhooks import service as webhooks
from storefront.webhooks.models import AuditEntry, Delivery
from storefront.webhooks.models import Endpoint as EndpointRow
from storefront.webhooks.values import (
    EndpointConflict,
    EndpointDraft,
    EndpointNotActive,
    EndpointState,
    EventType,
    TooManyEndpoints,
    UnknownEndpoint,
    UrlRefused,
)
from tests.factories.webhooks import ALL, LOCAL_URL, delivery_of, make_delivery, make_endpoint, make_event, send_all
from tests.fakes import Clock
from tests.webhook_receiver import Receiver

ADMIN = "admin@example.com"
PAID_ONLY = frozenset({EventType.ORDER_PAID})


def acts() -> list[tuple[str, str, str]]:
    """What is in the audit log, oldest first."""
    entries = webhooks.audit_entries(AuditQuery(), 100)
    return [(entry.what, entry.subject, entry.detail) for entry in entries][::-1]


def test_an_endpoint_is_added_with_a_secret_of_its_own(app: Flask) -> None:
    first, second = make_endpoint(events=PAID_ONLY), make_endpoint()
    endpoint = webhooks.get_endpoint(first.endpoint_id)
    assert (endpoint.url, endpoint.host, endpoint.events) == (LOCAL_URL, "127.0.0.1", PAID_ONLY)
    assert (endpoint.state, endpoint.created_by) == (EndpointState.ACTIVE, ADMIN)
    assert first.secret != second.secret
    stored = read_session().scalars(select(EndpointRow.secret)).all()
    assert all(first.secret not in text and second.secret not in text for text in stored if first.secret)
    assert acts()[0] == ("webhook added", f"{endpoint.id} 127.0.0.1", "order.paid")


def test_a_form_that_is_sent_twice_adds_one_endpoint(app: Flask) -> None:
    draft, key = EndpointDraft(LOCAL_URL, "", ALL), uuid.uuid4().hex
    first = webhooks.add_endpoint(draft, key=key, actor=ADMIN)
    second = webhooks.add_endpoint(draft, key=key, actor=ADMIN)
    assert second == type(second)(first.endpoint_id, None)
    assert len(webhooks.list_endpoints()) == 1


def test_a_private_address_is_refused_when_it_is_entered(app: Flask) -> None:
    with pytest.raises(UrlRefused):
        make_endpoint("https://10.0.0.1/")
    made = make_endpoint()
    with pytest.raises(UrlRefused):
        webhooks.change_endpoint(made.endpoint_id, EndpointDraft("https://10.0.0.1/", "", ALL), seen=1, actor=ADMIN)
    assert [summary.endpoint.url for summary in webhooks.list_endpoints()] == [LOCAL_URL]


def test_there_are_not_too_many(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoints, "MAX_ENDPOINTS", 1)
    make_endpoint()
    with pytest.raises(TooManyEndpoints):
        make_endpoint()


def test_changes_are_noted_without_the_path_of_the_url(app: Flask) -> None:
    """Some receivers have their secret in it."""
    made = make_endpoint()
    draft = EndpointDraft("http://localhost:9/services/T0SECRET", "Chat", PAID_ONLY)
    webhooks.change_endpoint(made.endpoint_id, draft, seen=1, actor=ADMIN)
    endpoint = webhooks.get_endpoint(made.endpoint_id)
    assert (endpoint.url, endpoint.description, endpoint.events) == (draft.url, "Chat", PAID_ONLY)
    what, subject, detail = acts()[-1]
    assert (what, subject) == ("webhook changed", f"{made.endpoint_id} localhost")
    assert detail == "URL changed, host localhost; description “Chat”; events order.paid"
    webhooks.change_endpoint(made.endpoint_id, draft, seen=2, actor=ADMIN)
    assert len(acts()) == 2, "nothing changed"


def test_a_change_by_somebody_else_is_not_overwritten(app: Flask) -> None:
    made = make_endpoint()
    webhooks.change_endpoint(made.endpoint_id, EndpointDraft(LOCAL_URL, "Mine", ALL), seen=1, actor=ADMIN)
    with pytest.raises(EndpointConflict) as conflict:
        webhooks.change_endpoint(made.endpoint_id, EndpointDraft(LOCAL_URL, "Yours", ALL), seen=1, actor=ADMIN)
    assert conflict.value.endpoint.description == "Mine"
    assert webhooks.get_endpoint(made.endpoint_id).description == "Mine"


def test_what_happens_while_it_is_paused_is_sent_when_it_is_resumed(app: Flask, receiver: Receiver) -> None:
    made = make_endpoint(receiver.url)
    webhooks.set_paused(made.endpoint_id, True, actor=ADMIN)
    webhooks.record_event(make_event())
    assert send_all() == 0
    with pytest.raises(EndpointNotActive):
        webhooks.send_test_event(made.endpoint_id, actor=ADMIN)
    webhooks.set_paused(made.endpoint_id, False, actor=ADMIN)
    webhooks.set_paused(made.endpoint_id, False, actor=ADMIN)
    assert send_all() == 1
    assert receiver.types == ["order.paid"]
    assert [what for what, _, _ in acts()] == ["webhook added", "webhook paused", "webhook resumed"]


def test_both_secrets_sign_for_a_day_after_a_rotation(app: Flask, receiver: Receiver, now: Clock) -> None:
    made = make_endpoint(receiver.url)
    assert made.secret is not None
    new = webhooks.rotate_secret(made.endpoint_id, seen=1, actor=ADMIN).secret
    assert new is not None

    def signed_with() -> list[bool]:
        webhooks.record_event(make_event())
        send_all()
        request = receiver.received[-1]
        return [request.is_signed_with(secret) for secret in (str(made.secret), str(new))]

    assert signed_with() == [True, True]
    now.advance(hours=23, minutes=59)
    assert signed_with() == [True, True]
    now.advance(minutes=1)
    assert signed_with() == [False, True]
    assert len(receiver.received[-1].headers["webhook-signature"].split(" ")) == 1
    assert webhooks.keep_secrets_readable() == 1
    assert read_session().scalars(select(EndpointRow.previous_secret)).all() == [None]


def test_a_second_click_does_not_rotate_again(app: Flask) -> None:
    made = make_endpoint()
    webhooks.rotate_secret(made.endpoint_id, seen=1, actor=ADMIN)
    with pytest.raises(EndpointConflict):
        webhooks.rotate_secret(made.endpoint_id, seen=1, actor=ADMIN)
    assert [what for what, _, _ in acts()].count("webhook secret rotated") == 1


def test_an_endpoint_is_deleted_with_its_log(app: Flask) -> None:
    made, other = make_endpoint(), make_endpoint()
    delivery = make_delivery(made.endpoint_id)
    webhooks.delete_endpoint(made.endpoint_id, actor=ADMIN)
    webhooks.delete_endpoint(made.endpoint_id, actor=ADMIN)
    with pytest.raises(UnknownEndpoint):
        webhooks.get_endpoint(made.endpoint_id)
    assert delivery_of(other.endpoint_id, delivery.event_id)
    assert read_session().scalar(select(func.count(Delivery.id))) == 1
    assert [what for what, _, _ in acts()].count("webhook deleted") == 1


def test_secrets_outlive_a_change_of_the_key(app: Flask, monkeypatch: pytest.MonkeyPatch, receiver: Receiver) -> None:
    """The worker stores them anew, so that the former key can be forgotten."""
    made, former = make_endpoint(receiver.url), app.config["SECRET_KEY"]
    webhooks.rotate_secret(made.endpoint_id, seen=1, actor=ADMIN)
    monkeypatch.setitem(app.config, "SECRET_KEY", "the new key")
    assert len(list(webhooks.violations())) == 1
    monkeypatch.setitem(app.config, "SECRET_KEY_FALLBACKS", [former])
    assert list(webhooks.violations()) == []
    assert webhooks.keep_secrets_readable() == 1
    assert webhooks.keep_secrets_readable() == 0
    monkeypatch.setitem(app.config, "SECRET_KEY_FALLBACKS", [])
    assert list(webhooks.violations()) == []
    webhooks.record_event(make_event())
    send_all()
    assert receiver.received[0].is_signed_with(str(made.secret))


def test_a_secret_that_cannot_be_read_sends_nothing_and_says_why(
    app: Flask, monkeypatch: pytest.MonkeyPatch, receiver: Receiver
) -> None:
    made = make_endpoint(receiver.url)
    monkeypatch.setitem(app.config, "SECRET_KEY", "the new key")
    delivery = make_delivery(made.endpoint_id)
    send_all()
    assert receiver.received == []
    assert "rotate the secret" in delivery_of(made.endpoint_id, delivery.event_id).error
    (violation,) = webhooks.violations()
    assert violation.startswith(f"webhook {made.endpoint_id} (127.0.0.1): SECRET_KEY was changed")
    webhooks.keep_secrets_readable()  # leaves it alone
    new = webhooks.rotate_secret(made.endpoint_id, seen=1, actor=ADMIN)
    webhooks.resend(made.endpoint_id, delivery.id, actor=ADMIN)
    with transaction("webhooks") as session:  # only the new one counts
        overlap = {"previous_secret": None, "previous_secret_until": None}
        session.execute(update(EndpointRow).values(**overlap))
    send_all()
    assert receiver.received[0].is_signed_with(str(new.secret))


def test_the_list_counts_what_waits_and_what_failed(app: Flask) -> None:
    made = make_endpoint()
    for state in ("pending", "pending", "failed", "delivered"):
        delivery = make_delivery(made.endpoint_id)
        with transaction("webhooks") as session:
            session.execute(update(Delivery).where(Delivery.id == delivery.id).values(state=state))
    (summary,) = webhooks.list_endpoints()
    assert (summary.pending, summary.failed) == (2, 1)


@pytest.mark.parametrize("statement", [update(AuditEntry).values(actor="nobody"), delete(AuditEntry)])
def test_the_audit_log_is_never_changed(app: Flask, statement: object) -> None:
    make_endpoint()
    with pytest.raises(DBAPIError, match="never changed"), transaction("webhooks") as session:
        session.execute(statement)  # type: ignore[call-overload]
    assert len(acts()) == 1
