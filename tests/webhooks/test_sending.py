"""One delivery by HTTP: to the address that was checked, within a bounded time, reading a bounded answer."""

from __future__ import annotations

import datetime
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from flask import Flask

from storefront.webhooks import sending
from tests.isolated_shop import shop_at
from tests.run import free_port
from tests.webhook_receiver import Receiver


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """An application without tables."""
    folder = tmp_path_factory.mktemp("sending")
    with shop_at(f"sqlite:///{folder}/{{schema}}.db", folder) as app, app.app_context():
        yield app


@pytest.fixture(autouse=True)
def _patience(bare: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "TOTAL_SECONDS", 0.5)
    monkeypatch.setattr(sending, "CONNECT_SECONDS", 0.4)


def post(url: str) -> sending.Answer:
    return sending.post(url, {"Content-Type": "application/json", "webhook-id": "msg_1"}, b'{"a":1}')


@contextmanager
def server_that(talks: Callable[[socket.socket], object]) -> Iterator[int]:
    """Run a server that talks to each connection as told.

    :return: its port
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection, suppress(OSError):
                        talks(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        thread.join(10)


def dripping(beginning: bytes) -> Callable[[socket.socket], None]:
    """Send some bytes, then one after the other for ever, so that no wait for a byte is long."""

    def talk(connection: socket.socket) -> None:
        connection.sendall(beginning)
        pause = threading.Event()
        while not pause.wait(0.05):
            connection.sendall(b"x")

    return talk


def test_the_body_is_posted_with_its_headers(receiver: Receiver) -> None:
    answer = post(receiver.url)
    assert (answer.status, answer.error, answer.text, answer.is_success) == (200, "", "thank you", True)
    (request,) = receiver.received
    assert (request.path, request.body) == ("/hooks?shop=1", b'{"a":1}')
    assert request.headers["host"] == receiver.url.split("/")[2]
    assert request.headers["content-type"] == "application/json"


@pytest.mark.parametrize(("status", "is_success"), [(200, True), (204, True), (299, True), (400, False), (503, False)])
def test_only_2xx_is_a_success(receiver: Receiver, status: int, is_success: bool) -> None:
    receiver.answers, receiver.text = [status], b""
    answer = post(receiver.url)
    assert answer.is_success is is_success
    assert answer.error == ("" if is_success else f"answered {status}")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(receiver: Receiver, status: int) -> None:
    receiver.answers, receiver.headers = [status, 200], {"Location": "http://127.0.0.1:1/"}
    answer = post(receiver.url)
    assert (answer.is_success, answer.error) == (False, f"answered {status}: redirects are not followed")
    assert len(receiver.received) == 1


@pytest.mark.parametrize(
    ("sent", "seconds"), [("120", 120), (" 7 ", 7), ("soon", None), ("-1", None), ("9" * 20, None), ("", None)]
)
def test_the_receiver_may_ask_to_wait(receiver: Receiver, sent: str, seconds: int | None) -> None:
    receiver.answers, receiver.headers = [503], {"Retry-After": sent}
    assert post(receiver.url).retry_after == seconds


def test_of_a_long_answer_the_beginning_is_read(receiver: Receiver) -> None:
    receiver.text = b"\xff" + b"a" * 5_000_000
    answer = post(receiver.url)
    assert answer.is_success
    assert len(answer.text) == sending.MAX_ANSWER_BYTES


def test_nobody_listens() -> None:
    answer = post(f"http://127.0.0.1:{free_port()}/")
    assert (answer.status, answer.error) == (None, "the connection was refused")


@pytest.mark.parametrize(
    "talks",
    [
        lambda connection: connection.recv(1),
        lambda connection: connection.sendall(b"SSH-2.0-OpenSSH\r\n"),
        lambda connection: connection.sendall(b"HTTP/1.1 banana\r\n\r\n"),
        lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000),
    ],
    ids=["hangs up", "ssh", "no status", "endless header"],
)
def test_what_is_no_http_is_a_failure(talks: Callable[[socket.socket], object]) -> None:
    with server_that(talks) as port:
        answer = post(f"http://127.0.0.1:{port}/")
    assert answer.status is None
    assert answer.error


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    "beginning", [b"", b"HTTP/1.1 200 OK\r\nX-Slow: ", b"\x16\x03\x03\x40\x00"], ids=["status", "header", "handshake"]
)
def test_an_answer_that_drips_is_ended(scheme: str, beginning: bytes) -> None:
    """A time-out between two bytes would never end it."""
    with server_that(dripping(beginning)) as port:
        began = time.monotonic()
        answer = post(f"{scheme}://127.0.0.1:{port}/")
        assert time.monotonic() - began < 5
    assert answer.status is None
    assert not answer.is_success
    assert answer.error


def test_the_status_counts_though_the_body_drips() -> None:
    with server_that(dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")) as port:
        began = time.monotonic()
        answer = post(f"http://127.0.0.1:{port}/")
        assert time.monotonic() - began < 5
    assert answer.is_success


# ------------------------------------------------------------------------------- the address that was checked


def names(monkeypatch: pytest.MonkeyPatch, answers: list[list[str]]) -> list[str]:
    """Answer questions for names with these addresses in turn, the last of them again and again.

    :return: the names asked for
    """
    asked: list[str] = []

    def answer(host: str, port: Any, *args: Any, **more: Any) -> list[Any]:
        asked.append(host)
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        kinds = [socket.AF_INET6 if ":" in address else socket.AF_INET for address in found]
        return [(kind, socket.SOCK_STREAM, 6, "", (address, port)) for kind, address in zip(kinds, found, strict=True)]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    return asked


def test_a_name_that_changes_after_the_check_is_not_followed(bare: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: the connection goes to the address that was checked, and no second answer is asked for."""
    monkeypatch.setitem(bare.config, "ENVIRONMENT", "production")
    asked = names(monkeypatch, [["93.184.216.34"], ["127.0.0.1"]])
    assert "tried to connect to 93.184.216.34" in post("https://rebind.example/").error
    assert asked == ["rebind.example"]


