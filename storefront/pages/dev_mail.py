"""/dev/mail: the e-mails of a development shop, shown in the browser."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

from flask import Blueprint, Response, abort, current_app
from flask.typing import ResponseReturnValue

from storefront.messaging.mail import FileTransport, read
from storefront.web.responses import render_page
from storefront.web.route_options import no_store

bp = no_store(Blueprint("dev_mail", __name__, url_prefix="/dev"))

MAX_SHOWN = 100
# E-mails have inline styles, as mail clients need them; nothing else is allowed.
EMAIL_CSP = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'"


@dataclass(frozen=True, slots=True)
class EmailView:
    """An e-mail as the pages show it.

    :ivar name: of its file, without suffix
    :ivar text: its plain text part
    """

    name: str
    subject: str
    to: str
    sent_at: datetime
    text: str


def _folder() -> Path:
    transport = current_app.extensions["mailer"]
    if not isinstance(transport, FileTransport):
        abort(404)
    return transport.folder


def _view(path: Path) -> EmailView:
    message = read(path)
    return EmailView(
        name=path.stem,
        subject=str(message["Subject"]),
        to=str(message["To"]),
        sent_at=datetime.fromtimestamp(path.stat().st_mtime, UTC),
        text=_part(message, "plain"),
    )


def _part(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return str(part.get_content()) if part is not None else ""


def _find(name: str) -> Path:
    """Find a file by name in the list of files: a name from a URL is never used as a path."""
    path = next((path for path in _folder().glob("*.eml") if path.stem == name), None)
    if path is None:
        abort(404)
    return path


@bp.get("/mail")
def mailbox() -> ResponseReturnValue:
    """List the e-mails, newest first."""
    newest = sorted(_folder().glob("*.eml"), key=lambda path: path.stat().st_mtime, reverse=True)
    return render_page("dev/mailbox.html", mails=[_view(path) for path in newest[:MAX_SHOWN]])


@bp.get("/mail/<name>")
def mail(name: str) -> ResponseReturnValue:
    """Show the text part of an e-mail."""
    return render_page("dev/mail.html", mail=_view(_find(name)))


@bp.get("/mail/<name>/html")
def mail_html(name: str) -> ResponseReturnValue:
    """Show the HTML part of an e-mail as a mail client does."""
    content = _part(read(_find(name)), "html")
    return Response(content, headers={"Content-Security-Policy": EMAIL_CSP})
