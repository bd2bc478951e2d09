"""What a request may bring, judged before any view reads it: our host's name, a bounded form, no card numbers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from flask import Flask, current_app, redirect, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest, SecurityError
from werkzeug.sansio.utils import host_is_trusted

from storefront.core.card_numbers import CardNumberRejected, contains_card_number
from storefront.web import route_options
from storefront.web.error_pages import ErrorText, render_domain_error, render_http_error
from storefront.web.responses import query_suffix, wants_json

PLAIN_FORM = "application/x-www-form-urlencoded"
FORMS = frozenset({PLAIN_FORM, "multipart/form-data"})

_ELSEWHERE = ErrorText(
    "This is not the address of the shop", "It answers to the name it was set up with, and no other."
)
_NO_CARDS = ErrorText(
    "No card numbers here, please",
    "Card numbers are never typed into this shop: cards are paid with on the page of their own bank or provider. "
    "What you sent was not kept. Go back and leave the number out.",
)


def init_app(app: Flask) -> None:
    """Stand at the door, behind the judge of origins and before all else."""
    app.before_request(reject_untrusted_hosts)
    app.before_request(redirect_to_https)
    app.before_request(limit_body_size)
    app.before_request(reject_unnamed_parts)
    app.before_request(reject_card_numbers)
    app.register_error_handler(SecurityError, render_untrusted_host)
    app.register_error_handler(CardNumberRejected, render_card_number_rejected)


def render_untrusted_host(error: SecurityError) -> ResponseReturnValue:
    return render_http_error(error, _ELSEWHERE)


def render_card_number_rejected(error: CardNumberRejected) -> ResponseReturnValue:
    return render_domain_error(error, _NO_CARDS)


def reject_untrusted_hosts() -> None:
    """Refuse a request to a name that is not ours, so that none of ours ever holds it.

    :raise SecurityError: 400
    """
    known = current_app.config["ALLOWED_HOSTS"]
    if known and not route_options.current().any_host and not host_is_trusted(request.host.lower(), known):
        raise SecurityError


def redirect_to_https() -> ResponseReturnValue | None:
    """Send a reader who came by plain HTTP to the same page of our own origin; the proxy in front must say so."""
    config = current_app.config
    came_openly = config["PROXY_COUNT"] and "X-Forwarded-Proto" in request.headers and not request.is_secure
    if not (config["HTTPS"] and came_openly) or request.method not in {"GET", "HEAD"}:
        return None
    if wants_json():
        return None
    return redirect(config["PUBLIC_ORIGIN"] + quote(request.path) + query_suffix(), 308)


def limit_body_size() -> None:
    """Say how much may be sent, before anybody reads of it; who reads more gets a 413.

    `MAX_FORM_MEMORY_SIZE` bounds the text of a form with files; Werkzeug does not apply it to a plain form.
    """
    if request.mimetype == PLAIN_FORM:
        request.max_content_length = current_app.config["MAX_FORM_MEMORY_SIZE"]
    else:
        request.max_content_length = route_options.current().max_upload or current_app.config["MAX_CONTENT_LENGTH"]


def reject_unnamed_parts() -> None:
    """Refuse a form in which something has no name: no browser sends one, and nobody behind this expects it.

    :raise BadRequest: 400
    """
    if request.mimetype in FORMS and (None in request.form or None in request.files):
        raise BadRequest


def reject_card_numbers() -> None:
    """Refuse a request with a card number in its path, query string, form, file name or JSON.

    :raise CardNumberGiven: 422
    """
    if any(map(contains_card_number, _texts())):
        raise CardNumberRejected


def _texts() -> Iterator[str]:
    """Everything that was sent as text."""
    yield request.path
    for name, values in request.args.lists():
        yield from (name, *values)
    if request.mimetype in FORMS:
        for name, values in request.form.lists():
            yield from (name, *values)
        for _, files in request.files.lists():
            yield from (file.filename or "" for file in files)
    else:
        yield from _texts_of_body(request.get_data())


def _texts_of_body(body: bytes) -> Iterator[str]:
    try:
        # Numbers as they are written, however long; of a name given twice both.
        sent = json.loads(body, parse_int=str, parse_float=str, object_pairs_hook=tuple)
    except (ValueError, RecursionError):
        yield body.decode("utf-8", "replace")
        return
    allowed_at = route_options.current().card_number_at
    for place, text in _leaves(sent):
        if not allowed_at or place != allowed_at:
            yield text


def _leaves(sent: Any) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every name and text of parsed JSON, with the names that lead there; an object is a tuple of pairs."""
    waiting: list[tuple[tuple[str, ...], Any]] = [((), sent)]
    while waiting:
        place, value = waiting.pop()
        if isinstance(value, str):
            yield place, value
        elif isinstance(value, list):
            waiting.extend((place, inner) for inner in value)
        elif isinstance(value, tuple):
            for name, inner in value:
                yield place, name
                waiting.append(((*place, name), inner))
