"""The tables of the webhooks schema."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.dialects import mysql
from sqlalchemy.orm import Mapped, mapped_column

from storefront.db.audit_log import AuditEntryMixin
from storefront.db.column_types import UtcDateTime
from storefront.db.outbox import OutboxMessage
from storefront.db.session import Model
from storefront.webhooks.values import (
    MAX_DESCRIPTION_LENGTH,
    MAX_URL_LENGTH,
    DeliveryState,
    DisabledReason,
    EndpointState,
)

MAX_SECRET_LENGTH = 255  # characters of an encrypted secret
MAX_EVENT_ID_LENGTH = 64
MAX_ERROR_LENGTH = 255
MAX_ANSWER_LENGTH = 1000  # characters kept of an answer


def _one_of(column: str, values: type[EndpointState] | type[DeliveryState] | type[DisabledReason]) -> str:
    return f"{column} IN (" + ", ".join(f"'{value}'" for value in values) + ")"


class WebhooksModel(Model):
    """Base of the tables in the webhooks schema."""

    __abstract__ = True
    __bind_key__ = "webhooks"


class Endpoint(WebhooksModel):
    """An address that events are delivered to.

    :cvar key: idempotency key of the form that added it
    :cvar events: a list of event types
    :cvar secret: signs deliveries; encrypted, see `signing_secrets`
    :cvar previous_secret: signs them, too, until `previous_secret_until`
    :cvar busy_until: while a delivery is being sent, the end of the lease; nothing else is sent to it meanwhile
    :cvar failing_since: the first failed attempt since the last success
    :cvar failures: failed attempts since the last success
    """

    __tablename__ = "endpoints"
    __table_args__ = (
        CheckConstraint(_one_of("state", EndpointState), name="state"),
        CheckConstraint(f"disabled_reason IS NULL OR {_one_of('disabled_reason', DisabledReason)}", name="reason"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    url: Mapped[str] = mapped_column(String(MAX_URL_LENGTH))
    description: Mapped[str] = mapped_column(String(MAX_DESCRIPTION_LENGTH))
    events: Mapped[list[Any]] = mapped_column(JSON)
    state: Mapped[str] = mapped_column(String(16))
    version: Mapped[int] = mapped_column(default=1)
    secret: Mapped[str] = mapped_column(String(MAX_SECRET_LENGTH))
    previous_secret: Mapped[str | None] = mapped_column(String(MAX_SECRET_LENGTH))
    previous_secret_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[str] = mapped_column(String(80))
    busy_until: Mapped[datetime] = mapped_column(UtcDateTime)
    failing_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    failures: Mapped[int] = mapped_column(default=0)
    last_success_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    disabled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    disabled_reason: Mapped[str | None] = mapped_column(String(16))


class Event(WebhooksModel):
    """An event that at least one endpoint subscribes to, with the body that is sent to all of them.

    :cvar id: the header `webhook-id`
    """

    __tablename__ = "events"

    id: Mapped[str] = mapped_column(String(MAX_EVENT_ID_LENGTH), primary_key=True)
    type: Mapped[str] = mapped_column(String(40))
    payload: Mapped[str] = mapped_column(Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class Delivery(WebhooksModel):
    """The delivery of an event to an endpoint, with the result of the last attempt.

    :cvar due_at: when it is tried next; while it is being sent, the end of the lease
    :cvar attempts: since it was recorded, or resent
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        CheckConstraint(_one_of("state", DeliveryState), name="state"),
        Index("ix_deliveries_state_due_at", "state", "due_at"),
        Index("ix_deliveries_endpoint_id_state", "endpoint_id", "state", "id"),
        Index("uq_deliveries_event_id_endpoint_id", "event_id", "endpoint_id", unique=True),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    endpoint_id: Mapped[int] = mapped_column(ForeignKey(Endpoint.id, ondelete="CASCADE"))
    event_id: Mapped[str] = mapped_column(ForeignKey(Event.id, ondelete="CASCADE"))
    state: Mapped[str] = mapped_column(String(16))
    attempts: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    attempted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    status: Mapped[int | None]
    error: Mapped[str] = mapped_column(String(MAX_ERROR_LENGTH), default="")
    duration_ms: Mapped[int | None]
    answer: Mapped[str] = mapped_column(String(MAX_ANSWER_LENGTH), default="")


class AuditEntry(AuditEntryMixin, WebhooksModel):
    """The audit log of the webhooks schema."""


class Message(OutboxMessage, WebhooksModel):
    """The outbox of the webhooks schema."""
