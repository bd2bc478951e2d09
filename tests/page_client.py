"""A browser without JavaScript for tests. It checks the rules of every page on each page that it opens."""

from __future__ import annotations

import warnings
from collections import Counter
from dataclasses import dataclass
from typing import Any

import html5lib  # type: ignore[import-untyped]
import sqlalchemy as sa
from bs4 import BeautifulSoup, Tag
from bs4.builder._html5lib import HTML5TreeBuilder
from flask import Flask, has_app_context, request
from sqlalchemy import event
from werkzeug.test import TestResponse

from storefront.accounts import service as accounts
from storefront.accounts.values import Account, SignedIn
from storefront.db.session import db
from storefront.web import session as web_session
from storefront.web import visitor_cookie

SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}

# Maximum number of SELECTs by endpoint, in a shop of any size; OTHER_PAGES applies to the rest.
BUDGETS = {
    "catalog.home": 5,
    "catalog.category": 7,
    "catalog.products": 7,
    "catalog.product": 8,
    "cart.show": 5,
    "staff.dashboard": 12,
    "staff.order": 9,  # with refunds, and whether it waits for approval
}
OTHER_PAGES = 8
NO_RESULTS = ".listing__hint, #listing .empty, .suggestion--all[data-instead]"
# Additional SELECTs:
FOR_SESSION = 1  # the account or the guest's record, for a request with a session cookie
FOR_WISHLIST = 1  # the visitor's wishlist, loaded once for all buttons of a page
FOR_FALLBACK_SEARCH = 6  # the alternative query after a search without results, and its count
FOR_VIEWED_PRODUCTS = 1  # those that the visitor viewed last
FOR_SYNONYMS = 1  # those of the search, which a shop with a cache does not read
FOR_OWN_REVIEW = {"catalog.product": 1}  # the signed-in customer's own review


@dataclass
class Page:
    """A page or fragment that was received.

    :ivar url: after redirects
    :ivar selects: SELECTs of the last request
    """

    response: TestResponse
    html: BeautifulSoup
    url: str
    selects: int

    @property
    def status(self) -> int:
        return self.response.status_code

    @property
    def words(self) -> str:
        """The visible text, with single spaces."""
        return " ".join(self.html.get_text(" ").split())

    def one(self, selector: str) -> Tag:
        """The element that matches a CSS selector; fails unless there is exactly one."""
        matches = self.html.select(selector)
        assert len(matches) == 1, f"{selector}: {len(matches)} on {self.url}"
        return matches[0]

    def all(self, selector: str) -> list[Tag]:
        return list(self.html.select(selector))


