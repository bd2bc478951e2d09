"""Enqueueing of tasks for the worker."""

from __future__ import annotations

import logging
from typing import Any

from flask import current_app

logger = logging.getLogger(__name__)


def enqueue(task: str, *arguments: Any) -> None:
    """Enqueue a task; if the queue cannot be reached, the worker's periodic sweep does the work within a minute.

    :param task: the name `worker.tasks` registers it under: "wake_worker" or "import_stock"
    """
    try:
        current_app.extensions[task](*arguments)
    except Exception:
        logger.exception("the queue cannot be reached; the periodic sweep will do it: %s", task)
