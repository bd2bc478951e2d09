"""Log entries as one JSON object a line, for machines that collect them."""

from __future__ import annotations

import logging
from typing import Any

from pythonjsonlogger.json import JsonFormatter

from storefront.core import request_facts
from storefront.core.card_numbers import redact
from storefront.core.security_log import FIELDS, moment_of, text_of


class JsonLogFormatter(JsonFormatter):
    """Writes time, level, logger and message; within a request also its id, method and route; facts of the entry.

    Card numbers are redacted and query strings left out, as in the plain form. Everything but ASCII is escaped, so that
    no input can forge an entry.
    """

    def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        own = {
            "time": moment_of(record),
            "level": record.levelname,
            "logger": record.name,
            "message": redact(text_of(record)),
        }
        log_data |= own
        request = request_facts.current.get()
        if request is not None:
            log_data |= {"request_id": request.id, "method": request.method, "route": request.route}
        for name, value in getattr(record, FIELDS, {}).items():
            member = f"{name}_" if name in own else name  # a fact may be called "message"
            log_data[member] = redact(value) if isinstance(value, str) else value
        for name, trace in message_dict.items():  # of the error that was caught, and of the stack
            log_data[name] = redact(str(trace))
