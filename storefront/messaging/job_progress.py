"""How far a worker is, for pages in other processes: kept in the queue's own store, outside of any transaction."""

from __future__ import annotations

import logging

from flask import current_app
from huey import Huey

logger = logging.getLogger(__name__)


def set(name: str, figure: int) -> None:
    """Say how far something is. Where the queue cannot be reached nobody learns it, and the work goes on."""
    try:
        _queue().put(_key(name), figure)
    except Exception:
        logger.exception("the queue cannot be reached; progress is not shown")


def get(name: str) -> int | None:
    """How far something is; None when nobody said."""
    try:
        figure = _queue().get(_key(name), peek=True)
    except Exception:
        logger.exception("the queue cannot be reached; progress is not shown")
        return None
    return figure if isinstance(figure, int) else None


def clear(name: str) -> None:
    """It is over."""
    try:
        _queue().delete(_key(name))
    except Exception:
        logger.exception("the queue cannot be reached; old progress stays")


def _queue() -> Huey:
    return current_app.extensions["huey"]


def _key(name: str) -> str:
    return f"progress/{name}"
