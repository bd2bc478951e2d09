"""The old client, as far as the shop sees it: its calls and its local memory.

Contract sections 1.1 and 1.3. The numbers of the methods' docstrings are the rows there.
"""

from __future__ import annotations

import json
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from tests.api.client import Api
from tests.api.client_fields import (
    ADDRESS,
    CART,
    METHOD,
    ORDER,
    PRODUCT,
    REVIEW,
    USER,
    WISH,
    Body,
    reads,
    reads_all,
)

ORIGIN = "http://localhost:9090"


class OldClient:
    """One browser with the client open.

    :ivar user: of localStorage; None while nobody is logged in
    :ivar cart: of localStorage: units by product, and the ids of the lines it knows
    :ivar page: path shown, which goes along as the referrer
    """

    def __init__(self, app: Flask) -> None:
        self.api = Api(app)
        self.page = "/app/"
        self.user: Body | None = None
        self.cart: dict[int, int] = {}
        self.lines: dict[int, int] = {}

    @property
    def uid(self) -> int:
        assert self.user is not None
        return int(self.user["id"])

    def send(self, method: str, path: str, body: Any = None) -> TestResponse:
        """As Angular's HttpClient does over fetch: no token, no header of its own."""
        headers = {
            "Accept": "application/json, text/plain, */*",
            "Sec-Fetch-Site": "same-origin",
            "Sec-Fetch-Mode": "cors",
            "Sec-Fetch-Dest": "empty",
            "Referer": ORIGIN + self.page,
        }
        if method != "GET":
            headers["Origin"] = ORIGIN
        sent: dict[str, Any] = {}
        if body is not None:
            sent = {"data": json.dumps(body), "content_type": "application/json"}
        return self.api.send(method, path, headers=headers, **sent)

    def json(self, method: str, path: str, body: Any = None) -> Any:
        """A JSON call.

        :return: what it read; None of an empty body, or when it failed
        """
        answer = self.send(method, path, body)
        assert "Location" not in answer.headers
        read = json.loads(answer.text) if answer.text else None  # a body that is no JSON would make a success fail
        return read if 200 <= answer.status_code < 300 else None

    def text(self, method: str, path: str, body: Any = None) -> tuple[bool, str]:
        """A text call.

        :return: whether it succeeded, and what came
        """
        answer = self.send(method, path, body)
        assert "Location" not in answer.headers
        json.loads(answer.text)
        return 200 <= answer.status_code < 300, answer.text

    # -------------------------------------------------------------------------------- goods

    def products(self) -> list[Body]:
        """1"""
        return reads_all(self.json("GET", "/api/products"), PRODUCT)

    def product(self, product: int | str) -> Body | None:
        """2"""
        found = self.json("GET", f"/api/products/{product}")
        return reads(found, PRODUCT) if found is not None else None

    def review(self, product: int, **said: Any) -> Body:
        """3"""
        assert self.user is not None
        body = {
            "userId": self.uid,
            "userName": self.user["name"] or "Anonymous User",
            "userAvatar": self.user["avatar"],
            "rating": 5,
            "title": "Good",
            "comment": "Does what it should.",
            "verifiedPurchase": False,
        }
        written = reads(self.json("POST", f"/api/products/{product}/reviews", body | said), REVIEW)
        self.product(product)
        return dict(written)

    # -------------------------------------------------------------------------------- who

    def log_in(self, name: str, password: str) -> bool:
        """4"""
        found = self.json("POST", "/auth/login", {"emailOrPhone": name, "password": password})
        if found is None:
            return False
        self.user = reads(found, USER)
        self.page = "/app/"
        self.load_cart()
        return True

    def register(self, email: str, phone: str = "") -> int | None:
        """5 and 6"""
        pending = self.json("POST", "/auth/register/stub", {"email": email, "phone": phone})
        if pending is None or not pending.get("id"):
            return None
        sent = self.send("POST", "/auth/mfa/send", {"userId": pending["id"], "email": email})
        return int(pending["id"]) if sent.status_code == 200 else None

    def enter_code(self, user: int, email: str, code: str, password: str) -> list[int]:
        """7 and 8.

        :return: their statuses
        """
        verified = self.send("POST", "/auth/mfa/verify", {"userId": user, "email": email, "otpCode": code})
        if verified.status_code != 200:
            return [verified.status_code]
        chosen = self.send("POST", "/auth/set-password", {"userId": user, "password": password})
        return [verified.status_code, chosen.status_code]

    def log_out(self) -> None:
        """Nothing is sent, and the cart stays."""
        self.user = None

    # -------------------------------------------------------------------------------- cart

    def load_cart(self) -> list[Body]:
        """9, 2, 13 or 10: contract section 1.3"""
        is_read, answered = self.text("GET", f"/cart/{self.uid}")
        items = reads(json.loads(answered), CART)["items"] if is_read else []
        if not items:
            for product, units in self.cart.items():
                self.text("POST", f"/cart/{self.uid}/items?productId={product}&quantity={units}")
            return []
        self.cart, self.lines = {}, {}
        for item in items:
            if self.product(item["productId"]) is None:
                self.text("DELETE", f"/cart/{self.uid}/items/{item['id']}")
                continue
            self.cart[item["productId"]] = item["quantity"]
            self.lines[item["productId"]] = item["id"]
        return list(items)

    def add(self, product: int, units: int = 1) -> bool:
        """10"""
        self.cart[product] = self.cart.get(product, 0) + units
        if self.user is None:
            return True
        return self.text("POST", f"/cart/{self.uid}/items?productId={product}&quantity={units}")[0]

    def change(self, product: int, units: int) -> bool:
        """11"""
        self.cart[product] = units
        return self.text("PUT", f"/cart/{self.uid}/items/{self.lines[product]}?quantity={units}", {})[0]

    def remove(self, product: int) -> bool:
        """12"""
        del self.cart[product]
        return self.text("DELETE", f"/cart/{self.uid}/items/{self.lines.pop(product)}")[0]

    # -------------------------------------------------------------------------------- belongings

    def addresses(self) -> list[Body]:
        """15, and the cart again"""
        found = reads_all(self.json("GET", f"/users/{self.uid}/addresses"), ADDRESS)
        self.load_cart()
        return found

    def add_address(self, **parts: Any) -> Body | None:
        """16"""
        saved = self.json("POST", f"/users/{self.uid}/addresses", AT_HOME | parts)
        return reads(saved, ADDRESS) if saved is not None else None

    def delete_address(self, address: int) -> list[Body]:
        """17 and 15"""
        assert self.json("DELETE", f"/users/{self.uid}/addresses/{address}") is None
        return self.addresses()

    def methods(self) -> list[Body]:
        """18, and the cart again"""
        found = reads_all(self.json("GET", f"/users/{self.uid}/payments"), METHOD)
        self.load_cart()
        return found

    def add_method(self, provider: str, token: str) -> Body | None:
        """19"""
        saved = self.json("POST", f"/users/{self.uid}/payments", {"provider": provider, "token": token})
        return reads(saved, METHOD) if saved is not None else None

    def delete_method(self, method: int) -> int:
        """20"""
        return self.send("DELETE", f"/users/{self.uid}/payments/{method}").status_code

    def wishes(self) -> list[int]:
        """21, and 1 where there are any"""
        wished = [wish["productId"] for wish in reads_all(self.json("GET", f"/users/{self.uid}/wishlist"), WISH)]
        return [product["id"] for product in self.products() if product["id"] in wished] if wished else []

    def like(self, product: int) -> int:
        """22"""
        return self.send("POST", f"/users/{self.uid}/wishlist", {"productId": product}).status_code

    def unlike(self, product: int) -> list[int]:
        """23, twice, as the heart of the profile"""
        return [self.send("DELETE", f"/users/{self.uid}/wishlist/{product}").status_code for _ in range(2)]

    # -------------------------------------------------------------------------------- orders

    def orders(self) -> list[Body]:
        """24"""
        return reads_all(self.json("GET", f"/api/orders/user/{self.uid}"), ORDER)

    def place_order(self, address: Body, payment: Body) -> Body | None:
        """25 and 14"""
        items = [self._item(product, units) for product, units in self.cart.items()]
        placed = self.json("POST", "/api/orders/", {**self._figures(items), **self._frame(address, payment, items)})
        if placed is None:
            return None
        for line in self.lines.values():
            self.text("DELETE", f"/cart/{self.uid}/items/{line}")
        self.cart, self.lines = {}, {}
        return dict(reads(placed, ORDER))

    def _item(self, product: int, units: int) -> Body:
        shown = self.product(product)
        assert shown is not None
        return {
            "productId": product,
            "productName": shown["name"],
            "productImage": shown["imageUrls"][0],
            "quantity": units,
            "price": shown["price"],
            "total": shown["price"] * units,
        }

    def _figures(self, items: list[Body]) -> Body:
        subtotal = sum(item["total"] for item in items)
        shipping, tax = (0 if subtotal > 50_000 else 500), round(subtotal * 0.18 * 100) / 100
        total = round((subtotal + shipping + tax) * 100) / 100
        return {"subtotal": subtotal, "shipping": shipping, "tax": tax, "discount": 0, "total": total}

    def _frame(self, address: Body, payment: Body, items: list[Body]) -> Body:
        return {
            "id": "ORD-1705314600123",
            "date": "2026-11-22T12:00:00.000Z",
            "status": "pending",
            "items": items,
            "shippingAddress": address,
            "paymentMethod": payment,
            "trackingNumber": "",
            "estimatedDelivery": "2026-11-29",
            "userId": self.uid,
            "customerId": self.uid,
        }


AT_HOME = {
    "fullName": "Asha Rao",
    "phone": "+91 98765 43210",
    "line1": "12 Lake Road",
    "line2": "",
    "city": "Pune",
    "state": "MH",
    "postalCode": "411001",
    "country": "India",
    "isDefault": False,
}


def as_sent_with_an_order(saved: Body) -> Body:
    """An address of the list as the checkout maps it."""
    names = {"line1": "addressLine1", "line2": "addressLine2", "postalCode": "zipCode"}
    kept = ("id", "fullName", "phone", "city", "state", "country", "isDefault")
    mapped = {ours: saved[theirs] or "" for theirs, ours in names.items()}
    return {name: saved[name] for name in kept} | mapped


NEW_ON_THE_SPOT = {"id": 1, "cardNumber": "", "cardHolder": "", "expiryMonth": 0, "expiryYear": 0, "isDefault": False}