class Pages:
    """Opens pages and submits their forms; only fields that the form has can be sent."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.client = app.test_client()

    def sign_in(self, account: Account, *, second_factor: bool | None = None) -> SignedIn:
        """Sign in as an account without using the sign-in page.

        :param second_factor: whether a code was entered; None means yes for staff, who need one
        """
        passed = account.role.is_staff if second_factor is None else second_factor
        if has_app_context():
            db.session.rollback()  # see `_open`
        with self.app.app_context():
            reference = accounts.open_session(account.id, "a test", second_factor=passed)
            person, _ = accounts.find_session(reference) or (None, False)
        assert person is not None
        with self.client.session_transaction() as session:
            session.clear()
            session.update({"_user_id": reference, "_fresh": True})
            session.permanent = True
        return person

    def begin_session(self) -> None:
        """Have a session, as after the first thing that a visitor did: from then on forms have tokens."""
        with self.client.session_transaction() as session:
            session[web_session.RECENTLY_VIEWED] = []

    def get(self, url: str, *, htmx: bool = False, status: int = 200) -> Page:
        return self._open("GET", url, htmx=htmx, status=status)

    def submit(
        self, page: Page, selector: str, *, htmx: bool = False, status: int = 200, press: str = "", **fields: str
    ) -> Page:
        """Submit a form of a page with its current values.

        :param selector: of the form
        :param press: value of the button pressed, if the form has several
        :param fields: values to change
        """
        form = page.one(selector)
        assert form.name == "form", f"{selector} is a {form.name}"
        sent = values_of(form)
        unknown = set(fields) - names_of(form)
        assert not unknown, f"{selector} has no field {', '.join(sorted(unknown))}"
        sent.update(fields)
        if press:
            buttons = [*form.select("button[name]"), *_fields_outside(form)]
            button = next(b for b in buttons if b.name == "button" and b.get("value") == press)
            sent[str(button["name"])] = press
        method = str(form.get("method", "get")).upper()
        url = str(form.get("action") or page.url)
        if method == "GET":
            return self._open("GET", url, htmx=htmx, status=status, query=sent)
        return self._open("POST", url, htmx=htmx, status=status, data=sent)

    def _open(self, method: str, url: str, *, htmx: bool, status: int, query: Any = None, data: Any = None) -> Page:
        headers = dict(SAME_ORIGIN)
        if htmx:
            headers |= {"HX-Request": "true", "HX-Request-Type": "partial"}
        if has_app_context():
            db.session.rollback()  # else the savepoint of the test's reads would enclose the request's writes
        with counted_selects() as counter:
            response = self._send(method, url, query_string=query, data=data, headers=headers)
        hops = 0
        while response.status_code in {301, 302, 303} and hops < 5:
            hops += 1
            with counted_selects() as counter:
                response = self._send("GET", response.headers["Location"], headers=headers)
        page = Page(response, _parse(response), response.request.full_path.rstrip("?"), counter["selects"])
        assert page.status == status, f"{method} {url}: {page.status}\n{page.words[:400]}"
        if response.mimetype == "text/html" and response.status_code != 204:
            _check(page, is_fragment=htmx and "<!doctype" not in response.text[:20].lower())
            _check_budget(self.app, page, self._personal_selects(page))
        return page

    def _personal_selects(self, page: Page) -> int:
        """Additional SELECTs allowed for a signed-in account, or for a guest with a wishlist."""
        if self.has_session():
            return FOR_SESSION + FOR_WISHLIST + FOR_OWN_REVIEW.get(_endpoint_of(self.app, page), 0)
        with self.client.session_transaction() as session:
            return FOR_WISHLIST if web_session.WISHLIST in session else 0

    def has_session(self) -> bool:
        """Whether a record stands behind the browser's cookie: the session of an account, or a guest's."""
        with self.client.session_transaction() as session:
            return visitor_cookie.ACCOUNT in session or visitor_cookie.GUEST in session

    def _send(self, method: str, url: str, **rest: Any) -> TestResponse:
        """Send a request in an app context of its own, as a server does, so that `g` is not shared by requests."""
        with self.app.app_context():
            return self.client.open(url, method=method, **rest)


class counted_selects:  # noqa: N801 - reads as a statement
    """Count the SELECTs of all databases within the block."""

    def __enter__(self) -> Counter[str]:
        self._counter: Counter[str] = Counter()
        event.listen(sa.engine.Engine, "before_cursor_execute", self._count)
        return self._counter

    def __exit__(self, *error: object) -> None:
        event.remove(sa.engine.Engine, "before_cursor_execute", self._count)

    def _count(self, conn: Any, cursor: Any, statement: str, *rest: Any) -> None:
        if statement.lstrip().upper().startswith(("SELECT", "WITH")):
            self._counter["selects"] += 1


class Parser(HTML5TreeBuilder):
    """Keeps html5lib's errors, so that a page is parsed only once: parsing takes most of the tests' time."""

    def feed(self, markup: Any) -> None:
        parser = html5lib.HTMLParser(tree=self.create_treebuilder)
        assert self.underlying_builder is not None
        self.underlying_builder.parser = parser
        parser.parse(markup).original_encoding = None  # as Beautiful Soup has it for text
        self.errors = list(parser.errors)


def _parse(response: TestResponse) -> BeautifulSoup:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return BeautifulSoup(response.text, builder=Parser())


def names_of(form: Tag) -> set[str]:
    """Names of a form's fields and buttons."""
    controls = [*form.select("[name]"), *_fields_outside(form)]
    return {str(field["name"]) for field in controls}


def _fields_outside(form: Tag) -> list[Tag]:
    """Fields outside the form that belong to it by their `form` attribute."""
    root = form.find_parents()[-1]
    return list(root.select(f'[form="{form["id"]}"][name]')) if form.get("id") else []


