"""Serves `/metrics` on a port of its own, in a thread of a server process or of the worker.

Not by a thread that answers shoppers: when all of these are busy, metrics are needed most.
"""

from __future__ import annotations

import logging
import socket
import sys
import threading
from collections.abc import Iterable
from http import HTTPStatus
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from flask import Flask

from storefront.core.environment import ConfigurationError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

OWN_PORT = "storefront.metrics_port"  # in the environment of a request that came by the port; no client can set it
PATH = "/metrics"
IDLE_SECONDS = 10  # for a request to arrive
# Of proxies: there is none before this port.
_FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST", "HTTP_X_REQUEST_ID")

logger = logging.getLogger(__name__)


class _Handler(WSGIRequestHandler):
    timeout = IDLE_SECONDS

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: the shop logs requests itself."""


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def __init__(self, listener: socket.socket, app: Flask) -> None:
        super().__init__(listener.getsockname()[:2], _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        host, port = listener.getsockname()[:2]
        self.server_name, self.server_port = host, port
        self.setup_environ()
        self.set_app(_only_metrics(app))

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Note a connection that broke, in one line of the log."""
        logger.warning("a request for metrics ended early: %s", type(sys.exception()).__name__)


def _only_metrics(app: Flask) -> Any:
    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] != PATH:
            start_response(f"{HTTPStatus.NOT_FOUND.value} NOT FOUND", [("Content-Type", "text/plain")])
            return [b"The metrics are at /metrics\n"]
        for name in _FORWARDED:
            environ.pop(name, None)
        environ[OWN_PORT] = True
        return app.wsgi_app(environ, start_response)

    return answer


def listen(host: str, port: int, setting: str) -> socket.socket:
    """Open a port.

    :param setting: that named it
    :raise ConfigurationError: it cannot be opened
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise ConfigurationError(f"{setting}: cannot listen on {host} port {port}: {error.strerror}") from error


def serve(app: Flask, listener: socket.socket) -> WSGIServer:
    """Answer on a port in a thread of this process, until the process ends.

    :param listener: may be shared with other processes; whichever is quicker answers
    :return: the server, which can be shut down
    """
    listener.setblocking(False)  # another process may have taken the connection
    server = _Server(listener, app)
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server
