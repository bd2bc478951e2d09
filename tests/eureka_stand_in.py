"""A stand-in for the old system's Eureka server: registrations by its REST interface, in memory."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit


@dataclass
class Registry:
    """What the server knows and was asked.

    :ivar instances: registered instances by application and instance id
    :ivar requests: method and path of every request, in order
    """

    url: str = ""
    instances: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)

    @property
    def services(self) -> list[str]:
        return sorted(app for app, _ in self.instances)

    def methods(self) -> list[str]:
        """The methods of the requests since the last call."""
        asked = [method for method, _ in self.requests]
        self.requests.clear()
        return asked


@contextmanager
def eureka_server(port: int = 0) -> Iterator[Registry]:
    """Serve `POST /eureka/apps/APP`, `PUT` and `DELETE /eureka/apps/APP/ID` until the end of the block."""
    registry = Registry()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["instance"]
            (app,) = self._path()
            is_right = self.headers["Content-Type"] == "application/json" and body["app"] == app
            if is_right:
                registry.instances[app, body["instanceId"]] = body
            self._answer(204 if is_right else 400)

        def do_PUT(self) -> None:
            self._answer(200 if self._key() in registry.instances else 404)

        def do_DELETE(self) -> None:
            self._answer(200 if registry.instances.pop(self._key(), None) else 404)

        def _key(self) -> tuple[str, str]:
            app, instance = self._path()
            return app, instance

        def _path(self) -> list[str]:
            path = urlsplit(self.path).path
            registry.requests.append((self.command, path))
            assert path.startswith("/eureka/apps/")
            return [unquote(part) for part in path.removeprefix("/eureka/apps/").split("/")]

        def _answer(self, status: int) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        registry.url = f"http://127.0.0.1:{server.server_port}/eureka"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield registry
        finally:
            server.shutdown()
            thread.join()
