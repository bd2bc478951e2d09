"""The log of gunicorn itself, in the form that LOG_FORMAT names.

Not in the package `storefront`: gunicorn's first process loads it, and must not load the whole shop.
"""

from __future__ import annotations

import logging
import os
from typing import Any

from gunicorn.glogging import Logger


class ShopLogger(Logger):  # type: ignore[misc]
    """gunicorn's logger, whose entries are JSON objects where those of the shop are."""

    def setup(self, cfg: Any) -> None:
        """Configure the handlers; called at the start and whenever settings are read again."""
        super().setup(cfg)
        if writes_json():
            from pythonjsonlogger.json import JsonFormatter

            names = {"levelname": "level", "name": "logger"}
            use(JsonFormatter(("levelname", "name", "message"), rename_fields=names, timestamp="time"))


def writes_json() -> bool:
    """Whether entries are JSON; the default is that of `config.py`."""
    chosen = os.environ.get("LOG_FORMAT", "").strip()
    return chosen == "json" or (not chosen and os.environ.get("STOREFRONT_ENV") == "production")


def post_worker_init(worker: Any) -> None:
    """Have a process that has loaded the shop write gunicorn's entries as its own: redacted, with the request id."""
    if writes_json():
        from storefront.core.logs import formatter_for

        use(formatter_for("json"))


def use(formatter: logging.Formatter) -> None:
    """Format gunicorn's entries from now on."""
    for handler in logging.getLogger("gunicorn.error").handlers:
        handler.setFormatter(formatter)
