"""Stock jobs of the worker: imports, low-stock e-mails to the staff, the daily digest."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import date
from typing import Any

from flask import current_app, url_for

from storefront.accounts.values import MailKind
from storefront.catalog import inventory
from storefront.core.clock import in_shop_time, today, utc_now
from storefront.messaging import job_progress
from storefront.web.notifications import send_email

logger = logging.getLogger(__name__)

MORNING = range(7, 12)  # hours in the shop's time zone in which the digest is sent
DIGEST_ROWS = 30


def apply_import(import_id: int) -> None:
    """Apply one stock import and publish its progress."""
    name = inventory.admin.progress_key(import_id)
    try:
        inventory.admin.apply_import(import_id, lambda done, total: job_progress.set(name, done))
    finally:
        job_progress.clear(name)


def apply_imports() -> None:
    """Apply all waiting stock imports, also those interrupted by the end of a worker."""
    for import_id in inventory.admin.waiting_imports():
        apply_import(import_id)


def send_daily_digest() -> None:
    """In the morning: purge old sales figures and publish the daily digest; at other times do nothing."""
    now = in_shop_time(utc_now())
    if now.hour in MORNING:
        inventory.close_day(today())


def send_low_stock(key: str, payload: Mapping[str, Any]) -> None:
    """Send the staff the products that ran low, with their present stock."""
    rows = [row for row in inventory.admin.rows_by_sku(payload["skus"]) if row.available <= row.reorder_level]
    if not rows:  # all were restocked meanwhile
        return
    count = payload["count"]
    subject = f"{rows[0].title} is running low" if count == 1 else f"{count:,} products are running low"
    _send_to_staff("low", key, subject, rows=rows, more=max(0, count - len(payload["skus"])))


def send_digest(key: str, payload: Mapping[str, Any]) -> None:
    """Send the staff the daily list of products to reorder, unless it is empty."""
    page = inventory.admin.restock_list(size=DIGEST_ROWS)
    out, low = page.counts[inventory.admin.StockFilter.OUT], page.counts[inventory.admin.StockFilter.LOW]
    if page.rows:
        day = date.fromisoformat(payload["day"])
        subject = f"To restock: {out:,} sold out, {low:,} low"
        _send_to_staff(
            "digest", key, subject, rows=page.rows, out=out, low=low, day=day, more=out + low - len(page.rows)
        )


def _send_to_staff(template: str, key: str, subject: str, **context: Any) -> None:
    send_email(
        f"staff/email/{template}",
        kind=MailKind.BY_STAFF,
        key=key,
        to=current_app.config["STAFF_MAIL"],
        subject=subject,
        heading=subject,
        restock_url=url_for("staff.restock", _external=True),
        **context,
    )
