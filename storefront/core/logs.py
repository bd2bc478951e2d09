"""Set-up of the logs of a process."""

from __future__ import annotations

import logging

from storefront.core.json_log import JsonLogFormatter
from storefront.core.security_log import RedactingFormatter


def set_up(log_format: str) -> None:
    """Send the logs of this process to standard error.

    :param log_format: of `formatter_for`
    """
    handler = logging.StreamHandler()
    handler.setFormatter(formatter_for(log_format))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    for name in ("alembic", "flask-limiter", "huey"):
        logging.getLogger(name).setLevel(logging.WARNING)


def formatter_for(log_format: str) -> logging.Formatter:
    """The formatter of every entry.

    :param log_format: "json", or "text" for people
    """
    if log_format == "json":
        return JsonLogFormatter()
    return RedactingFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
