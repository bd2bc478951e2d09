"""The endpoints: added, changed, paused, given a new secret, disabled and deleted, each with an audit log entry."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import case, delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from storefront.core.clock import utc_now
from storefront.db import audit_log, outbox
from storefront.db.session import read_session, retry_on_deadlock, rows_changed, transaction
from storefront.webhooks import addresses, signing_secrets
from storefront.webhooks.events import ENDPOINT_DISABLED
from storefront.webhooks.models import AuditEntry, Delivery, Endpoint, Message
from storefront.webhooks.values import (
    MAX_ENDPOINTS,
    DeliveryState,
    DisabledReason,
    EndpointConflict,
    EndpointDraft,
    EndpointState,
    EndpointSummary,
    EventType,
    NewSecret,
    SecretUnreadable,
    TooManyEndpoints,
    UnknownEndpoint,
)
from storefront.webhooks.values import Endpoint as EndpointValue

SECRET_OVERLAP = timedelta(hours=24)  # in which deliveries are signed with the secret before a rotation, too
BY_THE_SHOP = "the shop"  # the actor in the audit log where no member of staff acted
WORDS_OF_REASON = {DisabledReason.GONE: "it answered 410 Gone", DisabledReason.FAILING: "every attempt failed for days"}


def list_endpoints() -> list[EndpointSummary]:
    """All endpoints in the order in which they were added, with what waits and what failed."""
    counts = (
        select(
            Delivery.endpoint_id,
            func.sum(case((Delivery.state == DeliveryState.PENDING, 1), else_=0)).label("pending"),
            func.sum(case((Delivery.state == DeliveryState.FAILED, 1), else_=0)).label("failed"),
        )
        .where(Delivery.state != DeliveryState.DELIVERED)
        .group_by(Delivery.endpoint_id)
    )
    by_endpoint = {row.endpoint_id: row for row in read_session().execute(counts)}
    rows = read_session().scalars(select(Endpoint).order_by(Endpoint.id))
    return [
        EndpointSummary(
            value_of(row),
            pending=int(by_endpoint[row.id].pending) if row.id in by_endpoint else 0,
            failed=int(by_endpoint[row.id].failed) if row.id in by_endpoint else 0,
        )
        for row in rows
    ]


def get_endpoint(endpoint_id: int) -> EndpointValue:
    """Read one endpoint.

    :raise UnknownEndpoint: there is none with this id
    """
    row = read_session().get(Endpoint, endpoint_id)
    if row is None:
        raise UnknownEndpoint(endpoint_id)
    return value_of(row)


def add_endpoint(draft: EndpointDraft, *, key: str, actor: str) -> NewSecret:
    """Add an endpoint, once for each key.

    :param key: idempotency key of the form, at most 64 characters
    :return: its secret; without it if this key was used before
    :raise UrlRefused: nothing is sent to its URL
    :raise TooManyEndpoints: there are `MAX_ENDPOINTS` already
    """
    addresses.resolve(addresses.parse(draft.url))
    try:
        return _add(draft, key, actor)
    except IntegrityError:  # a second click was the first to use the key: the endpoint is found now
        return _add(draft, key, actor)


@retry_on_deadlock
def _add(draft: EndpointDraft, key: str, actor: str) -> NewSecret:
    secret, now = signing_secrets.new_secret(), utc_now()
    with transaction("webhooks") as session:
        known = session.scalar(select(Endpoint.id).where(Endpoint.key == key))
        if known is not None:
            return NewSecret(known, None)
        if (session.scalar(select(func.count(Endpoint.id))) or 0) >= MAX_ENDPOINTS:
            raise TooManyEndpoints
        row = Endpoint(
            key=key,
            url=draft.url,
            description=draft.description,
            events=sorted(draft.events),
            state=EndpointState.ACTIVE,
            version=1,
            secret=signing_secrets.encrypt(secret),
            created_at=now,
            created_by=actor[: audit_log.MAX_ACTOR_LENGTH],
            busy_until=now,
            failures=0,
        )
        session.add(row)
        session.flush()
        record_audit(session, row, actor, "webhook added", ", ".join(sorted(draft.events)))
        return NewSecret(row.id, secret)


def change_endpoint(endpoint_id: int, draft: EndpointDraft, *, seen: int, actor: str) -> None:
    """Change URL, description and events of an endpoint.

    :param seen: its version when the form was opened
    :raise UnknownEndpoint: there is none with this id
    :raise EndpointConflict: somebody else changed it meanwhile
    :raise UrlRefused: nothing is sent to its URL
    """
    addresses.resolve(addresses.parse(draft.url))
    _change(endpoint_id, draft, seen, actor)


@retry_on_deadlock
def _change(endpoint_id: int, draft: EndpointDraft, seen: int, actor: str) -> None:
    with transaction("webhooks") as session:
        row = lock(session, endpoint_id)
        if row.version != seen:
            raise EndpointConflict(value_of(row))
        changes = []
        if row.url != draft.url:
            changes.append(f"URL changed, host {addresses.host_of(draft.url)}")  # its path may hold a token
        if row.description != draft.description:
            changes.append(f"description “{draft.description}”")
        if set(row.events) != draft.events:
            changes.append(f"events {', '.join(sorted(draft.events))}")
        if not changes:
            return
        row.url, row.description, row.events = draft.url, draft.description, sorted(draft.events)
        row.version += 1
        record_audit(session, row, actor, "webhook changed", "; ".join(changes))


@retry_on_deadlock
def set_paused(endpoint_id: int, paused: bool, *, actor: str) -> None:
    """Pause an endpoint, or resume one that is paused or disabled; it is left as it is if it is in this state.

    Resuming begins the count of failures anew.

    :raise UnknownEndpoint: there is none with this id
    """
    wanted = EndpointState.PAUSED if paused else EndpointState.ACTIVE
    with transaction("webhooks") as session:
        row = lock(session, endpoint_id)
        if row.state == wanted or (paused and row.state == EndpointState.DISABLED):
            return
        row.state = wanted
        if not paused:
            row.failures, row.failing_since, row.disabled_at, row.disabled_reason = 0, None, None, None
        record_audit(session, row, actor, "webhook paused" if paused else "webhook resumed")
        outbox.wake_worker(session)


@retry_on_deadlock
def rotate_secret(endpoint_id: int, *, seen: int, actor: str) -> NewSecret:
    """Give an endpoint a new secret; for `SECRET_OVERLAP` deliveries are signed with the one before, too.

    :param seen: its version when the form was opened
    :return: the new secret
    :raise UnknownEndpoint: there is none with this id
    :raise EndpointConflict: somebody else changed it meanwhile, or this is a second click
    """
    secret = signing_secrets.new_secret()
    with transaction("webhooks") as session:
        row = lock(session, endpoint_id)
        if row.version != seen:
            raise EndpointConflict(value_of(row))
        row.previous_secret, row.secret = row.secret, signing_secrets.encrypt(secret)
        row.previous_secret_until = utc_now() + SECRET_OVERLAP
        row.version += 1
        record_audit(session, row, actor, "webhook secret rotated")
        return NewSecret(row.id, secret)


@retry_on_deadlock
def delete_endpoint(endpoint_id: int, *, actor: str) -> None:
    """Delete an endpoint with its log; one that is deleted already is left alone."""
    with transaction("webhooks") as session:
        row = session.get(Endpoint, endpoint_id)
        if row is None:
            return
        session.execute(delete(Delivery).where(Delivery.endpoint_id == endpoint_id))
        if rows_changed(session.execute(delete(Endpoint).where(Endpoint.id == endpoint_id))):
            record_audit(session, row, actor, "webhook deleted")


def disable(session: Session, row: Endpoint, reason: DisabledReason) -> None:
    """Disable an endpoint within the caller's transaction, give its deliveries up, and have the admins told."""
    now = utc_now()
    row.state, row.disabled_at, row.disabled_reason = EndpointState.DISABLED, now, reason
    session.flush()
    waiting = (Delivery.endpoint_id == row.id, Delivery.state == DeliveryState.PENDING)
    session.execute(update(Delivery).where(*waiting).values(state=DeliveryState.FAILED))
    record_audit(session, row, BY_THE_SHOP, "webhook disabled", WORDS_OF_REASON[reason])
    key = f"{ENDPOINT_DISABLED}/{row.id}/{now.isoformat()}"
    outbox.publish(session, Message, ENDPOINT_DISABLED, key, {"endpoint": row.id})


