"""Checks of every request before its view: host name, HTTPS, form parts, card numbers; the body: `request_body`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from flask import Flask, current_app, redirect, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest, SecurityError
from werkzeug.sansio.utils import host_is_trusted

from storefront.core.card_numbers import CardNumberRejected, contains_card_number
from storefront.web import request_body, route_options
from storefront.web.error_pages import ErrorText, render_domain_error, render_http_error
from storefront.web.request_body import FORMS, BodyTooDeep, BodyTooLarge, decode_json
from storefront.web.responses import query_suffix, wants_json

_UNKNOWN_HOST = ErrorText("Unknown host name", "The shop can only be reached at its own address.")
_NO_CARDS = ErrorText(
    "Do not enter card numbers",
    "Card numbers are only entered on the page of the payment provider. What you sent was not saved. Go back and "
    "remove the number.",
)


def init_app(app: Flask) -> None:
    """Register the checks; they run after the check of origins and before everything else."""
    app.before_request(reject_untrusted_hosts)
    app.before_request(redirect_to_https)
    request_body.init_app(app)
    app.before_request(reject_unnamed_parts)
    app.before_request(reject_card_numbers)
    app.register_error_handler(SecurityError, render_untrusted_host)
    app.register_error_handler(CardNumberRejected, render_card_number_rejected)


def render_untrusted_host(error: SecurityError) -> ResponseReturnValue:
    """Answer a request for an unknown host name."""
    return render_http_error(error, _UNKNOWN_HOST)


def render_card_number_rejected(error: CardNumberRejected) -> ResponseReturnValue:
    """Answer a request that contains a card number."""
    return render_domain_error(error, _NO_CARDS)


def reject_untrusted_hosts() -> None:
    """Refuse a request for another host name, which could otherwise end up in generated links.

    :raise SecurityError: 400
    """
    allowed = current_app.config["ALLOWED_HOSTS"]
    if allowed and not route_options.current().any_host and not host_is_trusted(request.host.lower(), allowed):
        raise SecurityError


def redirect_to_https() -> ResponseReturnValue | None:
    """Redirect a page request by plain HTTP, as reported by the proxy, to the same page at the public origin."""
    config = current_app.config
    is_plain_http = config["PROXY_COUNT"] and "X-Forwarded-Proto" in request.headers and not request.is_secure
    if not (config["HTTPS"] and is_plain_http) or request.method not in {"GET", "HEAD"}:
        return None
    if wants_json():
        return None
    return redirect(config["PUBLIC_ORIGIN"] + quote(request.path) + query_suffix(), 308)


def reject_unnamed_parts() -> None:
    """Refuse a form with an unnamed part: no browser sends one, and views do not expect it.

    :raise BadRequest: 400
    """
    if request.mimetype in FORMS and (None in request.form or None in request.files):
        raise BadRequest


def reject_card_numbers() -> None:
    """Refuse a request with a card number in its path, query string, form, file name, JSON or idempotency key.

    :raise CardNumberRejected: 422
    """
    if any(map(contains_card_number, _texts())):
        raise CardNumberRejected


def _texts() -> Iterator[str]:
    """Yield all text of the request that could be stored or shown."""
    yield request.path
    yield request.headers.get("Idempotency-Key", "")
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
        sent = decode_json(body)
    except (BodyTooLarge, BodyTooDeep):
        if request.is_json:
            raise
        yield body.decode("utf-8", "replace")
    except ValueError:
        yield body.decode("utf-8", "replace")
    else:
        yield from _leaves(sent, route_options.current().card_number_at)


def _leaves(sent: Any, allowed_at: tuple[str, ...]) -> Iterator[str]:
    """Yield every name and string of decoded JSON, but for those at the one allowed path.

    With each value goes what is left of that path, None once it was left: a path for each would be quadratic.
    """
    waiting: list[tuple[tuple[str, ...] | None, Any]] = [(allowed_at or None, sent)]
    while waiting:
        rest, value = waiting.pop()
        if isinstance(value, str):
            if rest != ():
                yield value
        elif isinstance(value, list):
            waiting.extend((rest, inner) for inner in value)
        elif isinstance(value, tuple):
            for name, inner in value:
                yield name
                waiting.append((rest[1:] if rest and rest[0] == name else None, inner))