def test_a_name_that_has_become_private_is_refused_at_the_next_delivery(
    bare: Flask, monkeypatch: pytest.MonkeyPatch, receiver: Receiver
) -> None:
    monkeypatch.setitem(bare.config, "ENVIRONMENT", "production")
    names(monkeypatch, [["127.0.0.1"]])
    port = receiver.url.split(":")[2].split("/")[0]
    assert post(f"https://was-public.example:{port}/").error == "the host has a private address"
    assert receiver.received == []


def test_of_several_addresses_the_next_is_tried(monkeypatch: pytest.MonkeyPatch, receiver: Receiver) -> None:
    names(monkeypatch, [["::1", "127.0.0.1"]])
    port = receiver.url.split(":")[2].split("/")[0]
    assert post(f"http://twice.example:{port}/").is_success
    assert receiver.received[0].headers["host"] == f"twice.example:{port}"


# --------------------------------------------------------------------------------------------------------- TLS


def certificate_for(name: str, folder: Path) -> tuple[Path, Path]:
    """Make a self-signed certificate.

    :return: files of the certificate and its key
    """
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    no_password = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, no_password)
    (folder / "key.pem").write_bytes(private)
    return folder / "cert.pem", folder / "key.pem"


@pytest.mark.parametrize(("host", "is_trusted"), [("hooks.example", True), ("other.example", False)])
def test_the_certificate_is_verified_for_the_name_of_the_url(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, host: str, is_trusted: bool
) -> None:
    certificate, key = certificate_for("hooks.example", tmp_path)
    trusting = ssl.create_default_context(cafile=str(certificate))
    monkeypatch.setattr(sending, "_tls", lambda: trusting)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    named: list[str | None] = []
    context.sni_callback = lambda connection, name, its_context: named.append(name)

    def talk(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            secured.recv(65536)
            secured.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    names(monkeypatch, [["127.0.0.1"]])
    with server_that(talk) as port:
        answer = post(f"https://{host}:{port}/")
    assert named == [host]
    assert answer.is_success is is_trusted
    assert is_trusted or answer.error.startswith("the certificate was refused: ")


def test_a_certificate_that_nobody_vouches_for_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    certificate, key = certificate_for("hooks.example", tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    names(monkeypatch, [["127.0.0.1"]])
    with server_that(lambda connection: context.wrap_socket(connection, server_side=True)) as port:
        answer = post(f"https://hooks.example:{port}/")
    assert answer.error.startswith("the certificate was refused: ")
