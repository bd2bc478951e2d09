"""Endpoints and deliveries of webhooks."""

from __future__ import annotations

import uuid

from sqlalchemy import select

from storefront.core.clock import utc_now
from storefront.db.session import db, read_session
from storefront.webhooks import service as webhooks
from storefront.webhooks.models import Delivery as DeliveryRow
from storefront.webhooks.values import Delivery, EndpointDraft, Event, EventType, NewSecret

ALL = frozenset(EventType)
LOCAL_URL = "http://127.0.0.1:9/hooks"  # nobody listens


def make_endpoint(url: str = LOCAL_URL, events: frozenset[EventType] = ALL, description: str = "ERP") -> NewSecret:
    """Add an endpoint."""
    draft = EndpointDraft(url, description, events)
    return webhooks.add_endpoint(draft, key=uuid.uuid4().hex, actor="admin@example.com")


def make_event(event_type: str = EventType.ORDER_PAID, event_id: str = "") -> Event:
    """Make an event that was not recorded yet; its id is unique by default."""
    return Event(event_id or f"msg_{uuid.uuid4().hex}", event_type, utc_now(), {"order": {"id": "ORD-1"}})


def make_delivery(endpoint_id: int) -> Delivery:
    """Record an event for an endpoint that subscribes to it."""
    event = make_event()
    webhooks.record_event(event)
    return delivery_of(endpoint_id, event.id)


def delivery_of(endpoint_id: int, event_id: str) -> Delivery:
    """Read the delivery of an event."""
    db.session.rollback()
    mine = (DeliveryRow.endpoint_id == endpoint_id, DeliveryRow.event_id == event_id)
    return webhooks.get_delivery(endpoint_id, read_session().scalars(select(DeliveryRow.id).where(*mine)).one())


def send_all() -> int:
    """Send everything that is due now.

    :return: how many attempts were made
    """
    count = 0
    while webhooks.send_next():
        count += 1
    return count
