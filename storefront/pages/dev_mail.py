"""/dev/mail: the letters of a development shop, to be read in the browser."""

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

LETTERS_SHOWN = 100
# A letter brings its styles along, inline, as mail programs want it; it may do nothing else.
LETTER_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'"


@dataclass(frozen=True, slots=True)
class LetterView:
    name: str
    subject: str
    to: str
    sent_at: datetime
    text: str


def _folder() -> Path:
    post = current_app.extensions["mailer"]
    if not isinstance(post, FileTransport):
        abort(404)
    return post.folder


def _view(path: Path) -> LetterView:
    letter = read(path)
    return LetterView(
        name=path.stem,
        subject=str(letter["Subject"]),
        to=str(letter["To"]),
        sent_at=datetime.fromtimestamp(path.stat().st_mtime, UTC),
        text=_part(letter, "plain"),
    )


def _part(letter: EmailMessage, kind: str) -> str:
    part = letter.get_body((kind,))
    return str(part.get_content()) if part is not None else ""


def _find(name: str) -> Path:
    """By name among those that are there: what was typed never becomes a path."""
    found = next((path for path in _folder().glob("*.eml") if path.stem == name), None)
    if found is None:
        abort(404)
    return found


@bp.get("/mail")
def mailbox() -> ResponseReturnValue:
    """The letters, newest first."""
    newest = sorted(_folder().glob("*.eml"), key=lambda path: path.stat().st_mtime, reverse=True)
    return render_page("dev/mailbox.html", mails=[_view(path) for path in newest[:LETTERS_SHOWN]])


@bp.get("/mail/<name>")
def mail(name: str) -> ResponseReturnValue:
    """One letter, its text part."""
    return render_page("dev/mail.html", mail=_view(_find(name)))


@bp.get("/mail/<name>/html")
def mail_html(name: str) -> ResponseReturnValue:
    """One letter as a mail program shows it."""
    content = _part(read(_find(name)), "html")
    return Response(content, headers={"Content-Security-Policy": LETTER_POLICY})