# ------------------------------------------------------------------------------------------ secrets in storage


def keep_secrets_readable() -> int:
    """Encrypt stored secrets with SECRET_KEY that a former key encrypted, and drop those whose overlap is over.

    Run by the worker, so that a key can leave SECRET_KEY_FALLBACKS without a secret being lost.

    :return: how many endpoints were changed
    """
    ids = read_session().scalars(select(Endpoint.id).order_by(Endpoint.id)).all()
    return sum(_keep_readable(endpoint_id) for endpoint_id in ids)


@retry_on_deadlock
def _keep_readable(endpoint_id: int) -> bool:
    with transaction("webhooks") as session:
        row = session.scalar(select(Endpoint).where(Endpoint.id == endpoint_id).with_for_update())
        if row is None:
            return False
        before = (row.secret, row.previous_secret)
        if row.previous_secret_until is not None and row.previous_secret_until <= utc_now():
            row.previous_secret, row.previous_secret_until = None, None
        row.secret = _of_present_key(row.secret)
        row.previous_secret = row.previous_secret and _of_present_key(row.previous_secret)
        return before != (row.secret, row.previous_secret)


def _of_present_key(stored: str) -> str:
    """A stored secret, encrypted with SECRET_KEY."""
    if signing_secrets.is_of_present_key(stored):
        return stored
    try:
        return signing_secrets.encrypt(signing_secrets.decrypt(stored))
    except SecretUnreadable:  # `unreadable_secrets` names it
        return stored


