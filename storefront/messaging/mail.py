"""Letters: rendered from `templates/<domain>/email/`, sent through one of three ports.

`smtp://user:password@host:port` (or `smtp+tls://`, `smtps://`) sends; without MAIL_URL letters lie in
`<data dir>/mail`, to be read at /dev/mail. Tests bring a port of their own.
"""

from __future__ import annotations

import email.policy
import re
import smtplib
import ssl
import time
from contextlib import suppress
from dataclasses import dataclass
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Any, Protocol, cast
from urllib.parse import unquote, urlsplit

from flask import Flask, current_app
from flask_mail import Connection, Mail, Message

SMTP_SECONDS = 20  # a mail server that takes longer is asked again later
BREAKER_OPEN_SECONDS = (
    30  # one that was waited for in vain is not asked for so long: the worker has more to do than wait
)


@dataclass(frozen=True, slots=True)
class Email:
    """:ivar id: the Message-ID without brackets; a letter sent twice carries the same, so that it counts once
    :ivar unsubscribe_url: where who gets it ends such letters, by a page or one POST; empty: they asked for this one
    """

    id: str
    to: str
    subject: str
    text: str
    html: str
    unsubscribe_url: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """What lets a mail program offer to unsubscribe: RFC 2369 and RFC 8058."""
        if not self.unsubscribe_url:
            return {}
        return {
            "List-Unsubscribe": f"<{self.unsubscribe_url}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        }


class MailTransport(Protocol):
    """Where letters go. `send` raises whatever went wrong: the caller keeps the letter and comes back."""

    def send(self, letter: Email) -> None: ...


class _Connection(Connection):
    """Flask-Mail's own waits for a silent server for ever, and takes any certificate for the server's."""

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
        # The letter was taken or refused by now: a server that hangs up without a goodbye must not get it again.
        with suppress(smtplib.SMTPException, OSError):
            super().__exit__(*error)


class SmtpTransport:
    """Sends by SMTP, with Flask-Mail."""

    def __init__(self) -> None:
        self._away_until = 0.0

    def send(self, letter: Email) -> None:
        began = time.monotonic()
        if began < self._away_until:
            raise TimeoutError("the mail server did not answer a moment ago")
        try:
            self._send(letter)
        except OSError:
            if time.monotonic() - began >= SMTP_SECONDS:
                self._away_until = time.monotonic() + BREAKER_OPEN_SECONDS
            raise

    def _send(self, letter: Email) -> None:
        message = Message(
            subject=letter.subject,
            recipients=[letter.to],
            body=letter.text,
            html=letter.html,
            extra_headers=letter.headers,
        )
        message.msgId = f"<{letter.id}>"
        with _Connection(current_app.extensions["mail"]) as connection:
            connection.send(message)


class FileTransport:
    """Lays each letter down as a file; the same letter twice is one file."""

    def __init__(self, folder: Path, sender: str) -> None:
        self.folder = folder
        self._sender = sender

    def send(self, letter: Email) -> None:
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self._sender, letter.to, letter.subject
        message["Message-ID"] = f"<{letter.id}>"
        for name, value in letter.headers.items():
            message[name] = value
        message.set_content(letter.text)
        message.add_alternative(letter.html, subtype="html")
        self.folder.mkdir(parents=True, exist_ok=True)
        draft = self.folder / f"{_file_name(letter.id)}.part"
        draft.write_bytes(message.as_bytes())
        draft.replace(draft.with_suffix(".eml"))


def _file_name(identity: str) -> str:
    return re.sub(r"[^A-Za-z0-9.@_-]", "-", identity)


def init_app(app: Flask) -> None:
    """Choose the port by MAIL_URL."""
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
    """Reach the mail server and log in there, where letters go to one.

    :raise OSError, smtplib.SMTPException: it is away, or does not know us
    """
    if isinstance(current_app.extensions["mailer"], SmtpTransport):
        with _Connection(current_app.extensions["mail"]):
            pass


def message_id(key: str) -> str:
    """The Message-ID, without brackets, of the e-mail about an occasion.

    :param key: names the occasion; the same key makes the same Message-ID
    """
    return f"{_file_name(key)}@{urlsplit(current_app.config['PUBLIC_ORIGIN']).hostname}"


def send(letter: Email) -> None:
    """Hand an e-mail to the transport that MAIL_URL chose.

    :raise OSError, smtplib.SMTPException: it did not leave
    """
    cast("MailTransport", current_app.extensions["mailer"]).send(letter)


def read(path: Path) -> EmailMessage:
    """A letter that a `FolderPost` laid down."""
    with path.open("rb") as file:
        return BytesParser(policy=email.policy.default).parse(file)
