"""Outgoing webhooks: the rules, from the modules that hold them."""

from __future__ import annotations

from collections.abc import Iterator

from storefront.db import audit_log
from storefront.db.audit_log import AuditEntryView, AuditQuery
from storefront.webhooks.deliveries import (
    MAX_ATTEMPTS,
    RETENTION,
    has_subscribers,
    purge_events,
    record_event,
    send_next,
    send_test_event,
)
from storefront.webhooks.endpoints import (
    SECRET_OVERLAP,
    add_endpoint,
    change_endpoint,
    delete_endpoint,
    get_endpoint,
    keep_secrets_readable,
    list_endpoints,
    rotate_secret,
    set_paused,
    unreadable_secrets,
)
from storefront.webhooks.log import count_overdue, get_delivery, list_deliveries, resend, resend_failed
from storefront.webhooks.models import AuditEntry

__all__ = [
    "MAX_ATTEMPTS",
    "RETENTION",
    "SECRET_OVERLAP",
    "add_endpoint",
    "audit_entries",
    "change_endpoint",
    "delete_endpoint",
    "get_delivery",
    "get_endpoint",
    "has_subscribers",
    "keep_secrets_readable",
    "list_deliveries",
    "list_endpoints",
    "purge_events",
    "record_event",
    "resend",
    "resend_failed",
    "rotate_secret",
    "send_next",
    "send_test_event",
    "set_paused",
    "violations",
]


def audit_entries(criteria: AuditQuery, count: int) -> Iterator[AuditEntryView]:
    """Entries of the audit log about webhooks, latest first.

    :param count: at most so many
    """
    return audit_log.entries(AuditEntry, criteria, count)


def violations() -> Iterator[str]:
    """What is wrong with webhooks, in words, for `flask doctor`."""
    for endpoint in unreadable_secrets():
        yield f"webhook {endpoint.id} ({endpoint.host}): SECRET_KEY was changed: its secret must be rotated"
    if overdue := count_overdue():
        yield f"webhooks: {overdue} deliveries are overdue: does the worker run?"
