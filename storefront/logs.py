"""What the shop writes down of its running: never what was sent, and no card number even if one slips through."""

from __future__ import annotations

import logging
import re

from storefront.cards import hidden

_QUERY = re.compile(r"\?\S*(?= HTTP/)")  # of the request line that Flask's own server writes, none other is written
_BLANK = re.compile(r"%20|%2d|%c2%a0", re.IGNORECASE)


class Discreet(logging.Formatter):
    """Blots out card numbers, traces of errors included, and leaves out query strings."""

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        if record.name == "werkzeug":
            line = _BLANK.sub(" ", _QUERY.sub("", line))
        return hidden(line)


def set_up() -> None:
    """Log to standard error, once a process."""
    handler = logging.StreamHandler()
    handler.setFormatter(Discreet("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    for chatty in ("alembic", "huey"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
