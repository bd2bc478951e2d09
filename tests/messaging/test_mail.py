"""E-mails and their transports."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from flask import Flask

from storefront import create_app
from storefront.core.outside_calls import ServiceUnavailable
from storefront.messaging import mail
from storefront.messaging.mail import Email, FileTransport, SmtpTransport
from tests.conftest import make_config
from tests.run import free_port

EMAIL = Email(
    id="order-placed-ORD-1@shop.example",
    to="asha@example.com",
    subject="Your order – ₹1,680 ☕",
    text="Thank you, आशा.\n\nTotal ₹1,680\n",
    html="<p>Thank you, आशा.</p>",
)


@dataclass
class Mailbox:
    """A mail server's memory.

    :ivar hangs_up: it closes the connection instead of saying goodbye
    """

    received: list[bytes] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    refuses: bool = False
    hangs_up: bool = False

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        if self.refuses:
            return "451 Come back later"
        self.received.append(envelope.content)
        self.recipients += envelope.rcpt_tos
        return "250 OK"

    async def handle_QUIT(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        if self.hangs_up:
            server.transport.abort()
        return "221 Bye"

    @property
    def messages(self) -> list[EmailMessage]:
        return [message_from_bytes(content, policy=policy.default) for content in self.received]  # type: ignore[misc]


@contextmanager
def smtp_server(mailbox: Mailbox) -> Iterator[str]:
    port = free_port()
    controller = Controller(mailbox, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield f"smtp://127.0.0.1:{port}"
    finally:
        controller.stop()


@contextmanager
def shop_with_mail(folder: Path, url: str) -> Iterator[Flask]:
    app = create_app(make_config(folder, f"sqlite:///{folder}/{{schema}}.db", MAIL_URL=url))
    with app.app_context():
        yield app


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def smtp(tmp_path: Path, mailbox: Mailbox) -> Iterator[SmtpTransport]:
    """The port of a shop that sends to `mailbox`."""
    with smtp_server(mailbox) as url, shop_with_mail(tmp_path, url) as app:
        yield app.extensions["mailer"]


def part(message: EmailMessage, kind: str) -> str:
    body = message.get_body((kind,))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n").strip()


# ------------------------------------------------------------------------------------------------- SMTP


def test_an_email_arrives_with_a_text_and_an_html_part(smtp: SmtpTransport, mailbox: Mailbox) -> None:
    smtp.send(EMAIL)
    (message,) = mailbox.messages
    assert (message["Subject"], message["To"], message["From"]) == (EMAIL.subject, EMAIL.to, "shop@localhost")
    assert (part(message, "plain"), part(message, "html")) == (EMAIL.text.strip(), EMAIL.html)


def test_an_email_sent_twice_has_the_same_message_id(smtp: SmtpTransport, mailbox: Mailbox) -> None:
    for _ in range(2):
        smtp.send(EMAIL)
    assert [message["Message-ID"] for message in mailbox.messages] == ["<order-placed-ORD-1@shop.example>"] * 2


def test_an_email_to_an_internationalized_domain_arrives(smtp: SmtpTransport, mailbox: Mailbox) -> None:
    smtp.send(Email(EMAIL.id, "asha@bücher.example", "Hello", "text", "<p>html</p>"))
    assert mailbox.recipients == ["asha@xn--bcher-kva.example"]


def test_a_refused_email_is_an_error(smtp: SmtpTransport, mailbox: Mailbox) -> None:
    mailbox.refuses = True
    with pytest.raises(OSError, match="Come back later"):
        smtp.send(EMAIL)


def test_a_connection_closed_at_quit_is_no_error(smtp: SmtpTransport, mailbox: Mailbox) -> None:
    mailbox.hangs_up = True
    smtp.send(EMAIL)
    assert len(mailbox.received) == 1


def test_an_unreachable_server_is_an_error(tmp_path: Path) -> None:
    with shop_with_mail(tmp_path, f"smtp://127.0.0.1:{free_port()}") as app, pytest.raises(ConnectionRefusedError):
        app.extensions["mailer"].send(EMAIL)


def test_a_silent_server_times_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "SMTP_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"smtp://127.0.0.1:{silent.getsockname()[1]}"
        with shop_with_mail(tmp_path, url) as app, pytest.raises(OSError, match="timed out"):
            app.extensions["mailer"].send(EMAIL)


@pytest.mark.parametrize(("pause_seconds", "connections"), [(3600, 1), (0, 3)])
def test_after_a_time_out_further_emails_fail_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pause_seconds: int, connections: int
) -> None:
    monkeypatch.setattr(mail, "SMTP_SECONDS", 0.2)
    monkeypatch.setattr(mail, "MAIL_SERVER", replace(mail.MAIL_SERVER, pause_seconds=pause_seconds))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"smtp://127.0.0.1:{silent.getsockname()[1]}"
        with shop_with_mail(tmp_path, url) as app:
            for _ in range(3):
                with pytest.raises((OSError, ServiceUnavailable), match=r"timed out|not asked"):
                    app.extensions["mailer"].send(EMAIL)
        silent.setblocking(False)
        assert count_calls(silent) == connections


def test_a_server_that_is_back_gets_the_emails_again(
    tmp_path: Path, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail, "MAIL_SERVER", replace(mail.MAIL_SERVER, pause_seconds=0))
    port = free_port()
    with shop_with_mail(tmp_path, f"smtp://127.0.0.1:{port}") as app:
        transport = app.extensions["mailer"]
        for _ in range(2):
            with pytest.raises(ConnectionRefusedError):
                transport.send(EMAIL)
        controller = Controller(mailbox, hostname="127.0.0.1", port=port)
        controller.start()
        try:
            for _ in range(2):
                transport.send(EMAIL)
        finally:
            controller.stop()
    assert len(mailbox.received) == 2


def test_a_refused_email_does_not_hold_others(smtp: SmtpTransport, mailbox: Mailbox) -> None:
    mailbox.refuses = True
    for _ in range(3):
        with pytest.raises(OSError, match="Come back later"):
            smtp.send(EMAIL)
    mailbox.refuses = False
    smtp.send(EMAIL)
    assert len(mailbox.received) == 1


def count_calls(server: socket.socket) -> int:
    """Connections that were opened and that nobody answered."""
    count = 0
    with suppress(BlockingIOError):
        while True:
            server.accept()[0].close()
            count += 1
    return count


@pytest.mark.parametrize(("scheme", "fault"), [("smtps", ssl.SSLError), ("smtp+tls", OSError)])
def test_an_email_is_not_sent_unencrypted_if_tls_is_configured(
    tmp_path: Path, mailbox: Mailbox, scheme: str, fault: type[Exception]
) -> None:
    with smtp_server(mailbox) as url:
        safe = url.replace("smtp:", f"{scheme}:")
        with shop_with_mail(tmp_path, safe) as app, pytest.raises(fault):
            app.extensions["mailer"].send(EMAIL)
    assert mailbox.received == []


# --------------------------------------------------------------------------------------------- MAIL_URL


@pytest.mark.parametrize(
    ("url", "server", "port", "is_ssl", "is_tls"),
    [
        ("smtp://mail.example", "mail.example", 25, False, False),
        ("smtp://mail.example:2525", "mail.example", 2525, False, False),
        ("smtps://mail.example", "mail.example", 465, True, False),
        ("smtp+tls://mail.example:587", "mail.example", 587, False, True),
    ],
)
def test_a_mail_url_configures_server_port_and_encryption(
    tmp_path: Path, url: str, server: str, port: int, is_ssl: bool, is_tls: bool
) -> None:
    with shop_with_mail(tmp_path, url) as app:
        connection = app.extensions["mail"]
        assert isinstance(app.extensions["mailer"], SmtpTransport)
        assert (connection.server, connection.port, connection.use_ssl, connection.use_tls) == (
            server,
            port,
            is_ssl,
            is_tls,
        )
        assert (connection.username, connection.password) == (None, None)


def test_user_and_password_are_percent_decoded(tmp_path: Path) -> None:
    with shop_with_mail(tmp_path, "smtps://shop%40example.com:p%3Aw%2Fd@mail.example") as app:
        connection = app.extensions["mail"]
        assert (connection.username, connection.password) == ("shop@example.com", "p:w/d")


def test_without_a_mail_url_emails_are_written_to_the_data_folder(tmp_path: Path) -> None:
    with shop_with_mail(tmp_path, "") as app:
        transport = app.extensions["mailer"]
        assert isinstance(transport, FileTransport)
        assert transport.folder == tmp_path / "mail"


# ----------------------------------------------------------------------------------------------- folder


def test_a_written_email_can_be_read(tmp_path: Path) -> None:
    FileTransport(tmp_path / "mail", "shop@localhost").send(EMAIL)
    (path,) = (tmp_path / "mail").iterdir()
    message = mail.read(path)
    assert (message["Subject"], message["To"]) == (EMAIL.subject, EMAIL.to)
    assert message["Message-ID"] == f"<{EMAIL.id}>"
    assert (part(message, "plain"), part(message, "html")) == (EMAIL.text.strip(), EMAIL.html)


def test_the_same_email_twice_is_one_file(tmp_path: Path) -> None:
    transport = FileTransport(tmp_path, "shop@localhost")
    for _ in range(2):
        transport.send(EMAIL)
    assert [path.suffix for path in tmp_path.iterdir()] == [".eml"]


def test_no_email_is_written_outside_the_folder(tmp_path: Path) -> None:
    transport = FileTransport(tmp_path / "mail", "shop@localhost")
    transport.send(Email("../../etc/x@y", "a@example.com", "s", "t", "<p>h</p>"))
    assert [path.parent for path in tmp_path.rglob("*.eml")] == [tmp_path / "mail"]