def values_of(form: Tag) -> dict[str, Any]:
    """The values that a browser would send with a form, without buttons."""
    values: dict[str, Any] = {}
    for field in [*form.select("input[name], select[name], textarea[name]"), *_fields_outside(form)]:
        if field.name == "button" or field.has_attr("disabled"):
            continue
        kind = field.get("type", "text")
        if kind in {"checkbox", "radio"} and not field.has_attr("checked"):
            continue
        if field.name == "select":
            chosen = field.select_one("option[selected]") or field.select_one("option")
            value = chosen.get("value", "") if chosen else ""
        else:
            value = field.get_text() if field.name == "textarea" else field.get("value", "")
        name = str(field["name"])
        if kind == "checkbox" and field.name == "input" and name in values:
            values[name] = [*(values[name] if isinstance(values[name], list) else [values[name]]), value]
        else:
            values[name] = value
    return values


def _check(page: Page, *, is_fragment: bool) -> None:
    """Check the rules for all HTML in one pass over the tags, as pages take most of the tests' time."""
    where, tags = page.url, page.html.find_all(True)
    ids = Counter(str(tag["id"]) for tag in tags if "id" in tag.attrs)
    assert not [name for name, count in ids.items() if count > 1], f"{where}: an id twice: {ids.most_common(2)}"
    labelled = {str(tag.get("for")) for tag in tags if tag.name == "label"}
    for tag in tags:
        # JSON-LD is not executed and needs no permission in the CSP.
        is_script = tag.name == "script" and "src" not in tag.attrs and tag.get("type") != "application/ld+json"
        is_inline = is_script or tag.name == "style" or "style" in tag.attrs
        assert not is_inline, f"{where}: something inline: {tag}"
        assert not [name for name in tag.attrs if name.startswith("on")], f"{where}: a handler: {tag}"
        assert not [name for name in tag.attrs if "_" in name], f"{where}: an attribute that means nothing: {tag}"
        if tag.name == "form":
            _check_form(tag, where)
        elif tag.name == "a" and "hx-get" in tag.attrs:
            assert tag.get("href") == tag["hx-get"], f"{where}: a link whose htmx goes elsewhere: {tag}"
        elif tag.name == "img":
            assert {"alt", "width", "height"} <= set(tag.attrs), f"{where}: {tag}"
        elif not is_fragment and tag.name in {"input", "select", "textarea"} and tag.get("type") != "hidden":
            has_name = tag.get("aria-label") or tag.get("aria-labelledby") or tag.find_parent("label")
            assert has_name or tag.get("id") in labelled, f"{where}: a control without label: {tag}"
    if not is_fragment:
        _check_document(page, tags)


def _check_form(form: Tag, where: str) -> None:
    assert form.get("action"), f"{where}: a form without action"
    if str(form.get("method", "get")).lower() == "post":
        assert form.find("input", attrs={"name": "csrf_token"}), f"{where}: {form['action']} without token"
    for verb in ("hx-post", "hx-get"):
        assert form.get(verb, form["action"]) == form["action"], f"{where}: {verb} is not the action"


def _check_document(page: Page, tags: list[Tag]) -> None:
    errors = page.html.builder.errors  # type: ignore[attr-defined]
    serious = [error for error in errors if error[1] != "expected-doctype-but-got-start-tag"]
    assert not serious, f"{page.url}: {serious[:3]}"
    headings = [tag for tag in tags if tag.name == "h1"]
    assert len(headings) == 1, f"{page.url}: {len(headings)} h1"
    titles = [tag for tag in tags if tag.name == "title" and tag.parent and tag.parent.name == "head"]
    assert len(titles) == 1, f"{page.url}: {len(titles)} titles"  # drawings have titles, too
    title, heading = titles[0].get_text().strip(), " ".join(headings[0].get_text().split())
    assert title.startswith(heading), f"{page.url}: “{title}” does not begin with its h1"
    assert tags[0].name == "html", page.url
    assert tags[0].get("lang"), f"{page.url}: no language"


def _endpoint_of(app: Flask, page: Page) -> str:
    with app.test_request_context(page.url):
        return request.endpoint or ""


def _check_budget(app: Flask, page: Page, more: int) -> None:
    if page.response.request.method == "GET":
        endpoint = _endpoint_of(app, page)
        budget = BUDGETS.get(endpoint, OTHER_PAGES) + more
        if page.html.select_one(NO_RESULTS):
            budget += FOR_FALLBACK_SEARCH
        if page.html.select_one("#seen-cards"):
            budget += FOR_VIEWED_PRODUCTS
        if page.response.request.args.get("q"):
            budget += FOR_SYNONYMS
        assert page.selects <= budget, f"{endpoint}: {page.selects} selects, {budget} allowed"
