"""Text messages and their transports."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from flask import Flask

from storefront import create_app
from storefront.messaging import sms
from storefront.messaging.mail import FileTransport, read
from storefront.messaging.sms import GatewayRefused, HttpGateway, SmsFileTransport, TextMessage
from tests.conftest import make_config
from tests.isolated_shop import PRODUCTION
from tests.outages import bare_app

HELLO = TextMessage("code-1", "+919876543210", "123456 is your code")


class Gateway(HTTPServer):
    """Takes messages, or answers as it is told."""

    taken: list[tuple[dict[str, str], str | None]]
    status = 200


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Gateway)
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.taken.append((body, self.headers["Idempotency-Key"]))
        self.send_response(self.server.status)
        self.send_header("Location", "http://127.0.0.1:1/")
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        """Says nothing."""


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    server = Gateway(("127.0.0.1", 0), _Handler)
    server.taken = []
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def _app() -> Iterator[None]:
    with bare_app():
        yield


def test_a_gateway_gets_number_and_text(gateway: Gateway) -> None:
    HttpGateway(f"http://127.0.0.1:{gateway.server_port}/send").send(HELLO)
    assert gateway.taken == [({"to": HELLO.to, "text": HELLO.text}, "code-1")]


@pytest.mark.parametrize("status", [302, 400, 500])
def test_a_refusal_is_an_error_without_password_and_text(gateway: Gateway, status: int) -> None:
    gateway.status = status
    with pytest.raises(GatewayRefused) as refusal:
        HttpGateway(f"http://user:secret@127.0.0.1:{gateway.server_port}/send").send(HELLO)
    assert "secret" not in str(refusal.value)
    assert "123456" not in str(refusal.value)


def test_an_unreachable_gateway_is_an_error_without_the_password() -> None:
    with pytest.raises(GatewayRefused) as refusal:
        HttpGateway("http://user:secret@127.0.0.1:1/send").send(HELLO)
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize(("status", "asked"), [(500, 3), (429, 3), (400, 5)])
def test_a_gateway_that_fails_repeatedly_is_not_asked(gateway: Gateway, status: int, asked: int) -> None:
    gateway.status = status
    for _ in range(5):
        with pytest.raises(GatewayRefused):
            HttpGateway(f"http://127.0.0.1:{gateway.server_port}/send").send(HELLO)
    assert len(gateway.taken) == asked


def test_without_a_gateway_messages_are_written_beside_the_emails(tmp_path: Path) -> None:
    SmsFileTransport(FileTransport(tmp_path, "shop@localhost")).send(HELLO)
    (file,) = tmp_path.glob("*.eml")
    assert HELLO.text in str(read(file).get_body(("plain",)))


@pytest.mark.parametrize(
    ("environment", "url", "kind"),
    [
        ("development", "", SmsFileTransport),
        ("production", "", None),
        ("production", "https://sms.example", HttpGateway),
    ],
)
def test_the_transport_is_chosen_by_the_environment(
    tmp_path: Path, environment: str, url: str, kind: type[object] | None
) -> None:
    settings = {**PRODUCTION, "STOREFRONT_ENV": environment, "SMS_URL": url}
    app: Flask = create_app(make_config(tmp_path, f"sqlite:///{tmp_path}/{{schema}}.db", **settings))
    with app.app_context():
        assert isinstance(app.extensions["sms"], kind or type(None))
        assert sms.is_available() is (kind is not None)
