"""Every form of every page, for tests that send invalid or hostile values."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from werkzeug.test import TestResponse

from storefront.web.request_body import PLAIN_FORM
from tests.factories.catalog import make_product
from tests.factories.shopping import fill_cart
from tests.page_client import SAME_ORIGIN, Page, Pages, names_of, values_of
from tests.routes import PAGES

HTMX = {"HX-Request": "true", "HX-Request-Type": "partial"}


@dataclass(frozen=True)
class Form:
    """A form of a page with its current values.

    :ivar names: of its fields and buttons
    """

    pages: Pages
    action: str
    method: str
    values: dict[str, Any] = field(hash=False)
    names: tuple[str, ...]

    def send(self, *, htmx: bool = False, **changes: Any) -> TestResponse:
        """Send the form with some values changed, without regard to what its fields allow."""
        # Encoded here, so that invalid UTF-8 can be sent, too.
        sent = urlencode({**self.values, **changes}, doseq=True, errors="surrogatepass")
        where = {"query_string": sent} if self.method == "GET" else {"data": sent, "content_type": PLAIN_FORM}
        headers = {**SAME_ORIGIN, **(HTMX if htmx else {})}
        with self.pages.app.app_context():  # a `g` of its own for each request
            return self.pages.client.open(self.action, method=self.method, headers=headers, **where)


def _filled_cart(pages: Pages) -> str:
    fill_cart(pages, make_product(), 2)
    return "/cart"


PLACES: dict[str, Callable[[Pages], str]] = {**PAGES, "cart.show with items": _filled_cart}


def forms_at(pages: Pages, place: str) -> list[Form]:
    """The forms of a page; forms with the same action and field names are listed once.

    :param place: one of `PLACES`
    """
    page = pages.get(PLACES[place](pages).rstrip("/") or "/")
    return list({(form.action, form.names): form for form in _forms(pages, page)}.values())


def _forms(pages: Pages, page: Page) -> Iterator[Form]:
    for form in page.all("form"):
        names = tuple(sorted(names_of(form)))
        method = str(form.get("method", "get")).upper()
        yield Form(pages, str(form["action"]), method, values_of(form), names)
