"""The log of deliveries: read page by page, and resent from."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import update

from storefront.db.audit_log import AuditQuery
from storefront.db.session import transaction
from storefront.webhooks import log
from storefront.webhooks import service as webhooks
from storefront.webhooks.models import Delivery as DeliveryRow
from storefront.webhooks.values import (
    Delivery,
    DeliveryState,
    EndpointNotActive,
    UnknownDelivery,
    UnknownEndpoint,
)
from tests.factories.webhooks import delivery_of, make_delivery, make_endpoint, send_all
from tests.fakes import Clock
from tests.webhook_receiver import Receiver

ADMIN = "admin@example.com"


def give_up(delivery: Delivery) -> None:
    with transaction("webhooks") as session:
        given_up = {"state": DeliveryState.FAILED, "attempts": 10, "error": "answered 500", "status": 500}
        session.execute(update(DeliveryRow).where(DeliveryRow.id == delivery.id).values(**given_up))


def last_act() -> tuple[str, str]:
    entry = next(webhooks.audit_entries(AuditQuery(), 1))
    return entry.what, entry.detail


def test_the_log_is_read_newest_first_page_by_page(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "PAGE_SIZE", 2)
    made, other = make_endpoint(), make_endpoint()
    ids = [make_delivery(made.endpoint_id).id for _ in range(5)][::-1]
    seen, cursor = [], ""
    while True:
        page = webhooks.list_deliveries(made.endpoint_id, cursor=cursor)
        seen += [delivery.id for delivery in page.deliveries]
        if not (cursor := page.paged.next):
            break
    assert seen == ids
    assert len(webhooks.list_deliveries(other.endpoint_id).deliveries) == 2


def test_the_log_is_filtered_by_state(app: Flask) -> None:
    made = make_endpoint()
    failed, waiting = make_delivery(made.endpoint_id), make_delivery(made.endpoint_id)
    give_up(failed)

    def ids(state: DeliveryState) -> list[int]:
        return [delivery.id for delivery in webhooks.list_deliveries(made.endpoint_id, state).deliveries]

    assert ids(DeliveryState.FAILED) == [failed.id]
    assert ids(DeliveryState.PENDING) == [waiting.id]
    assert ids(DeliveryState.DELIVERED) == []


def test_a_delivery_of_another_endpoint_is_unknown(app: Flask) -> None:
    made, other = make_endpoint(), make_endpoint()
    delivery = make_delivery(made.endpoint_id)
    with pytest.raises(UnknownDelivery):
        webhooks.get_delivery(other.endpoint_id, delivery.id)
    with pytest.raises(UnknownDelivery):
        webhooks.resend(other.endpoint_id, delivery.id, actor=ADMIN)
    with pytest.raises(UnknownEndpoint):
        webhooks.resend(2147483647, delivery.id, actor=ADMIN)


def test_a_delivery_is_resent_with_the_same_id_and_tried_as_often_again(
    app: Flask, receiver: Receiver, now: Clock
) -> None:
    made = make_endpoint(receiver.url)
    delivery = make_delivery(made.endpoint_id)
    give_up(delivery)
    receiver.answers = [500, 200]
    webhooks.resend(made.endpoint_id, delivery.id, actor=ADMIN)
    send_all()
    now.advance(seconds=6)
    send_all()
    assert receiver.ids == [delivery.event_id] * 2
    done = delivery_of(made.endpoint_id, delivery.event_id)
    assert (done.state, done.attempts, done.error) == (DeliveryState.DELIVERED, 2, "")
    webhooks.resend(made.endpoint_id, delivery.id, actor=ADMIN)
    send_all()
    assert len(receiver.received) == 3, "what was delivered can be resent, too"
    assert last_act() == ("webhook resent", f"delivery {delivery.id}: 1")


def test_all_that_failed_since_a_moment_is_resent(app: Flask, receiver: Receiver, now: Clock) -> None:
    made, other = make_endpoint(receiver.url), make_endpoint()
    before = make_delivery(made.endpoint_id)
    now.advance(hours=1)
    since = now.read()
    after = [make_delivery(made.endpoint_id) for _ in range(3)]
    for delivery in (before, *after, delivery_of(other.endpoint_id, after[0].event_id)):
        give_up(delivery)
    assert webhooks.resend_failed(made.endpoint_id, since, actor=ADMIN) == 3
    assert webhooks.resend_failed(made.endpoint_id, since, actor=ADMIN) == 0
    send_all()
    assert sorted(receiver.ids) == sorted(delivery.event_id for delivery in after)
    assert last_act()[1].endswith(": 3")


@pytest.mark.parametrize("is_gone", [False, True], ids=["paused", "disabled"])
def test_nothing_is_resent_to_an_endpoint_that_is_not_active(app: Flask, receiver: Receiver, is_gone: bool) -> None:
    receiver.answers = [410]
    made = make_endpoint(receiver.url)
    delivery = make_delivery(made.endpoint_id)
    send_all() if is_gone else webhooks.set_paused(made.endpoint_id, True, actor=ADMIN)
    with pytest.raises(EndpointNotActive):
        webhooks.resend(made.endpoint_id, delivery.id, actor=ADMIN)
    with pytest.raises(EndpointNotActive):
        webhooks.resend_failed(made.endpoint_id, delivery.created_at - timedelta(days=1), actor=ADMIN)
