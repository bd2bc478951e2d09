"""Sending of e-mails, by SMTP or to files.

MAIL_URL names the mail server: `smtp://user:password@host:port`, or `smtp+tls://`, `smtps://`. Without it e-mails are
written to `<data dir>/mail` and can be read at /dev/mail. Tests replace the transport.
"""

from __future__ import annotations

import re
import smtplib
import ssl
from contextlib import suppress
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Any, Protocol, cast
from urllib.parse import unquote, urlsplit

from flask import Flask, current_app
from flask_mail import Connection, Mail, Message

from storefront.core import metrics
from storefront.core.outside_calls import OutsideService

SMTP_SECONDS = 20  # time-out of the mail server
SERVICE_NOT_AVAILABLE = 421  # RFC 5321, 4.2.3: the server is shutting down, or overloaded


def _is_failure(error: BaseException) -> bool:
    """Whether the mail server does not work; a refused recipient, e-mail or password is an answer."""
    if isinstance(error, smtplib.SMTPResponseException) and not isinstance(error, smtplib.SMTPConnectError):
        return error.smtp_code == SERVICE_NOT_AVAILABLE
    return isinstance(error, OSError) and not isinstance(error, smtplib.SMTPRecipientsRefused)


# One failure is enough: a worker has two threads, and waits long for a server that is silent.
MAIL_SERVER = OutsideService("mail", _is_failure, opens_after=1)


@dataclass(frozen=True, slots=True)
class Email:
    """An e-mail with a text and an HTML part.

    :ivar id: the Message-ID without brackets; the same for an e-mail sent twice, so that clients show it once
    :ivar unsubscribe_url: page that unsubscribes the recipient, also by one POST; empty for transactional e-mails
    """

    id: str
    to: str
    subject: str
    text: str
    html: str
    unsubscribe_url: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """Headers for one-click unsubscription: RFC 2369 and RFC 8058."""
        if not self.unsubscribe_url:
            return {}
        return {
            "List-Unsubscribe": f"<{self.unsubscribe_url}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        }


class MailTransport(Protocol):
    """Sends e-mails. `send` raises on failure: the caller keeps the e-mail and tries again."""

    def send(self, email: Email) -> None: ...


class _Connection(Connection):
    """A connection with a time-out and certificate verification; Flask-Mail's own has neither."""

    def configure_host(self) -> smtplib.SMTP:
        mail, trusted = self.mail, ssl.create_default_context()
        port = mail.port or 0
        if mail.use_ssl:
            host: smtplib.SMTP = smtplib.SMTP_SSL(mail.server, port, timeout=SMTP_SECONDS, context=trusted)
        else:
            host = smtplib.SMTP(mail.server, port, timeout=SMTP_SECONDS)
        try:
            if mail.use_tls:
                host.starttls(context=trusted)
            if mail.username and mail.password:
                host.login(mail.username, mail.password)
        except BaseException:
            host.close()
            raise
        return host

    def __exit__(self, *error: Any) -> None:
        # The e-mail was accepted or refused before QUIT: an error now must not have it sent again.
        with suppress(smtplib.SMTPException, OSError):
            super().__exit__(*error)


class SmtpTransport:
    """Sends by SMTP, with Flask-Mail."""

    def send(self, email: Email) -> None:
        message = Message(
            subject=email.subject,
            recipients=[email.to],
            body=email.text,
            html=email.html,
            extra_headers=email.headers,
        )
        message.msgId = f"<{email.id}>"
        MAIL_SERVER.call("send", lambda: _deliver(message))


def _deliver(message: Message) -> None:
    with _Connection(current_app.extensions["mail"]) as connection:
        connection.send(message)


class FileTransport:
    """Writes each e-mail to a file named by its Message-ID; the same e-mail sent twice is one file."""

    def __init__(self, folder: Path, sender: str) -> None:
        self.folder = folder
        self._sender = sender

    def send(self, email: Email) -> None:
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self._sender, email.to, email.subject
        message["Message-ID"] = f"<{email.id}>"
        for name, value in email.headers.items():
            message[name] = value
        message.set_content(email.text)
        message.add_alternative(email.html, subtype="html")
        self.folder.mkdir(parents=True, exist_ok=True)
        # Written under another name first, so that a reader never sees half an e-mail.
        draft = self.folder / f"{_file_name(email.id)}.part"
        draft.write_bytes(message.as_bytes())
        draft.replace(draft.with_suffix(".eml"))


def _file_name(identity: str) -> str:
    return re.sub(r"[^A-Za-z0-9.@_-]", "-", identity)


def init_app(app: Flask) -> None:
    """Choose the transport by MAIL_URL."""
    url = app.config["MAIL_URL"]
    sender = app.config["SHOP_MAIL"]
    if not url:
        app.extensions["mailer"] = FileTransport(app.config["DATA_DIR"] / "mail", sender)
        return
    parts = urlsplit(url)
    app.config.update(
        MAIL_SERVER=parts.hostname,
        MAIL_PORT=parts.port or (465 if parts.scheme == "smtps" else 25),
        MAIL_USE_SSL=parts.scheme == "smtps",
        MAIL_USE_TLS=parts.scheme == "smtp+tls",
        MAIL_USERNAME=unquote(parts.username) if parts.username else None,
        MAIL_PASSWORD=unquote(parts.password) if parts.password else None,
        MAIL_DEFAULT_SENDER=sender,
    )
    Mail(app)
    app.extensions["mailer"] = SmtpTransport()


def check_connection() -> None:
    """Connect to the mail server and log in, if one is configured.

    :raise OSError, smtplib.SMTPException: it cannot be reached, or refuses the login
    """
    if isinstance(current_app.extensions["mailer"], SmtpTransport):
        with _Connection(current_app.extensions["mail"]):
            pass


def message_id(key: str) -> str:
    """The Message-ID, without brackets, of an e-mail.

    :param key: idempotency key of the e-mail; the same key gives the same Message-ID
    """
    return f"{_file_name(key)}@{urlsplit(current_app.config['PUBLIC_ORIGIN']).hostname}"


def send(email: Email) -> None:
    """Send an e-mail by the configured transport.

    :raise OSError, smtplib.SMTPException, ServiceUnavailable: it could not be sent
    """
    with metrics.message("email"):
        cast("MailTransport", current_app.extensions["mailer"]).send(email)


def read(path: Path) -> EmailMessage:
    """Parse an e-mail written by a `FileTransport`."""
    with path.open("rb") as file:
        return BytesParser(policy=policy.default).parse(file)
