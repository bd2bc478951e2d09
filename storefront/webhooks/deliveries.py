"""The deliveries of events to endpoints: recorded, sent by the worker, retried, given up, resent and purged.

At least once: a process may die after the receiver answered and before that is noted. The order of events is not kept.
"""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Select, delete, insert, select, update
from sqlalchemy.orm import Session

from storefront.core.clock import utc_now
from storefront.db import outbox
from storefront.db.session import read_session, retry_on_conflict, retry_on_deadlock, rows_changed, transaction
from storefront.webhooks import sending, signing_secrets
from storefront.webhooks.endpoints import disable, lock, record_audit
from storefront.webhooks.models import MAX_ANSWER_LENGTH, MAX_ERROR_LENGTH, Delivery, Endpoint, Event
from storefront.webhooks.sending import Answer
from storefront.webhooks.values import (
    TEST_EVENT,
    DeliveryState,
    DisabledReason,
    EndpointNotActive,
    EndpointState,
    SecretUnreadable,
)
from storefront.webhooks.values import Event as EventValue

# After each failed attempt, as Standard Webhooks recommends: the last of ten attempts is 75 hours after the first.
RETRY_DELAYS = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
MAX_ATTEMPTS = len(RETRY_DELAYS) + 1
JITTER = 0.1  # a delay is longer by up to this part, so that retries do not come all at once
MAX_RETRY_AFTER = timedelta(hours=24)  # a receiver cannot ask for more
LEASE = timedelta(minutes=2)  # longer than an attempt, name resolution included
DISABLE_AFTER = timedelta(days=5)  # without a success,
DISABLE_AFTER_FAILURES = MAX_ATTEMPTS  # and after as many attempts, so that two events a week apart are not enough
RETENTION = timedelta(days=30)
PURGE_BATCH = 500  # events deleted in one transaction
GONE = 410


@dataclass(frozen=True, slots=True)
class _Claim:
    """A delivery that this process has to send.

    :ivar attempts: with this one
    :ivar secrets: encrypted, the present one first
    """

    id: int
    endpoint_id: int
    url: str
    secrets: tuple[str, ...]
    event_id: str
    payload: str
    attempts: int


# ------------------------------------------------------------------------------------------------- recording


def has_subscribers(event_type: str) -> bool:
    """Whether an event of this type would be delivered to any endpoint."""
    return bool(_subscribers(read_session(), event_type))


@retry_on_conflict
@retry_on_deadlock
def record_event(event: EventValue) -> int:
    """Record an event for every endpoint that subscribes to it, once for each id, and wake the worker.

    :return: how many endpoints it will be delivered to; 0 if it was recorded before, too
    """
    with transaction("webhooks") as session:
        if session.scalar(select(Event.id).where(Event.id == event.id)) is not None:
            return 0
        endpoints = _subscribers(session, event.type)
        if endpoints:
            _insert(session, event, endpoints)
        return len(endpoints)


@retry_on_deadlock
def send_test_event(endpoint_id: int, *, actor: str) -> None:
    """Have a test event sent to an endpoint, whatever it subscribes to.

    :raise UnknownEndpoint: there is none with this id
    :raise EndpointNotActive: it must be resumed first
    """
    now = utc_now()
    event = EventValue(f"msg_{uuid.uuid4().hex}", TEST_EVENT, now, {"message": "A test event, sent by hand."})
    with transaction("webhooks") as session:
        endpoint = lock(session, endpoint_id)
        if endpoint.state != EndpointState.ACTIVE:
            raise EndpointNotActive(endpoint_id)
        _insert(session, event, [endpoint_id])
        record_audit(session, endpoint, actor, "webhook tested")


def _insert(session: Session, event: EventValue, endpoints: Sequence[int]) -> None:
    now = utc_now()
    payload = {"id": event.id, "type": event.type, "payload": _payload_of(event), "created_at": now}
    session.execute(insert(Event).values(**payload))
    pending = {"event_id": event.id, "state": DeliveryState.PENDING, "attempts": 0, "error": "", "answer": ""}
    rows = [{**pending, "endpoint_id": endpoint, "created_at": now, "due_at": now} for endpoint in endpoints]
    session.execute(insert(Delivery), rows)
    outbox.wake_worker(session)


def _subscribers(session: Session, event_type: str) -> list[int]:
    enabled = select(Endpoint.id, Endpoint.events).where(Endpoint.state != EndpointState.DISABLED)
    return [row.id for row in session.execute(enabled.order_by(Endpoint.id)) if event_type in row.events]


def _payload_of(event: EventValue) -> str:
    timestamp = event.occurred_at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    content = {"type": event.type, "timestamp": timestamp, "data": event.data}
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


# --------------------------------------------------------------------------------------------------- sending


def send_next(on_claim: Callable[[], object] = lambda: None) -> bool:
    """Send the delivery that is due for longest, those of failing endpoints last; note what came of it.

    No transaction is open while it is sent. Nothing else is sent to the same endpoint meanwhile, so that a slow one
    keeps one sender only.

    :param on_claim: called when there is one, before it is sent
    :return: whether there was one
    """
    claim = _claim()
    if claim is None:
        return False
    on_claim()
    _note(claim, _send(claim))
    return True


