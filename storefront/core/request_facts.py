"""Facts about the request that a thread is answering, for log entries and metrics.

`web.request_observer` notes them before Flask sees the request: whole pages are answered without it.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import MutableMapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

ROUTE = "storefront.route"  # in the environment of a request: its URL rule, once it is known
UNMATCHED = "(none)"  # the route of a request that no rule fits
# As nginx and most programs write them. Longer ones, and any other character, could be made to mislead a reader.
_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{7,63}", re.ASCII)


@dataclass(slots=True)  # not frozen: one is made for each request, and that takes three times as long
class RequestFacts:
    """A request that is being answered.

    :ivar id: of the header X-Request-ID
    """

    id: str
    environ: MutableMapping[str, Any]

    @property
    def method(self) -> str:
        return str(self.environ["REQUEST_METHOD"])

    @property
    def route(self) -> str:
        """The URL rule, never the path: that may hold tokens and search words."""
        return str(self.environ.get(ROUTE, UNMATCHED))


current: ContextVar[RequestFacts | None] = ContextVar("request facts", default=None)


def new_request_id() -> str:
    """A random id: 32 hexadecimal digits, the form of nginx's `$request_id`."""
    return secrets.token_hex(16)


def is_request_id(text: str) -> bool:
    """Whether a text has the form of a request id: 8 to 64 letters, digits, hyphens and underscores."""
    return _REQUEST_ID.fullmatch(text) is not None
