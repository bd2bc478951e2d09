"""Facts about the request that a thread is answering, for log entries and metrics.

`web.request_observer` begins them before Flask sees the request: whole pages are answered without it.
"""

from __future__ import annotations

import re
import secrets
from contextvars import ContextVar
from dataclasses import dataclass

UNMATCHED = "(none)"  # the route of a request that no rule fits
# As nginx and most programs write them. Longer ones, and any other character, could be made to mislead a reader.
_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{7,63}", re.ASCII)


@dataclass(slots=True)
class RequestFacts:
    """A request that is being answered.

    :ivar id: of the header X-Request-ID
    :ivar route: the URL rule, once it is known; never the path, which may hold tokens and search words
    """

    id: str
    method: str
    route: str = UNMATCHED


current: ContextVar[RequestFacts | None] = ContextVar("request facts", default=None)


def note_route(rule: str) -> None:
    """Note the URL rule of the current request, if there is one."""
    facts = current.get()
    if facts is not None:
        facts.route = rule


def current_route() -> str:
    """The URL rule of the current request."""
    facts = current.get()
    return UNMATCHED if facts is None else facts.route


def new_request_id() -> str:
    """A random id: 32 hexadecimal digits, the form of nginx's `$request_id`."""
    return secrets.token_hex(16)


def is_request_id(text: str) -> bool:
    """Whether a text has the form of a request id: 8 to 64 letters, digits, hyphens and underscores."""
    return _REQUEST_ID.fullmatch(text) is not None
