"""Work handed to the worker's queue."""

from __future__ import annotations

import logging
from typing import Any

from flask import current_app

logger = logging.getLogger(__name__)


def enqueue(task: str, *arguments: Any) -> None:
    """Ask the worker for a task now. Where the queue cannot be reached, the worker's sweep does it within a minute.

    :param task: what `worker.tasks` registers it as: "wake_worker" or "import_stock"
    """
    try:
        current_app.extensions[task](*arguments)
    except Exception:
        logger.exception("the queue cannot be reached; the sweep will do it: %s", task)