def unreadable_secrets() -> Iterator[EndpointValue]:
    """Yield the endpoints whose secret cannot be read: SECRET_KEY changed without a fallback."""
    for row in read_session().scalars(select(Endpoint).order_by(Endpoint.id)):
        try:
            signing_secrets.decrypt(row.secret)
        except SecretUnreadable:
            yield value_of(row)


# ------------------------------------------------------------------------------------------------------ helpers


def lock(session: Session, endpoint_id: int) -> Endpoint:
    """Read an endpoint with its row lock, until the transaction ends.

    :raise UnknownEndpoint: there is none with this id
    """
    row = session.scalar(select(Endpoint).where(Endpoint.id == endpoint_id).with_for_update())
    if row is None:
        raise UnknownEndpoint(endpoint_id)
    return row


def record_audit(session: Session, row: Endpoint, actor: str, what: str, detail: str = "") -> None:
    """Write the audit log. The subject is the host: the path of a URL may hold a token."""
    subject = f"{row.id} {addresses.host_of(row.url)}"[: audit_log.MAX_SUBJECT_LENGTH]
    audit_log.record(session, AuditEntry, actor=actor, what=what, subject=subject, detail=detail)


def value_of(row: Endpoint) -> EndpointValue:
    """The value of a row."""
    return EndpointValue(
        id=row.id,
        url=row.url,
        host=addresses.host_of(row.url),
        description=row.description,
        events=frozenset(EventType(event) for event in row.events),
        state=EndpointState(row.state),
        version=row.version,
        created_at=row.created_at,
        created_by=row.created_by,
        disabled_at=row.disabled_at,
        disabled_reason=DisabledReason(row.disabled_reason) if row.disabled_reason else None,
        failing_since=row.failing_since,
        failures=row.failures,
        last_success_at=row.last_success_at,
        previous_secret_until=row.previous_secret_until,
    )
