"""The old client on its own development server: the shop keeps the cookies which that page neither keeps nor sends.

`ng serve` shows the client at another port than the shop's, from where its requests go without credentials. With
`DEV_CLIENT` set the shop stands in for the browser: what it would set as cookies for that origin lies in a file, and
the next request of that origin comes with them, as if from our own pages. So everybody who opens that page is the same
person: on a developer's own machine, and nowhere else. Production refuses to start with it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import Flask
from werkzeug.datastructures import Headers

from storefront.web.same_origin import CORS_READABLE

logger = logging.getLogger(__name__)


def init_app(app: Flask) -> None:
    """Stand in for the browser of a developer, where that is asked for."""
    origin = app.config["DEV_CLIENT"]
    if origin:
        logger.warning("DEV_CLIENT: every page of %s shares one session; for a developer's machine only", origin)
        kept = app.config["DATA_DIR"] / "dev-client-cookies"
        app.wsgi_app = CookieJarMiddleware(  # type: ignore[method-assign]
            app.wsgi_app, origin=origin, ours=app.config["PUBLIC_ORIGIN"], file=kept
        )


class CookieJarMiddleware:
    """Between the server and the application: gives requests of one origin the cookies that lie in a file.

    :ivar origin: whose requests
    :ivar ours: the origin they are given instead
    """

    def __init__(self, application: WSGIApplication, *, origin: str, ours: str, file: Path) -> None:
        self._application = application
        self.origin, self.ours, self._file = origin, ours, file
        self._lock = threading.Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ.get("HTTP_ORIGIN") != self.origin or environ["REQUEST_METHOD"] == "OPTIONS":
            return self._application(environ, start_response)
        environ["HTTP_ORIGIN"] = self.ours
        environ["HTTP_SEC_FETCH_SITE"] = "same-origin"
        environ["HTTP_COOKIE"] = "; ".join(f"{name}={morsel.coded_value}" for name, morsel in self._read().items())
        return self._application(environ, self._answering(start_response))

    def _answering(self, start_response: StartResponse) -> StartResponse:
        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Callable[[bytes], object]:
            answer = Headers(headers)
            self._keep(answer.getlist("Set-Cookie"))
            answer.remove("Set-Cookie")
            answer["Access-Control-Allow-Origin"] = self.origin
            answer["Access-Control-Expose-Headers"] = CORS_READABLE
            answer.add("Vary", "Origin")
            return start_response(status, answer.to_wsgi_list(), *rest)

        return start

    def _read(self) -> SimpleCookie:
        with self._lock:
            return SimpleCookie(self._file.read_text() if self._file.exists() else "")

    def _keep(self, changes: list[str]) -> None:
        if not changes:
            return
        kept = self._read()
        with self._lock:
            for change in changes:
                for name, morsel in SimpleCookie(change).items():
                    if morsel["max-age"] == "0":
                        kept.pop(name, None)
                    else:
                        kept[name] = morsel.value
            self._file.touch(mode=0o600)
            self._file.write_text("; ".join(f"{name}={morsel.coded_value}" for name, morsel in kept.items()))
