"""DomainError and how a fault looks to who asked: a page, the notice of an htmx request, or the API's JSON."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from flask import Flask, current_app, make_response, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException, InternalServerError, ServiceUnavailable

from storefront.core.errors import DomainError, RetryLater, wait_in_words
from storefront.db.session import db
from storefront.web.responses import wants_json

logger = logging.getLogger(__name__)

RETRY_AFTER_SECONDS = 5


@dataclass(frozen=True, slots=True)
class ErrorText:
    title: str
    message: str


ERROR_TEXTS = {
    400: ErrorText("This request could not be read", "Nothing was changed. Go back, reload the page and try again."),
    403: ErrorText("This is not allowed", "The request did not come from a page of this shop. Nothing was changed."),
    404: ErrorText("There is nothing here", "The address may be mistyped, or what was here has gone."),
    405: ErrorText("This address cannot do that", "Nothing was changed."),
    409: ErrorText("This can no longer be done", "Something changed in the meantime. Your cart is kept."),
    413: ErrorText("That is too much at once", "The request was larger than the shop accepts. Nothing was changed."),
    422: ErrorText(
        "This was ordered already", "The form you sent belongs to another order. Nothing was ordered again."
    ),
    429: ErrorText("Too many tries", "Wait a little, then try again. Nothing is lost."),
    503: ErrorText(
        "The shop is catching its breath",
        "Part of it cannot be reached now. Your cart is kept: try again soon.",
    ),
}


Headers = list[tuple[str, str]]
JsonErrorRenderer = Callable[[int, Exception, Headers], ResponseReturnValue]


def set_json_error_renderer(app: Flask, face: JsonErrorRenderer) -> None:
    """Let the API word what goes wrong at its own addresses.

    :param face: given status, fault and headers to send
    """
    app.extensions["json_face"] = face


def init_app(app: Flask) -> None:
    """Answer every fault in the shop's own words, never with a stack trace."""
    app.register_error_handler(HTTPException, render_http_error)
    app.register_error_handler(DomainError, render_domain_error)
    app.register_error_handler(OperationalError, render_unavailable)
    app.register_error_handler(InterfaceError, render_unavailable)
    app.register_error_handler(PoolTimeout, render_unavailable)
    app.register_error_handler(DBAPIError, render_unexpected)


def render_http_error(error: HTTPException, wording: ErrorText | None = None) -> ResponseReturnValue:
    if error.code is None or error.code < 400:
        return error.get_response()
    if error.code == 500 and isinstance(error, InternalServerError):
        return render_unexpected(error)
    return _answer(error.code, error, list(error.get_headers()), wording)


def render_domain_error(error: DomainError, wording: ErrorText | None = None) -> ResponseReturnValue:
    """A refusal that no view explained; the shopper still gets a page that says what was kept.

    :param wording: for pages, where the status says too little
    """
    logger.info("refused: %s %s", type(error).__name__, error)
    headers = [("Retry-After", str(error.seconds))] if isinstance(error, RetryLater) else []
    return _answer(error.status, error, headers, wording)


def render_unavailable(error: Exception) -> ResponseReturnValue:
    logger.error("database unavailable: %s", error)
    db.session.rollback()
    return _answer(ServiceUnavailable.code, error, [("Retry-After", str(RETRY_AFTER_SECONDS))])


def render_unexpected(error: Exception) -> ResponseReturnValue:
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return render_unavailable(error)
    logger.exception("unexpected error on %s %s", request.method, request.path)
    if wants_json():
        return _json_face()(500, error, [])
    if request.headers.get("HX-Request"):
        return _problem(500, ErrorText("Something went wrong on our side", "Nothing was lost. Try again in a moment."))
    return render_template("errors/500.html"), 500


def _json_face() -> JsonErrorRenderer:
    face: JsonErrorRenderer = current_app.extensions["json_face"]
    return face


def _answer(code: int, error: Exception, headers: Headers, wording: ErrorText | None = None) -> ResponseReturnValue:
    wording = wording or _wording(code, headers)
    kept = [(name, value) for name, value in headers if name.lower() not in {"content-type", "content-length"}]
    if wants_json():
        return _json_face()(code, error, kept)
    if request.headers.get("HX-Request"):
        response = make_response(_problem(code, wording))
    else:
        page = render_template(
            "errors/error.html",
            code=code,
            title=wording.title,
            message=wording.message,
            action_url=url_for("catalog.home"),
            action_label="Go to the shop",
            is_error=True,  # the page names no address that was asked for
        )
        response = make_response(page, code)
    response.headers.extend(kept)
    return response


def _wording(code: int, headers: Headers) -> ErrorText:
    wording = ERROR_TEXTS.get(code, ERROR_TEXTS[400])
    seconds = dict(headers).get("Retry-After", "")
    if code != 429 or not seconds.isdigit():
        return wording
    return ErrorText(wording.title, f"You can try again in {wait_in_words(int(seconds))}. Nothing is lost.")


def _problem(code: int, wording: ErrorText) -> tuple[str, int, dict[str, str]]:
    """The notice an htmx request gets: it goes to #notices whatever the request's own target was."""
    body = render_template("layout/_problem.html", title=wording.title, message=wording.message)
    return body, code, {"HX-Retarget": "#notices", "HX-Reswap": "innerHTML"}
