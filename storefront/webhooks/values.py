"""Values and errors of the webhooks' public functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from storefront.core.errors import DomainError, NotFoundError
from storefront.db.pagination import PageCursors

MAX_URL_LENGTH = 500  # characters
MAX_DESCRIPTION_LENGTH = 120  # characters
MAX_ENDPOINTS = 50


class EventType(StrEnum):
    """What endpoints can subscribe to."""

    ORDER_CONFIRMED = "order.confirmed"
    ORDER_PAID = "order.paid"
    ORDER_SHIPPED = "order.shipped"
    ORDER_CANCELLED = "order.cancelled"
    ORDER_REFUNDED = "order.refunded"
    STOCK_LOW = "stock.low"
    STOCK_BACK = "stock.back"


TEST_EVENT = "webhook.test"  # sent to one endpoint, on request of an admin


class EndpointState(StrEnum):
    """The state of an endpoint."""

    ACTIVE = "active"
    PAUSED = "paused"  # by an admin: events are kept and sent when it is resumed
    DISABLED = "disabled"  # by the shop, after repeated failure or a 410: no event is kept for it


class DeliveryState(StrEnum):
    """The state of the delivery of an event to an endpoint."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"  # given up; an admin can resend it


class DisabledReason(StrEnum):
    """Why the shop disabled an endpoint."""

    GONE = "gone"  # it answered 410
    FAILING = "failing"  # every attempt failed for days


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in the shop.

    :ivar id: the same however often the event is recorded or sent; the header `webhook-id`
    :ivar type: an `EventType`, or `TEST_EVENT`
    :ivar occurred_at: when it happened
    :ivar data: of the payload; JSON
    """

    id: str
    type: str
    occurred_at: datetime
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class EndpointDraft:
    """What an admin enters of an endpoint.

    :ivar url: at most `MAX_URL_LENGTH` characters
    :ivar description: at most `MAX_DESCRIPTION_LENGTH` characters; may be empty
    :ivar events: at least one
    """

    url: str
    description: str
    events: frozenset[EventType]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint.

    :ivar host: of its URL, for headings
    :ivar version: grows with each change by an admin
    :ivar disabled_reason: None unless it is disabled
    :ivar failing_since: the first failed attempt since the last success; None if there is none
    :ivar failures: failed attempts since the last success
    :ivar previous_secret_until: until when deliveries are also signed with the secret before; None if only with one
    """

    id: int
    url: str
    host: str
    description: str
    events: frozenset[EventType]
    state: EndpointState
    version: int
    created_at: datetime
    created_by: str
    disabled_at: datetime | None
    disabled_reason: DisabledReason | None
    failing_since: datetime | None
    failures: int
    last_success_at: datetime | None
    previous_secret_until: datetime | None


@dataclass(frozen=True, slots=True)
class EndpointSummary:
    """An endpoint in the list.

    :ivar pending: deliveries that wait for their next attempt
    :ivar failed: deliveries that were given up
    """

    endpoint: Endpoint
    pending: int
    failed: int


@dataclass(frozen=True, slots=True)
class NewSecret:
    """The signing secret of an endpoint, to be shown once.

    :ivar secret: as receivers enter it: `whsec_` and base64; None when this request was answered before
    """

    endpoint_id: int
    secret: str | None


@dataclass(frozen=True, slots=True)
class Delivery:
    """The delivery of an event to an endpoint.

    :ivar attempts: since it was recorded, or resent
    :ivar due_at: when it is tried next, if it is pending
    :ivar status: HTTP status of the last answer; None without one
    :ivar error: why the last attempt failed; empty if it did not
    :ivar duration_ms: of the last attempt, milliseconds; None before the first
    :ivar answer: the first characters of the last answer
    :ivar payload: the body as it is sent; empty in lists
    """

    id: int
    endpoint_id: int
    event_id: str
    event_type: str
    state: DeliveryState
    attempts: int
    created_at: datetime
    due_at: datetime
    attempted_at: datetime | None
    status: int | None
    error: str
    duration_ms: int | None
    answer: str
    payload: str


@dataclass(frozen=True, slots=True)
class DeliveryPage:
    """A page of an endpoint's log, newest first."""

    deliveries: tuple[Delivery, ...]
    paged: PageCursors


class UrlProblem(StrEnum):
    """Why nothing is sent to a URL."""

    INVALID = "invalid"  # no URL with a host name and nothing but visible ASCII
    NOT_HTTPS = "not https"
    CREDENTIALS = "credentials"  # it holds a user name or password
    UNKNOWN_HOST = "unknown host"  # its name has no address
    PRIVATE = "private"  # its name has an address that is not public


class UrlRefused(DomainError):
    """Nothing is sent to this URL.

    :ivar problem: why
    """

    status = 422

    def __init__(self, problem: UrlProblem) -> None:
        super().__init__(problem)
        self.problem = problem


class UnknownEndpoint(NotFoundError):
    """No endpoint has this id."""


class UnknownDelivery(NotFoundError):
    """The endpoint has no delivery with this id."""


class TooManyEndpoints(DomainError):
    """There are `MAX_ENDPOINTS` already."""


class EndpointConflict(DomainError):
    """Somebody changed the endpoint since the caller read it.

    :ivar endpoint: as it is now
    """

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__(endpoint.id)
        self.endpoint = endpoint


class EndpointNotActive(DomainError):
    """The endpoint is disabled or paused, and nothing is sent to it."""


class SecretUnreadable(DomainError):
    """A stored secret was encrypted with a key that is neither SECRET_KEY nor one of SECRET_KEY_FALLBACKS."""
