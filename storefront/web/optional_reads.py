"""Reads that a page can go without while their database is unavailable."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from storefront.db.session import UNAVAILABLE, db, is_unavailable

T = TypeVar("T")

logger = logging.getLogger(__name__)


def unless_unavailable(schema: str, query: Callable[[], T], default: T) -> T:
    """Run a query; the default if the schema's database does not answer. One that just timed out is not asked."""
    if is_unavailable(schema):
        return default
    try:
        return query()
    except UNAVAILABLE:
        logger.exception("the page is rendered without data of %s", schema)
        db.session.rollback()
        return default
