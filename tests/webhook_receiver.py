"""A receiver of webhooks: an HTTP server on a port of this machine that keeps what it gets and answers as told."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from storefront.core.clock import utc_now

TOLERANCE = 300  # seconds between the clocks of sender and receiver


@dataclass(frozen=True)
class Received:
    """A request.

    :ivar headers: by name in lower case
    """

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def payload(self) -> Any:
        return json.loads(self.body)

    def is_signed_with(self, secret: str) -> bool:
        """Verify it as the specification tells receivers to."""
        sent_at = int(self.headers["webhook-timestamp"])
        assert abs(utc_now().timestamp() - sent_at) <= TOLERANCE, "too old or too new"
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        content = b".".join([self.id.encode(), str(sent_at).encode(), self.body])
        expected = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
        signatures = [signature.split(",", 1) for signature in self.headers["webhook-signature"].split(" ")]
        return any(version == "v1" and hmac.compare_digest(expected, signature) for version, signature in signatures)


@dataclass
class Receiver:
    """:ivar answers: status of each answer in turn, the last of all that follow
    :ivar headers: of its answers
    :ivar text: body of its answers
    :ivar meanwhile: called before an answer is sent
    """

    url: str
    received: list[Received] = field(default_factory=list)
    answers: list[int] = field(default_factory=lambda: [200])
    headers: dict[str, str] = field(default_factory=dict)
    text: bytes = b"thank you"
    meanwhile: Callable[[], object] = lambda: None

    @property
    def ids(self) -> list[str]:
        return [request.id for request in self.received]

    @property
    def types(self) -> list[str]:
        return [request.payload["type"] for request in self.received]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Run a receiver."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with lock:
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.received.append(Received(self.path, headers, body))
                status = receiver.answers.pop(0) if len(receiver.answers) > 1 else receiver.answers[0]
            receiver.meanwhile()
            self.send_response(status)
            for name, value in receiver.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(receiver.text)))
            self.end_headers()
            self.wfile.write(receiver.text)

        def log_message(self, format: str, *arguments: object) -> None:
            """Keep the output of tests clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver = Receiver(f"http://127.0.0.1:{server.server_port}/hooks?shop=1")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield receiver
        finally:
            server.shutdown()
