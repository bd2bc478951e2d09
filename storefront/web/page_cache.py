"""Whole pages for visitors without a session: newcomers, search engines, link previews. Looked up before Flask.

Answers of the JSON API that are the same for everyone are kept for browsers with a session, too.

`page_store` says how long a page is kept. Its compressed forms are made once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

from flask import Flask, request, session
from werkzeug.wrappers import Response
from werkzeug.wsgi import ClosingIterator

from storefront.catalog.service import version_reader
from storefront.core import request_facts
from storefront.web import route_options
from storefront.web.compression import COLLECTED, compress, encoding_for
from storefront.web.page_store import MAX_KEY_LENGTH, PageStore

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

MAX_BYTES = 12_000_000  # per process, compressed forms included; a listing has 60 kB in all
# In the environment, once the request was answered: the visitors for whom the page is the same, if there are any.
SAME_FOR = "storefront.same_for"
NEWCOMERS, EVERYONE = "newcomers", "everyone"
# Headers that are made anew for each answer, or are of the one caller for whom the page was made.
NOT_KEPT = frozenset({"Content-Length", "ETag", "RateLimit", "RateLimit-Policy"})


class Key(NamedTuple):
    """What a page depends on besides the version.

    :ivar audience: `NEWCOMERS`; for a request with a session cookie `EVERYONE`: no other page is the same
    """

    audience: str

    scheme: str
    host: str
    has_forwarded_scheme: bool
    comes_from_shop: bool  # a product looked at from another page of the shop is remembered
    origin: str  # of a request from another site, which CORS may allow
    root: str
    path: str
    query: str


@dataclass
class CachedPage:
    """A page as it was answered.

    :ivar route: the URL rule that it answers
    :ivar headers: without encoding and those of `NOT_KEPT`
    :ivar forms: bodies by content encoding; "" is the uncompressed one
    """

    route: str
    headers: list[tuple[str, str]]
    forms: dict[str, bytes]
    etag: str = field(init=False)

    def __post_init__(self) -> None:
        self.etag = f'W/"{hashlib.sha256(self.forms[""]).hexdigest()[:32]}"'


class PageCache:
    """The pages cached in this process."""

    def __init__(self, app: Flask) -> None:
        self._inner: WSGIApplication = app.wsgi_app
        self._cookie = f"{app.config['SESSION_COOKIE_NAME']}="
        with app.app_context():
            versions = version_reader()
        # Twice the uncompressed size stands for all forms: they are made after the page was stored.
        self._pages: PageStore[CachedPage] = PageStore(
            "whole-pages",
            versions,
            ZoneInfo(app.config["SHOP_TIMEZONE"]),
            MAX_BYTES,
            lambda page: 2 * len(page.forms[""]),
        )

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        key = self._key_of(environ)
        if key is None:
            return self._inner(environ, start_response)
        answers: list[Iterable[bytes]] = []  # the answer, if it was made and is not to be kept
        page = self._pages.get_or_make(key, lambda: self._make(key, environ, start_response, answers))
        if page is not None:
            request_facts.note_route(page.route)
            return _answer(page, environ, start_response)
        return answers[0] if answers else self._answer_first(key, environ, start_response)

    def _answer_first(self, key: Key, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer without the cache, and note whether the page can be kept.

        So neither /health nor a file waits for the database of the catalogue.
        """
        answered = self._inner(environ, start_response)
        if _is_same_for(key.audience, environ):
            self._pages.note(key)
        return answered

    def _key_of(self, environ: WSGIEnvironment) -> Key | None:
        """The key of a request for a whole page; None for any other."""
        if environ["REQUEST_METHOD"] not in {"GET", "HEAD"} or "HTTP_HX_REQUEST" in environ:
            return None
        if "HTTP_AUTHORIZATION" in environ:  # a token that is nobody's is refused everywhere
            return None
        has_session = self._cookie in environ.get("HTTP_COOKIE", "")
        path, query = environ.get("PATH_INFO", ""), environ.get("QUERY_STRING", "")
        if len(path) + len(query) > MAX_KEY_LENGTH:
            return None
        return Key(
            EVERYONE if has_session else NEWCOMERS,
            environ["wsgi.url_scheme"],
            environ.get("HTTP_HOST", ""),
            "HTTP_X_FORWARDED_PROTO" in environ,
            environ.get("HTTP_SEC_FETCH_SITE") == "same-origin",
            environ.get("HTTP_ORIGIN", ""),
            environ.get("SCRIPT_NAME", ""),
            path,
            query,
        )

    def _make(
        self, key: Key, environ: WSGIEnvironment, start_response: StartResponse, answers: list[Iterable[bytes]]
    ) -> CachedPage | None:
        """Have the page made, if it is the same for its audience; else begin the answer, and append its body."""
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
            started[:] = [(status, headers)]
            return lambda written: None  # Flask does not write by it

        is_head = environ["REQUEST_METHOD"] == "HEAD"
        made = {**environ, "REQUEST_METHOD": "GET", COLLECTED: True}
        made.pop("HTTP_IF_NONE_MATCH", None)
        answered = self._inner(made, start)
        status, headers = started[0]
        if not _is_same_for(key.audience, made) or any(name == "Set-Cookie" for name, _ in headers):
            start_response(status, headers)
            answers.append(ClosingIterator([], [answered.close]) if is_head else answered)  # type: ignore[attr-defined]
            return None
        with closing(answered):  # type: ignore[type-var]  # every answer of Flask can be closed
            body = b"".join(answered)
        kept = [(name, value) for name, value in headers if name not in NOT_KEPT]
        return CachedPage(request_facts.current_route(), kept, {"": body})


def _is_same_for(audience: str, environ: WSGIEnvironment) -> bool:
    return environ.get(SAME_FOR) in {audience, EVERYONE}


def _answer(page: CachedPage, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    headers = [*page.headers, ("ETag", page.etag)]
    if page.etag in environ.get("HTTP_IF_NONE_MATCH", ""):
        start_response("304 NOT MODIFIED", headers)
        return []
    encoding = encoding_for(environ.get("HTTP_ACCEPT_ENCODING", ""))
    if encoding not in page.forms:
        page.forms[encoding] = compress(page.forms[""], encoding, once=True)
    body = page.forms[encoding]
    headers.append(("Content-Length", str(len(body))))
    if encoding:
        headers.append(("Content-Encoding", encoding))
    start_response("200 OK", headers)
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]


def init_app(app: Flask) -> None:
    """Put the cache before the application; the fix of proxies' headers is put before the cache."""
    if app.config["CACHE_ENABLED"] and not app.jinja_env.auto_reload:
        app.wsgi_app = app.extensions["page_cache"] = PageCache(app)  # type: ignore[method-assign]


def mark_page(response: Response) -> Response:
    """Note for whom a response is the same."""
    options = route_options.current()
    if response.status_code == 200 and options.same_for_newcomers:
        if route_options.is_for_everyone(response):
            request.environ[SAME_FOR] = EVERYONE
        elif not session:
            request.environ[SAME_FOR] = NEWCOMERS
    return response