@retry_on_deadlock
def _claim() -> _Claim | None:
    """Claim a delivery by leases on its endpoint and itself, which hide it from other senders."""
    while (found := read_session().execute(_next_due(utc_now())).first()) is not None:
        now = utc_now()
        with transaction("webhooks") as session:
            free = (
                Endpoint.id == found.endpoint_id,
                Endpoint.busy_until <= now,
                Endpoint.state == EndpointState.ACTIVE,
            )
            if not rows_changed(session.execute(update(Endpoint).where(*free).values(busy_until=now + LEASE))):
                continue
            due = (Delivery.id == found.id, Delivery.state == DeliveryState.PENDING, Delivery.due_at <= now)
            counted = {"due_at": now + LEASE, "attempts": Delivery.attempts + 1}
            if not rows_changed(session.execute(update(Delivery).where(*due).values(**counted))):
                session.execute(update(Endpoint).where(Endpoint.id == found.endpoint_id).values(busy_until=now))
                continue
            endpoint = session.get_one(Endpoint, found.endpoint_id)
            row, event = session.get_one(Delivery, found.id), session.get_one(Event, found.event_id)
            is_rotating = endpoint.previous_secret_until is not None and endpoint.previous_secret_until > now
            secrets = (endpoint.secret, endpoint.previous_secret if is_rotating else None)
            return _Claim(
                id=row.id,
                endpoint_id=endpoint.id,
                url=endpoint.url,
                secrets=tuple(secret for secret in secrets if secret is not None),
                event_id=event.id,
                payload=event.payload,
                attempts=row.attempts,
            )
    return None


def _next_due(now: datetime) -> Select[int, int, str]:
    return (
        select(Delivery.id, Delivery.endpoint_id, Delivery.event_id)
        .join(Endpoint, Endpoint.id == Delivery.endpoint_id)
        .where(
            Delivery.state == DeliveryState.PENDING,
            Delivery.due_at <= now,
            Endpoint.state == EndpointState.ACTIVE,
            Endpoint.busy_until <= now,
        )
        .order_by(Endpoint.failures > 0, Delivery.due_at, Delivery.id)
        .limit(1)
    )


def _send(claim: _Claim) -> Answer:
    try:
        secrets = [signing_secrets.decrypt(secret) for secret in claim.secrets]
    except SecretUnreadable:
        return Answer(None, "the signing secret cannot be read: SECRET_KEY was changed; rotate the secret", "", 0)
    signed = signing_secrets.signature_headers(secrets, claim.event_id, utc_now(), claim.payload)
    headers = {"Content-Type": "application/json", "User-Agent": "storefront-webhooks", **signed}
    return sending.post(claim.url, headers, claim.payload.encode())


@retry_on_deadlock
def _note(claim: _Claim, answer: Answer) -> None:
    """Note the result of an attempt, unless the lease expired and another sender took the delivery over."""
    now = utc_now()
    with transaction("webhooks") as session:
        endpoint = session.scalar(select(Endpoint).where(Endpoint.id == claim.endpoint_id).with_for_update())
        if endpoint is None:  # deleted meanwhile, with its deliveries
            return
        endpoint.busy_until = now
        result = {
            **_next_state(claim, answer, now),
            "attempted_at": now,
            "status": answer.status,
            "error": answer.error[:MAX_ERROR_LENGTH],
            "duration_ms": answer.duration_ms,
            "answer": answer.text.replace("\0", "")[:MAX_ANSWER_LENGTH],
        }
        mine = (Delivery.id == claim.id, Delivery.attempts == claim.attempts, Delivery.state == DeliveryState.PENDING)
        if rows_changed(session.execute(update(Delivery).where(*mine).values(**result))):
            _count(session, endpoint, answer, now)


def _next_state(claim: _Claim, answer: Answer, now: datetime) -> dict[str, Any]:
    if answer.is_success:
        return {"state": DeliveryState.DELIVERED}
    if answer.status == GONE or claim.attempts >= MAX_ATTEMPTS:
        return {"state": DeliveryState.FAILED}
    delay = RETRY_DELAYS[claim.attempts - 1] * (1 + random.random() * JITTER)
    if answer.retry_after is not None:
        delay = max(delay, min(timedelta(seconds=answer.retry_after), MAX_RETRY_AFTER))
    return {"due_at": now + delay}


def _count(session: Session, endpoint: Endpoint, answer: Answer, now: datetime) -> None:
    """Count successes and failures of an endpoint, and disable it after too many."""
    if answer.is_success:
        endpoint.failures, endpoint.failing_since, endpoint.last_success_at = 0, None, now
        return
    endpoint.failures += 1
    endpoint.failing_since = endpoint.failing_since or now
    if endpoint.state == EndpointState.DISABLED:
        return
    if answer.status == GONE:
        disable(session, endpoint, DisabledReason.GONE)
    elif endpoint.failures >= DISABLE_AFTER_FAILURES and endpoint.failing_since <= now - DISABLE_AFTER:
        disable(session, endpoint, DisabledReason.FAILING)


# --------------------------------------------------------------------------------------------------- purging


def purge_events() -> int:
    """Delete events older than `RETENTION` with their deliveries, whatever became of them. Run by the worker.

    :return: how many events
    """
    purged = 0
    while count := _purge_batch():
        purged += count
    return purged


@retry_on_deadlock
def _purge_batch() -> int:
    old = select(Event.id).where(Event.created_at < utc_now() - RETENTION).order_by(Event.created_at).limit(PURGE_BATCH)
    ids = read_session().scalars(old).all()
    if not ids:
        return 0
    with transaction("webhooks") as session:
        session.execute(delete(Delivery).where(Delivery.event_id.in_(ids)))
        return rows_changed(session.execute(delete(Event).where(Event.id.in_(ids))))
