"""Progress of background jobs, for pages in other processes: stored with the queue, outside of any transaction."""

from __future__ import annotations

import logging

from flask import current_app
from huey import Huey

logger = logging.getLogger(__name__)


def set(name: str, figure: int) -> None:
    """Store the progress of a job; if the queue cannot be reached, that is logged and the job goes on.

    :param figure: how much of the job is done
    """
    try:
        _queue().put(_key(name), figure)
    except Exception:
        logger.exception("the queue cannot be reached; progress is not shown")


def get(name: str) -> int | None:
    """The progress of a job; None if there is none."""
    try:
        figure = _queue().get(_key(name), peek=True)
    except Exception:
        logger.exception("the queue cannot be reached; progress is not shown")
        return None
    return figure if isinstance(figure, int) else None


def clear(name: str) -> None:
    """Remove the progress of a finished job."""
    try:
        _queue().delete(_key(name))
    except Exception:
        logger.exception("the queue cannot be reached; old progress remains")


def _queue() -> Huey:
    return current_app.extensions["huey"]


def _key(name: str) -> str:
    return f"progress/{name}"
