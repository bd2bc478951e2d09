"""The one door for request bodies: who may send how much, and how much is decoded before any view sees it.

Everything here happens before anybody is known, so each step counts before it decodes: bytes before they are read,
values and levels of JSON and fields of forms before they are parsed. Decision 38.
"""

from __future__ import annotations

import json
import re
from itertools import accumulate
from typing import Any

from flask import Flask, current_app, g, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge

from storefront.core.waiting_line import WaitingLine
from storefront.web import route_options
from storefront.web.error_pages import ERROR_TEXTS, ErrorText, render_http_error

PLAIN_FORM = "application/x-www-form-urlencoded"
UPLOAD_FORM = "multipart/form-data"
FORMS = frozenset({PLAIN_FORM, UPLOAD_FORM})

# Bodies from this size on, in bytes, are read and answered few at a time: looking through the largest takes up to half
# a second, and the other threads of the process are left to other requests.
LARGE = 32 * 1024
_large_bodies = WaitingLine(at_once=2, waiting=2, seconds=2)

MAX_JSON_DEPTH = 64  # objects and lists within each other
MAX_JSON_VALUES = 10_000  # a page of the Angular client sends some hundred
MAX_FORM_FIELDS = 5_000  # the largest form of the shop, the stock list, has some five hundred

# A string of JSON, also an unfinished one at the end: every quotation mark is looked at once.
_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)
_NO_BRACKETS = re.compile(r"[^\[\]{}]++")
_STEPS = {"[": 1, "{": 1, "]": -1, "}": -1}


class BodyTooLarge(RequestEntityTooLarge):
    """The body exceeds a limit.

    :ivar limit: in words, such as "5 MB"
    """

    def __init__(self, limit: str) -> None:
        super().__init__()
        self.limit = limit

    @property
    def sentence(self) -> str:
        """What the limit is."""
        return f"The limit is {self.limit}."


class BodyTooDeep(BadRequest):
    """JSON has more than `MAX_JSON_DEPTH` levels."""


def init_app(app: Flask) -> None:
    """Register the door, and the answer to whoever sends more."""
    app.before_request(admit_body)
    app.teardown_request(leave_line)
    app.register_error_handler(RequestEntityTooLarge, render_too_large)


def admit_body() -> ResponseReturnValue | None:
    """Decide how much of the body may be read, and count what is in it.

    Only a form with files may exceed the general limit, only on a route for uploads, and only from somebody whom the
    guard of that route lets in: nobody else's is read at all.

    :return: the refusal of the route's guard
    :raise BodyTooLarge: 413
    :raise Busy: too many large bodies at a time; 503
    """
    request.max_content_length = current_app.config["MAX_CONTENT_LENGTH"]
    options = route_options.current()
    if request.mimetype == UPLOAD_FORM and options.max_upload is not None and options.guard is not None:
        refusal = options.guard(request.view_args or {})
        request.max_content_length = options.max_upload
        return refusal
    _take_place_in_line()
    if request.mimetype == PLAIN_FORM and request.get_data().count(b"&") >= MAX_FORM_FIELDS:
        raise BodyTooLarge(f"{MAX_FORM_FIELDS:,} fields")
    return None


def _take_place_in_line() -> None:
    size = request.content_length
    is_chunked = size is None and "Transfer-Encoding" in request.headers
    if is_chunked or LARGE <= (size or 0) <= current_app.config["MAX_CONTENT_LENGTH"]:  # what is larger is not read
        _large_bodies.enter()
        g.is_in_line = True


def leave_line(error: BaseException | None) -> None:
    """Give the place of a large body back, when the request was answered."""
    if g.pop("is_in_line", False):
        _large_bodies.leave()


def decode_json(body: bytes) -> Any:
    """Decode JSON for a search: numbers as they are written, objects as tuples of pairs with every repeated name.

    :raise BodyTooDeep: it has too many levels; nothing was decoded
    :raise BodyTooLarge: it has too many values; nothing was decoded
    :raise ValueError: it is not JSON
    """
    text = body.decode(json.detect_encoding(body))
    _count_json(text)
    return json.loads(text, parse_int=str, parse_float=str, object_pairs_hook=tuple)


def _count_json(text: str) -> None:
    structure = _STRING.sub("", text)
    openings = structure.count("[") + structure.count("{")
    if openings > MAX_JSON_DEPTH:
        levels = accumulate(map(_STEPS.__getitem__, _NO_BRACKETS.sub("", structure)))
        if max(levels) > MAX_JSON_DEPTH:
            raise BodyTooDeep
    if openings + structure.count(",") >= MAX_JSON_VALUES:
        raise BodyTooLarge(f"{MAX_JSON_VALUES:,} values")


def render_too_large(error: RequestEntityTooLarge) -> ResponseReturnValue:
    """Answer 413 and name the limit, as a page or in JSON."""
    known = error if isinstance(error, BodyTooLarge) else BodyTooLarge(_limit_of_request())
    general = ERROR_TEXTS[413]
    return render_http_error(known, ErrorText(general.title, f"{general.message} {known.sentence}"))


def _limit_of_request() -> str:
    """The limit that Werkzeug applied while it read the body."""
    most = request.max_content_length or 0
    if request.mimetype == UPLOAD_FORM and (request.content_length or 0) <= most:
        text, parts = current_app.config["MAX_FORM_MEMORY_SIZE"], current_app.config["MAX_FORM_PARTS"]
        return f"{in_words(text)} of text and {parts:,} fields"
    return in_words(most)


def in_words(size: int) -> str:
    """Write a size as whole MB or kB, rounded down.

    :param size: bytes
    """
    return f"{size // 2**20} MB" if size >= 2**20 else f"{size // 1024} kB"
