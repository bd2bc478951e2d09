"""Which requests read the catalogue from its replica: those that show it, of visitors who did not just change it.

A request decides once, before the page cache is asked: the version of the catalogue under which a page is kept is read
where the page's data will be read, or else a page could be kept with data older than its version. From then on it can
only turn to the primary, whose data are newer.

Whoever changed the catalogue gets a cookie that lives a little longer than the replica may be behind: until then they
read from the primary. Programs that authenticate by a header always do.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from flask import Flask, g, has_request_context
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from storefront.db import read_source
from storefront.db.read_source import ReadSource
from storefront.db.replicas import Replica, catalog_replica, replica_engines
from storefront.db.session import UNAVAILABLE, before_commit, read_session
from storefront.web import route_options

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

SLACK_SECONDS = 1  # a request may take time between its decision and its first read
_WROTE = "wrote_catalog"  # in `g`

P = ParamSpec("P")
R = TypeVar("R")

logger = logging.getLogger(__name__)


class ReplicaReads:
    """WSGI middleware that decides where a request may read."""

    def __init__(self, inner: WSGIApplication, app: Flask, replica: Replica) -> None:
        self._inner, self._replica = inner, replica
        self._mark = f"{_cookie_name(app)}="
        with app.app_context():
            self._engines = replica_engines(replica)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if not (self._may_be_old(environ) and self._replica.is_usable()):
            return self._inner(environ, start_response)
        with read_source.reading_from(ReadSource(self._engines)):
            return self._inner(environ, start_response)

    def _may_be_old(self, environ: WSGIEnvironment) -> bool:
        """Whether the visitor has changed nothing that the replica may not have."""
        is_reading = environ["REQUEST_METHOD"] in {"GET", "HEAD"} and "HTTP_AUTHORIZATION" not in environ
        return is_reading and self._mark not in environ.get("HTTP_COOKIE", "")


def _cookie_name(app: Flask) -> str:
    return "__Host-read-primary" if app.config["HTTPS"] else "read-primary"


def init_app(app: Flask) -> None:
    """Put the decision before the page cache, if the catalogue has a replica."""
    with app.app_context():
        replica = catalog_replica()
    if replica is None:
        return
    app.wsgi_app = ReplicaReads(app.wsgi_app, app, replica)  # type: ignore[method-assign]
    name, seconds = _cookie_name(app), app.config["REPLICA_MAX_LAG"] + SLACK_SECONDS

    @app.after_request
    def mark_writer(response: Response) -> Response:
        """Staff are marked by each page of theirs: it may show what the worker changed for them."""
        if g.pop(_WROTE, False) or route_options.current().staff_roles is not None:
            secure = app.config["HTTPS"]
            response.set_cookie(name, "1", max_age=seconds, secure=secure, httponly=True, samesite="Lax")
        return response


@before_commit("catalog")
def _note_write(session: Session, tables: AbstractSet[str]) -> None:
    if tables and has_request_context():
        setattr(g, _WROTE, True)


def reads_replica(view: Callable[P, R]) -> Callable[P, R]:
    """Decorate a view that shows the catalogue as it was some seconds ago, where it has a replica.

    A replica that fails meanwhile is left, and the view is run again: it must not write before it has read.
    """

    @functools.wraps(view)
    def reading(*args: P.args, **kwargs: P.kwargs) -> R:
        source = read_source.present()
        if source is None:
            return view(*args, **kwargs)
        try:
            with read_source.in_use(source):
                return view(*args, **kwargs)
        except (*UNAVAILABLE, ProgrammingError) as error:  # the latter if it does not have a new table yet
            if not source.is_replica:  # it was the primary
                raise
            logger.warning("the catalogue is read from its primary, its replica failed: %s", error.__cause__ or error)
        leave_replica()
        read_session().invalidate()  # a rollback would ask the replica again
        return view(*args, **kwargs)

    return reading


def leave_replica() -> None:
    """Read from the primary for the rest of the request, and let others do so until the replica answers again."""
    read_source.use_primary()
    if (replica := catalog_replica()) is not None:
        replica.mark_away()
