"""The worker class of gunicorn in this shop: refusals in JSON, and an end to requests whose beginning never arrives.

Not in the package `storefront`: gunicorn's first process loads it, and must not load the whole shop.
"""

from __future__ import annotations

import json
import secrets
import socket
import time
from contextlib import suppress
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine, ParseException
from gunicorn.util import write_nonblock
from gunicorn.workers.gthread import TConn, ThreadWorker

YIELD_SECONDS = 0.0001  # by which a process waits before it accepts, for each connection it has
MAX_YIELD_SECONDS = 0.0005
HEAD_SECONDS = 10.0  # for request line and headers; browsers send them at once

_REFUSALS = {
    LimitRequestLine: (HTTPStatus.REQUEST_URI_TOO_LONG, "URI_TOO_LONG", "The address is longer than the shop accepts"),
    LimitRequestHeaders: (
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        "HEADERS_TOO_LARGE",
        "The headers are larger than the shop accepts",
    ),
}
_NO_HTTP = (HTTPStatus.BAD_REQUEST, "VALIDATION_ERROR", "This request could not be read")


class ShopWorker(ThreadWorker):  # type: ignore[misc]
    """gunicorn's threads, with the answers of the contract where the application is not reached."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._reading_heads: dict[TConn, float] = {}  # with the moment by which the head must be there

    def accept(self, listener: socket.socket) -> None:
        """Accept a connection, if no process that has fewer of them is quicker.

        All processes wake up for it. Without the pause one of them may take all connections that browsers keep open.
        """
        if self.nr_conns:
            time.sleep(min(self.nr_conns * YIELD_SECONDS, MAX_YIELD_SECONDS))
        super().accept(listener)

    def handle(self, conn: TConn) -> Any:
        """Serve a connection in a thread of the pool."""
        self._reading_heads[conn] = time.monotonic() + HEAD_SECONDS
        try:
            return super().handle(conn)
        finally:
            self._reading_heads.pop(conn, None)

    def handle_request(self, req: Any, conn: TConn) -> Any:
        """Serve a request whose head was read."""
        self._reading_heads.pop(conn, None)
        return super().handle_request(req, conn)

    def murder_pending(self) -> None:
        """End connections that keep a thread waiting; called by the main loop at least once a second."""
        super().murder_pending()
        now = time.monotonic()
        for conn, deadline in list(self._reading_heads.items()):
            if deadline < now:
                with suppress(OSError):
                    conn.sock.shutdown(socket.SHUT_RD)  # the thread reads the end of the request, and closes

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: Exception) -> None:
        """Refuse what is no request of HTTP, or too long. The log and the answer repeat nothing of it."""
        if not isinstance(exc, ParseException):
            super().handle_error(req, client, addr, exc)
            return
        request_id = secrets.token_hex(16)
        kind = type(exc).__name__
        self.log.warning("invalid request from ip=%s: %s, request %s", (addr or ("",))[0], kind, request_id)
        with suppress(OSError):
            write_nonblock(client, refusal(exc, request_id))


def refusal(error: ParseException, request_id: str) -> bytes:
    """Write the whole response to a request that could not be read: the contract's error object.

    Its path is unknown, so that pages get it, too; no browser sends such a request by itself.

    :param request_id: for the header X-Request-ID
    """
    status, code, message = next((known for kind, known in _REFUSALS.items() if isinstance(error, kind)), _NO_HTTP)
    now = datetime.now(UTC)  # noqa: TID251 - the clock of the shop would load the shop
    body = json.dumps(
        {
            "status": "error",
            "error": {"code": code, "message": message, "details": []},
            "message": message,
            "path": "",
            "timestamp": now.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z",
        }
    )
    head = f"HTTP/1.1 {status.value} {status.phrase}\r\nConnection: close\r\nContent-Type: application/json\r\n"
    head += f"X-Request-ID: {request_id}\r\n"
    return f"{head}Cache-Control: no-store\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode("ascii")
