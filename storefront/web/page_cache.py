"""Whole pages for visitors without a session: newcomers, search engines, link previews. Looked up before Flask.

A page is served as long as the version of the catalogue stands at which it was made (`catalog.page_version`), on the
day it was made, and for `MAX_AGE_SECONDS` at most, because of figures that are themselves cached. Its compressed
forms are made once.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

from dogpile.util import NameRegistry
from flask import Flask, request, session
from werkzeug.wrappers import Response
from werkzeug.wsgi import ClosingIterator

from storefront.catalog.service import Version, version_reader
from storefront.core import clock
from storefront.core.cache_backends import BoundedStore
from storefront.web import route_options
from storefront.web.compression import COLLECTED, compress, encoding_for

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

MAX_BYTES = 16_000_000  # per process, compressed forms included; a listing has 60 kB in all
MAX_AGE_SECONDS = 60
MAX_ASKED_FOR = 10_000  # addresses of which is known that they were asked for once
SAME_FOR_NEWCOMERS = "storefront.same_for_newcomers"  # in the environment, once the request was answered
MAX_KEY_LENGTH = 1000  # of path and query; a longer one is made anew each time


class Key(NamedTuple):
    """What a page depends on besides the version."""

    scheme: str
    host: str
    has_forwarded_scheme: bool
    comes_from_shop: bool  # a product looked at from another page of the shop is remembered
    root: str
    path: str
    query: str


@dataclass
class CachedPage:
    """A page as it was answered.

    :ivar headers: without length, encoding and ETag
    :ivar forms: bodies by content encoding; "" is the uncompressed one
    """

    version: Version
    day: date
    made_at: float
    headers: list[tuple[str, str]]
    forms: dict[str, bytes]
    etag: str = field(init=False)

    def __post_init__(self) -> None:
        self.etag = f'W/"{hashlib.sha256(self.forms[""]).hexdigest()[:32]}"'

    def is_current(self, version: Version, day: date) -> bool:
        return self.version == version and self.day == day and time.monotonic() - self.made_at < MAX_AGE_SECONDS


class PageCache:
    """The pages cached in this process."""

    def __init__(self, app: Flask) -> None:
        self._inner: WSGIApplication = app.wsgi_app
        self._zone = ZoneInfo(app.config["SHOP_TIMEZONE"])
        self._cookie = f"{app.config['SESSION_COOKIE_NAME']}="
        self._asked_for: BoundedStore[bool] = BoundedStore(MAX_ASKED_FOR)  # hashes of keys
        # Twice the uncompressed size stands for all forms: they are made after the page was stored.
        self._pages: BoundedStore[CachedPage] = BoundedStore(MAX_BYTES, lambda page: 2 * len(page.forms[""]))
        self._making = NameRegistry(lambda key: threading.Lock())
        with app.app_context():
            self._versions = version_reader()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        key = self._key_of(environ)
        if key is None:
            return self._inner(environ, start_response)
        page = self._pages.get(key)
        if page is None and not self._asked_for.get(hash(key)):
            return self._answer_first(key, environ, start_response)
        version = self._versions.read()
        if version is None:
            return self._inner(environ, start_response)
        day = clock.today_in(self._zone)
        if page is None:
            return self._make(key, version, day, environ, start_response)
        if not page.is_current(version, day):
            with self._making.get("\n".join(map(str, key))):  # one request makes it anew, the others wait for that
                page = self._pages.get(key)
                if page is None or not page.is_current(version, day):
                    return self._make(key, version, day, environ, start_response)
        return _answer(page, environ, start_response)

    def _answer_first(self, key: Key, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer without the cache, and note whether the page is worth keeping when it is asked for again.

        So neither /health nor a file waits for the database of the catalogue, and an address that nobody asks for twice
        is not kept.
        """
        answered = self._inner(environ, start_response)
        if environ.get(SAME_FOR_NEWCOMERS):
            self._asked_for[hash(key)] = True
        return answered

    def _key_of(self, environ: WSGIEnvironment) -> Key | None:
        """The key of a request by a visitor without a session for a whole page; None for any other."""
        if environ["REQUEST_METHOD"] not in {"GET", "HEAD"} or "HTTP_HX_REQUEST" in environ:
            return None
        if self._cookie in environ.get("HTTP_COOKIE", "") or "HTTP_AUTHORIZATION" in environ:
            return None
        path, query = environ.get("PATH_INFO", ""), environ.get("QUERY_STRING", "")
        if len(path) + len(query) > MAX_KEY_LENGTH:
            return None
        return Key(
            environ["wsgi.url_scheme"],
            environ.get("HTTP_HOST", ""),
            "HTTP_X_FORWARDED_PROTO" in environ,
            environ.get("HTTP_SEC_FETCH_SITE") == "same-origin",
            environ.get("SCRIPT_NAME", ""),
            path,
            query,
        )

    def _make(
        self, key: Key, version: Version, day: date, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Have the page made, and keep it if it is the same for all newcomers."""
        made_at = time.monotonic()
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
            started[:] = [(status, headers)]
            return lambda written: None  # Flask does not write by it

        is_head = environ["REQUEST_METHOD"] == "HEAD"
        made = {**environ, "REQUEST_METHOD": "GET", COLLECTED: True}
        answered = self._inner(made, start)
        status, headers = started[0]
        if not made.get(SAME_FOR_NEWCOMERS) or any(name == "Set-Cookie" for name, _ in headers):
            start_response(status, headers)
            return ClosingIterator([], [answered.close]) if is_head else answered  # type: ignore[attr-defined]
        with closing(answered):  # type: ignore[type-var]  # every answer of Flask can be closed
            body = b"".join(answered)
        lasting = [(name, value) for name, value in headers if name not in {"Content-Length", "ETag"}]
        self._pages[key] = page = CachedPage(version, day, made_at, lasting, {"": body})
        return _answer(page, environ, start_response)


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
        app.wsgi_app = PageCache(app)  # type: ignore[method-assign]


def mark_page(response: Response) -> Response:
    """Note that a response is the same for all who have no session."""
    is_page = response.status_code == 200 and route_options.current().same_for_newcomers
    request.environ[SAME_FOR_NEWCOMERS] = is_page and not session
    return response
