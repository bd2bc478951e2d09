"""Counts, times and names every request, before anything else sees it: those answered from the page cache, too."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

from flask import Flask, request
from prometheus_client import Counter, Histogram

from storefront.core import metrics, request_facts
from storefront.core.request_facts import RequestFacts
from storefront.core.security_log import FIELDS
from storefront.core.user_agents import client_kind

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

SLOW_SECONDS = 1.0  # a request that took so long is a problem, for the log
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER_METHOD = "other"  # whatever else a client invents

logger = logging.getLogger("storefront.requests")


class _Series(NamedTuple):
    """The metrics of one route, method and status."""

    requests: Counter
    seconds: Histogram


class RequestObserver:
    """The outermost layer of the application.

    The id of a request is that of the trusted proxy, if there is one and it sends one, else made here. Every answer
    names it in X-Request-ID, and so does every log entry in between.
    """

    def __init__(self, app: Flask) -> None:
        self._inner: WSGIApplication = app.wsgi_app
        self._trusts_proxy = bool(app.config["PROXY_COUNT"])
        self._logged = app.config["LOG_REQUESTS"]
        self._series: dict[tuple[str, str, str], _Series] = {}  # bounded: routes, methods and statuses are ours

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        began = perf_counter()
        method = environ["REQUEST_METHOD"]
        facts = RequestFacts(self._id_of(environ), method if method in METHODS else OTHER_METHOD)
        status = "500"  # unless an answer begins

        def start(line: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
            nonlocal status
            status = line[:3]
            return start_response(line, [*headers, ("X-Request-ID", facts.id)], exc_info)

        token = request_facts.current.set(facts)
        try:
            return self._inner(environ, start)
        finally:
            self._note(facts, environ, status, perf_counter() - began)
            request_facts.current.reset(token)

    def _id_of(self, environ: WSGIEnvironment) -> str:
        given = environ.get("HTTP_X_REQUEST_ID") if self._trusts_proxy else None
        return given if given and request_facts.is_request_id(given) else request_facts.new_request_id()

    def _note(self, facts: RequestFacts, environ: WSGIEnvironment, status: str, seconds: float) -> None:
        key = (facts.route, facts.method, status)
        series = self._series.get(key)
        if series is None:
            series = self._series[key] = _Series(
                metrics.REQUESTS.labels(*key), metrics.REQUEST_SECONDS.labels(facts.route, facts.method)
            )
        series.requests.inc()
        series.seconds.observe(seconds)
        is_problem = status >= "500" or seconds >= SLOW_SECONDS
        if self._logged == "all" or (is_problem and self._logged == "problems"):
            _log(facts, status, seconds, environ.get("HTTP_USER_AGENT", ""))


def _log(facts: RequestFacts, status: str, seconds: float, user_agent: str) -> None:
    """Write the line of a request: nothing of its query, its path, or its sender."""
    milliseconds = round(seconds * 1000, 1)
    fields = {"status": int(status), "duration_ms": milliseconds, "client": client_kind(user_agent)}
    logger.info("%s %s %s in %s ms", facts.method, facts.route, status, milliseconds, extra={FIELDS: fields})


def init_app(app: Flask) -> None:
    """Note the route of each request; before anything else may answer it."""
    app.before_request(note_route)


def observe(app: Flask) -> None:
    """Put the observer before the application; nothing may be put before it."""
    app.wsgi_app = RequestObserver(app)  # type: ignore[method-assign]


def note_route() -> None:
    """Note the URL rule of the current request, if one fits."""
    if request.url_rule is not None:
        request_facts.note_route(request.url_rule.rule)
