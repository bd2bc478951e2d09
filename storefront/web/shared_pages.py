"""Pages that are the same for all visitors but for marked parts: kept once, and filled in for each visitor.

A view renders its page by `shared_page`; its template, and those that it includes, mark what may differ:

    {{ personal("cart/_badge.html") }}

includes a template, and marks it where a page is rendered to be kept. Such a page is rendered in an anonymous request,
so that no visitor's data can get into it: a part that nobody marked looks to everyone as it does to a newcomer. For
another visitor the function registered for the template says whether it differs, and by which variables; only then is
the template rendered anew. CSRF tokens are inserted last. `page_store` says how long a page is kept.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask, current_app, g, make_response, render_template, request
from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup
from werkzeug.wrappers import Response

from storefront.catalog.service import version_reader
from storefront.web.anonymous_request import run_anonymously
from storefront.web.form_tokens import form_token
from storefront.web.page_store import MAX_KEY_LENGTH, PageStore
from storefront.web.responses import wants_fragment
from storefront.web.visitor_cookie import CSRF_TOKEN

MAX_BYTES = 8_000_000  # per process; a page has 20 to 60 kB

Part = Callable[[], str | None]  # the HTML of a part for the present visitor; None: as for a newcomer
# Called with the arguments of a part; the variables by which it differs for the present visitor, None if it does not.
Difference = Callable[[Mapping[str, Any]], Mapping[str, Any] | None]

_differences: dict[str, Difference] = {}


@dataclass(slots=True)
class SharedPage:
    """A page with gaps.

    :ivar texts: what is between the parts, one more than there are parts
    :ivar parts: pairs of a part and its HTML for newcomers
    """

    texts: list[bytes]
    parts: list[tuple[Part, bytes]]

    @property
    def size(self) -> int:
        """Bytes, but for what the parts hold."""
        return sum(map(len, self.texts)) + sum(len(html) for _, html in self.parts)


@dataclass
class _Marks:
    """Marks the parts of a page while it is rendered.

    :ivar secret: what no content can contain
    """

    secret: str
    parts: list[tuple[Part, bytes]] = field(default_factory=list)

    def mark(self, part: Part, html: str) -> Markup:
        self.parts.append((part, html.encode()))
        return Markup(f"{self.secret}:{len(self.parts) - 1};")  # noqa: S704 - letters, digits, and these two

    def split(self, html: str) -> SharedPage:
        """Split a page at its marks; a mark may be missing, or be there twice."""
        texts = re.split(f"{self.secret}:([0-9]+);", html)
        return SharedPage([text.encode() for text in texts[::2]], [self.parts[int(number)] for number in texts[1::2]])


class SharedPages:
    """The pages kept in this process."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._secret = secrets.token_hex(16)
        self._token_mark = secrets.token_hex(16)
        with app.app_context():
            versions = version_reader()
        zone = ZoneInfo(app.config["SHOP_TIMEZONE"])
        self._pages: PageStore[SharedPage] = PageStore(
            "shared-pages", versions, zone, MAX_BYTES, lambda page: page.size
        )

    def answer(self, view: Callable[[], Any]) -> Response:
        """Answer the present request, by a page that is kept or is made now to be kept, or else by the view."""
        path, query = request.path, request.query_string
        if len(path) + len(query) > MAX_KEY_LENGTH:
            return make_response(view())
        key = (request.scheme, request.host, request.script_root, path, query)
        page = self._pages.get_or_make(key, lambda: self._make(view))
        if page is not None:
            return Response(self._fill(page), mimetype="text/html")
        response = make_response(view())
        if response.status_code == 200:
            self._pages.note(key)
        return response

    def _make(self, view: Callable[[], Any]) -> SharedPage | None:
        marks = _Marks(self._secret)

        def render() -> Response:
            g.marks = marks
            setattr(g, CSRF_TOKEN, self._token_mark)  # returned by `csrf_token()` in this request
            return make_response(view())

        response = run_anonymously(self._app, render, request.environ)
        return marks.split(response.get_data(as_text=True)) if response.status_code == 200 else None

    def _fill(self, page: SharedPage) -> bytes:
        """The page for the present visitor."""
        pieces = page.texts[:1]
        for (part, for_newcomers), text in zip(page.parts, page.texts[1:], strict=True):
            html = part()
            pieces += (for_newcomers if html is None else html.encode(), text)
        return b"".join(pieces).replace(self._token_mark.encode(), form_token().encode())


def init_app(app: Flask) -> None:
    """Have pages kept, unless caches are off or templates may change."""
    if app.config["CACHE_ENABLED"] and not app.jinja_env.auto_reload:
        app.extensions["shared_pages"] = SharedPages(app)
    app.jinja_env.globals["personal"] = personal


def shared_page(view: Callable[[], Any]) -> Response:
    """Answer with a page, from what is kept if it can be.

    :param view: renders the page by the path and query of the request and what the catalogue says, and sets no header;
        everything else is in parts
    """
    pages: SharedPages | None = current_app.extensions.get("shared_pages")
    return make_response(view()) if pages is None or wants_fragment() else pages.answer(view)


def differs_by(template: str) -> Callable[[Difference], Difference]:
    """Register the function that says how a template differs for the present visitor."""

    def register(difference: Difference) -> Difference:
        _differences[template] = difference
        return difference

    return register


def mark_part(part: Part, html: str) -> Markup:
    """Mark HTML of a page as a part; without effect where the page is rendered for one visitor."""
    marks: _Marks | None = g.get("marks")
    return Markup(html) if marks is None else marks.mark(part, html)  # noqa: S704 - rendered by a template


@pass_context
def personal(context: Context, template: str, **arguments: Any) -> Markup:
    """Include a template as a part of the page that may differ between visitors; a function of all templates.

    :param arguments: its variables, besides those of the layout; the part keeps them, so they must not be a visitor's
    """
    included = context.environment.get_template(template)
    variables = {**context.get_all(), **arguments}
    html = "".join(included.root_render_func(included.new_context(variables, shared=True)))
    return mark_part(partial(_for_visitor, template, arguments), html)


def _for_visitor(template: str, arguments: Mapping[str, Any]) -> str | None:
    difference = _differences[template](arguments)
    return None if difference is None else render_template(template, **{**arguments, **difference})
