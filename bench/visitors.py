"""The visitors of `bench.http`: with three lines in the cart, signed in, and guests who order."""

from __future__ import annotations

import http.client
import uuid
from collections.abc import Mapping
from urllib.parse import urlencode

from bs4 import BeautifulSoup, Tag

from bench.server import HOST, PORTS
from config import Config
from storefront import create_app
from storefront.accounts import service as accounts

FORM = "application/x-www-form-urlencoded"
OWN = {"Sec-Fetch-Site": "same-origin"}
REDIRECTS = {301, 302, 303}
CONTACT = {"email": "bench@example.com", "phone": "+919812345678"}
ADDRESS = {
    "full_name": "Asha Rao",
    "line1": "1 Lake Road",
    "city": "Pune",
    "state": "Maharashtra",
    "postal_code": "411001",
    "country": "India",
}


class Visitor:
    """A browser without JavaScript; it keeps its connection and its cookie."""

    def __init__(self) -> None:
        self.cookie = ""
        self.url = "/"
        self.page = BeautifulSoup("", "html.parser")
        self.requests = 0
        self._connection = http.client.HTTPConnection(HOST, PORTS["shop"], timeout=60)

    def get(self, url: str) -> None:
        self._open("GET", url, "")

    def submit(self, selector: str, fields: Mapping[str, str]) -> None:
        """Submit a form of the page with its values, some of them changed."""
        form = self.page.select_one(selector)
        if form is None:
            raise SystemExit(f"{self.url}: no {selector}")
        self._open("POST", str(form["action"]), urlencode({**_values(form), **fields}))

    def _open(self, method: str, url: str, body: str) -> None:
        headers = {**OWN, "Cookie": self.cookie} | ({"Content-Type": FORM} if body else {})
        self._connection.request(method, url, body, headers)
        answer = self._connection.getresponse()
        text, self.requests = answer.read().decode(), self.requests + 1
        self.cookie = (answer.headers["Set-Cookie"] or self.cookie).partition(";")[0]
        if answer.status in REDIRECTS:
            self._open("GET", answer.headers["Location"], "")
        elif answer.status == 200:
            self.url, self.page = url, BeautifulSoup(text, "html.parser")
        else:
            raise SystemExit(f"{method} {url}: {answer.status}")


def _values(form: Tag) -> dict[str, str]:
    chosen = form.select("input[name]:not([type=radio]), input[name][type=radio][checked]")
    return {str(field["name"]): str(field.get("value", "")) for field in chosen}


def cart_visitor() -> tuple[str, str]:
    """Put three products into a cart.

    :return: the visitor's cookie, and the SKU of the first product
    """
    visitor, skus = Visitor(), skus_of("/products")[:3]
    visitor.get("/products")
    for sku in skus:
        visitor.submit(f"form:has(input[name=sku][value='{sku}'])", {})
        visitor.get("/products")
    return visitor.cookie, skus[0]


def signed_in_cookie() -> str:
    """Open an account with a session.

    :return: its cookie
    """
    app = create_app(Config())
    with app.app_context():
        (account,) = accounts.open_accounts([("Asha Rao", f"bench-{uuid.uuid4()}@example.com")])
        reference = accounts.open_session(account.id, "bench", second_factor=False)
    signer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
    return f"{app.config['SESSION_COOKIE_NAME']}={signer.dumps({'_user_id': reference, '_fresh': True})}"


def skus_of(listing: str) -> list[str]:
    """The SKUs that can be added from a listing."""
    visitor = Visitor()
    visitor.get(listing)
    return list(dict.fromkeys(str(field["value"]) for field in visitor.page.select("input[name=sku]")))


def order(product: str) -> int:
    """Order a product as a guest, cash on delivery.

    :param product: address of its page
    :return: how many requests it took
    """
    guest = Visitor()
    guest.get(product)
    guest.submit("#add-line", {})
    guest.get("/checkout")
    for fields in (CONTACT, ADDRESS, {"option": "cod"}):
        guest.submit("form.checkout__form", fields)
    guest.submit("form.checkout-submit__form", {})
    if not guest.url.startswith("/orders/"):
        raise SystemExit(f"no order, but {guest.url}")
    return guest.requests


def products_for_sale(count: int) -> list[str]:
    """Addresses of products that can be ordered without choosing an option."""
    visitor, found, page = Visitor(), list[str](), 1
    while len(found) < count:
        visitor.get(f"/products?stock=1&sort=newest&page={page}")
        cards = visitor.page.select(".product-card:has(button:-soup-contains('Add to cart'))")
        if not cards:
            raise SystemExit("too few products in stock")
        found += [str(link["href"]) for card in cards if (link := card.select_one("h2 a, h3 a"))]
        page += 1
    return found[:count]
