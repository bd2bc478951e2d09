"""Error handling: every error is answered as a page, as a message for an htmx request, or as JSON by the API."""

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
    """The heading and text of an error page."""

    title: str
    message: str


ERROR_TEXTS = {
    400: ErrorText("Bad request", "Nothing was changed. Go back, reload the page and try again."),
    403: ErrorText(
        "Not allowed", "You do not have access, or the form was not sent from this shop. Nothing was changed."
    ),
    404: ErrorText("Page not found", "Check the address. The page may have been moved or deleted."),
    405: ErrorText("Method not allowed", "Nothing was changed."),
    409: ErrorText("This is no longer possible", "Something changed in the meantime. Your cart is saved."),
    413: ErrorText("Request too large", "The request is larger than the shop accepts. Nothing was changed."),
    422: ErrorText("Already ordered", "This form was used for another order. Nothing was ordered again."),
    429: ErrorText("Too many attempts", "Wait a moment, then try again. Nothing is lost."),
    503: ErrorText(
        "The shop is temporarily unavailable",
        "Your cart is saved. Try again in a moment.",
    ),
}


Headers = list[tuple[str, str]]
JsonErrorRenderer = Callable[[int, Exception, Headers], ResponseReturnValue]


def set_json_error_renderer(app: Flask, renderer: JsonErrorRenderer) -> None:
    """Set how errors at URLs of the API are answered.

    :param renderer: called with status, error and response headers
    """
    app.extensions["json_error_renderer"] = renderer


def init_app(app: Flask) -> None:
    """Register handlers that answer every error with a page of the shop, never with a stack trace."""
    app.register_error_handler(HTTPException, render_http_error)
    app.register_error_handler(DomainError, render_domain_error)
    app.register_error_handler(OperationalError, render_unavailable)
    app.register_error_handler(InterfaceError, render_unavailable)
    app.register_error_handler(PoolTimeout, render_unavailable)
    app.register_error_handler(DBAPIError, render_unexpected)


def render_http_error(error: HTTPException, text: ErrorText | None = None) -> ResponseReturnValue:
    """Answer an HTTP error.

    :param text: for pages, instead of the general one for the status
    """
    if error.code is None or error.code < 400:
        return error.get_response()
    if error.code == 500 and isinstance(error, InternalServerError):
        return render_unexpected(error)
    return _answer(error.code, error, list(error.get_headers()), text)


def render_domain_error(error: DomainError, text: ErrorText | None = None) -> ResponseReturnValue:
    """Answer a domain error that no view handled.

    :param text: for pages, instead of the general one for the status
    """
    logger.info("refused: %s %s", type(error).__name__, error)
    headers = [("Retry-After", str(error.seconds))] if isinstance(error, RetryLater) else []
    return _answer(error.status, error, headers, text)


def render_unavailable(error: Exception) -> ResponseReturnValue:
    """Answer 503 with Retry-After while a database is unavailable."""
    logger.error("database unavailable: %s", error)
    db.session.rollback()
    return _answer(ServiceUnavailable.code, error, [("Retry-After", str(RETRY_AFTER_SECONDS))])


def render_unexpected(error: Exception) -> ResponseReturnValue:
    """Log an unexpected error with its traceback and answer 500."""
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return render_unavailable(error)
    logger.exception("unexpected error on %s %s", request.method, request.path)
    if wants_json():
        return _json_renderer()(500, error, [])
    if request.headers.get("HX-Request"):
        return _problem(500, ErrorText("Something went wrong", "Nothing was lost. Try again in a moment."))
    return render_template("errors/500.html"), 500


def _json_renderer() -> JsonErrorRenderer:
    renderer: JsonErrorRenderer = current_app.extensions["json_error_renderer"]
    return renderer


def _answer(code: int, error: Exception, headers: Headers, text: ErrorText | None = None) -> ResponseReturnValue:
    text = text or _text_of(code, headers)
    headers = [(name, value) for name, value in headers if name.lower() not in {"content-type", "content-length"}]
    if wants_json():
        return _json_renderer()(code, error, headers)
    if request.headers.get("HX-Request"):
        response = make_response(_problem(code, text))
    else:
        page = render_template(
            "errors/error.html",
            code=code,
            title=text.title,
            message=text.message,
            action_url=url_for("catalog.home"),
            action_label="Continue shopping",
            is_error=True,  # the sign-in link must not lead back to the requested URL
        )
        response = make_response(page, code)
    response.headers.extend(headers)
    return response


def _text_of(code: int, headers: Headers) -> ErrorText:
    text = ERROR_TEXTS.get(code, ERROR_TEXTS[400])
    seconds = dict(headers).get("Retry-After", "")
    if code != 429 or not seconds.isdigit():
        return text
    return ErrorText(text.title, f"You can try again in {wait_in_words(int(seconds))}. Nothing is lost.")


def _problem(code: int, text: ErrorText) -> tuple[str, int, dict[str, str]]:
    """The answer to an htmx request: a message swapped into #notices, whatever the target of the request."""
    body = render_template("layout/_problem.html", title=text.title, message=text.message)
    return body, code, {"HX-Retarget": "#notices", "HX-Reswap": "innerHTML"}
