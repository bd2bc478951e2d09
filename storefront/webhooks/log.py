"""The log of deliveries: read, and resent from."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, literal, select, update

from storefront.core.clock import utc_now
from storefront.db import outbox
from storefront.db.pagination import SortKeys, paginate
from storefront.db.session import read_session, retry_on_deadlock, rows_changed, transaction
from storefront.webhooks.endpoints import lock, record_audit
from storefront.webhooks.models import Delivery, Endpoint, Event
from storefront.webhooks.values import Delivery as DeliveryValue
from storefront.webhooks.values import (
    DeliveryPage,
    DeliveryState,
    EndpointNotActive,
    EndpointState,
    UnknownDelivery,
)

PAGE_SIZE = 50
OVERDUE = timedelta(minutes=10)  # a due delivery to an active endpoint that nobody sent for so long is a fault

_KEYS = SortKeys((Delivery.id,), (int,), is_descending=True)


def list_deliveries(endpoint_id: int, state: DeliveryState | None = None, cursor: str = "") -> DeliveryPage:
    """Read a page of an endpoint's log, newest first.

    :param state: only deliveries in this state
    :param cursor: of the page, from `DeliveryPage.paged`
    """
    without_payload = literal("").label("payload")
    chosen = select(Delivery, Event.type, without_payload).join(Event, Event.id == Delivery.event_id)
    chosen = chosen.where(Delivery.endpoint_id == endpoint_id)
    if state is not None:
        chosen = chosen.where(Delivery.state == state)
    rows, paged = paginate(chosen, _KEYS, cursor, PAGE_SIZE)
    return DeliveryPage(tuple(map(_value_of, rows)), paged)


def get_delivery(endpoint_id: int, delivery_id: int) -> DeliveryValue:
    """Read one delivery.

    :raise UnknownDelivery: the endpoint has none with this id
    """
    asked = select(Delivery, Event.type, Event.payload).join(Event, Event.id == Delivery.event_id)
    row = read_session().execute(asked.where(*_is_one(endpoint_id, delivery_id))).first()
    if row is None:
        raise UnknownDelivery(delivery_id)
    return _value_of(row)


@retry_on_deadlock
def resend(endpoint_id: int, delivery_id: int, *, actor: str) -> None:
    """Send a delivery again at once, with the same `webhook-id`; one that waits for its next attempt, too.

    :raise UnknownEndpoint: there is none with this id
    :raise UnknownDelivery: the endpoint has none with this id
    :raise EndpointNotActive: it must be resumed first
    """
    if not _resend(endpoint_id, _is_one(endpoint_id, delivery_id), actor, f"delivery {delivery_id}"):
        raise UnknownDelivery(delivery_id)


@retry_on_deadlock
def resend_failed(endpoint_id: int, since: datetime, *, actor: str) -> int:
    """Send every delivery of an endpoint again that was given up.

    :param since: recorded at this moment or later
    :return: how many
    :raise UnknownEndpoint: there is none with this id
    :raise EndpointNotActive: it must be resumed first
    """
    failed = (Delivery.endpoint_id == endpoint_id, Delivery.state == DeliveryState.FAILED, Delivery.created_at >= since)
    return _resend(endpoint_id, failed, actor, f"all failed since {since:%Y-%m-%d %H:%M} UTC")


def _resend(endpoint_id: int, chosen: tuple[ColumnElement[bool], ...], actor: str, detail: str) -> int:
    with transaction("webhooks") as session:
        endpoint = lock(session, endpoint_id)
        if endpoint.state != EndpointState.ACTIVE:
            raise EndpointNotActive(endpoint_id)
        anew = {"state": DeliveryState.PENDING, "attempts": 0, "due_at": utc_now()}
        count = rows_changed(session.execute(update(Delivery).where(*chosen).values(**anew)))
        if count:
            record_audit(session, endpoint, actor, "webhook resent", f"{detail}: {count}")
            outbox.wake_worker(session)
        return count


def count_overdue() -> int:
    """Count the deliveries to active endpoints that are due for longer than `OVERDUE`: no worker sends them."""
    due = (Delivery.state == DeliveryState.PENDING, Delivery.due_at < utc_now() - OVERDUE)
    overdue = select(func.count(Delivery.id)).join(Endpoint, Endpoint.id == Delivery.endpoint_id)
    return read_session().scalar(overdue.where(*due, Endpoint.state == EndpointState.ACTIVE)) or 0


def _is_one(endpoint_id: int, delivery_id: int) -> tuple[ColumnElement[bool], ...]:
    return (Delivery.id == delivery_id, Delivery.endpoint_id == endpoint_id)


def _value_of(found: Any) -> DeliveryValue:
    """The value of a row of `Delivery`, with the type and payload of its event."""
    row: Delivery = found.Delivery
    return DeliveryValue(
        id=row.id,
        endpoint_id=row.endpoint_id,
        event_id=row.event_id,
        event_type=found.type,
        state=DeliveryState(row.state),
        attempts=row.attempts,
        created_at=row.created_at,
        due_at=row.due_at,
        attempted_at=row.attempted_at,
        status=row.status,
        error=row.error,
        duration_ms=row.duration_ms,
        answer=row.answer,
        payload=found.payload,
    )
