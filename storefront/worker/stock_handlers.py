"""What the worker does about the stock: imports, letters to the staff, the end of a day."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import date
from typing import Any

from flask import current_app, url_for

from storefront.catalog import service as catalog
from storefront.catalog.service import inventory_admin
from storefront.core.clock import in_shop_time, utc_now
from storefront.messaging import job_progress
from storefront.web.emails import send_email

logger = logging.getLogger(__name__)

MORNING = range(7, 12)  # hours of the shop's day; a worker that was away at seven is in time until noon
DIGEST_ROWS = 30


def apply_import(import_id: int) -> None:
    """Apply one import of stock figures, telling pages how far it is."""
    name = inventory_admin.progress_key(import_id)
    try:
        inventory_admin.apply_import(import_id, lambda done, total: job_progress.set(name, done))
    finally:
        job_progress.clear(name)


def apply_imports() -> None:
    """Apply every import that was asked for, or left behind by a worker that died."""
    for import_id in inventory_admin.waiting_imports():
        apply_import(import_id)


def send_daily_digest() -> None:
    """In the morning: let go of old sales and post the digest; it may be asked for at any time."""
    now = in_shop_time(utc_now())
    if now.hour in MORNING:
        catalog.close_day(now.date())


def send_low_stock(key: str, payload: Mapping[str, Any]) -> None:
    """Tell the staff what ran low, with the figures as they are now."""
    rows = [row for row in inventory_admin.rows_by_sku(payload["skus"]) if row.available <= row.reorder_level]
    if not rows:  # it recovered before the letter left
        return
    count = payload["count"]
    subject = f"{rows[0].title} is running low" if count == 1 else f"{count:,} products are running low"
    _write("low", key, subject, rows=rows, more=max(0, count - len(payload["skus"])))


def send_digest(key: str, payload: Mapping[str, Any]) -> None:
    """Tell the staff once a day what is to be ordered; on a day without any there is no letter."""
    page = inventory_admin.restock_list(size=DIGEST_ROWS)
    out, low = page.counts[inventory_admin.StockFilter.OUT], page.counts[inventory_admin.StockFilter.LOW]
    if page.rows:
        day = date.fromisoformat(payload["day"])
        subject = f"To restock: {out:,} sold out, {low:,} low"
        _write("digest", key, subject, rows=page.rows, out=out, low=low, day=day, more=out + low - len(page.rows))


def _write(template: str, key: str, subject: str, **context: Any) -> None:
    send_email(
        f"staff/email/{template}",
        key=key,
        to=current_app.config["STAFF_MAIL"],
        subject=subject,
        heading=subject,
        restock_url=url_for("staff.restock", _external=True),
        **context,
    )
