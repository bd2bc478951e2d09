"""Simulation of the legacy client: its API calls and its local storage.

Contract sections 1.1 and 1.3. The numbers in the methods' docstrings are the rows of the table there.
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
    WISHLIST_ITEM,
    Body,
    reads,
    reads_all,
)

ORIGIN = "http://localhost:9090"


class LegacyClient:
    """A browser in which the client is open.

    :ivar user: in localStorage; None while nobody is logged in
    :ivar cart: in localStorage: units by product id
    :ivar lines: in localStorage: ids of cart lines by product id
    :ivar page: current path, which is sent as the referrer
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
        """Send a request with the headers of Angular's HttpClient, without a token."""
        headers = {
            "Accept": "application/json, text/plain, */*",
            "Sec-Fetch-Site": "same-origin",
            "Sec-Fetch-Mode": "cors",
            "Sec-Fetch-Dest": "empty",
            "Referer": ORIGIN + self.page,
        }
        if method != "GET":
            headers["Origin"] = ORIGIN
        content: dict[str, Any] = {}
        if body is not None:
            content = {"data": json.dumps(body), "content_type": "application/json"}
        return self.api.send(method, path, headers=headers, **content)

    def json(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request with a JSON response.

        :return: the parsed body; None if it is empty or the request failed
        """
        answer = self.send(method, path, body)
        assert "Location" not in answer.headers
        parsed = json.loads(answer.text) if answer.text else None  # Angular fails on a body that is no JSON
        return parsed if 200 <= answer.status_code < 300 else None

    def text(self, method: str, path: str, body: Any = None) -> tuple[bool, str]:
        """Send a request with a text response.

        :return: whether it succeeded, and the body
        """
        answer = self.send(method, path, body)
        assert "Location" not in answer.headers
        json.loads(answer.text)
        return 200 <= answer.status_code < 300, answer.text

    # -------------------------------------------------------------------------------- products

    def products(self) -> list[Body]:
        """Load all products: row 1."""
        return reads_all(self.json("GET", "/api/products"), PRODUCT)

    def product(self, product: int | str) -> Body | None:
        """Load a product: row 2."""
        loaded = self.json("GET", f"/api/products/{product}")
        return reads(loaded, PRODUCT) if loaded is not None else None

    def review(self, product: int, **changes: Any) -> Body:
        """Write a review and load the product again: row 3."""
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
        written = reads(self.json("POST", f"/api/products/{product}/reviews", body | changes), REVIEW)
        self.product(product)
        return dict(written)

    # -------------------------------------------------------------------------------- sign-in

    def log_in(self, name: str, password: str) -> bool:
        """Log in and load the cart: row 4.

        :return: whether it succeeded
        """
        user = self.json("POST", "/auth/login", {"emailOrPhone": name, "password": password})
        if user is None:
            return False
        self.user = reads(user, USER)
        self.page = "/app/"
        self.load_cart()
        return True

    def register(self, email: str, phone: str = "") -> int | None:
        """Start a sign-up and request its code: rows 5 and 6.

        :return: id of the sign-up; None if it failed
        """
        pending = self.json("POST", "/auth/register/stub", {"email": email, "phone": phone})
        if pending is None or not pending.get("id"):
            return None
        sent = self.send("POST", "/auth/mfa/send", {"userId": pending["id"], "email": email})
        return int(pending["id"]) if sent.status_code == 200 else None

    def enter_code(self, user: int, email: str, code: str, password: str) -> list[int]:
        """Verify a code and set the password: rows 7 and 8.

        :return: the statuses
        """
        verified = self.send("POST", "/auth/mfa/verify", {"userId": user, "email": email, "otpCode": code})
        if verified.status_code != 200:
            return [verified.status_code]
        chosen = self.send("POST", "/auth/set-password", {"userId": user, "password": password})
        return [verified.status_code, chosen.status_code]

    def log_out(self) -> None:
        """Log out: nothing is sent, and the local cart is kept."""
        self.user = None

    # -------------------------------------------------------------------------------- cart

    def load_cart(self) -> list[Body]:
        """Load the server's cart, or send the local one if that is empty: rows 9, 2, 13 or 10, section 1.3."""
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
        """Add units to the local cart, and to the server's if logged in: row 10."""
        self.cart[product] = self.cart.get(product, 0) + units
        if self.user is None:
            return True
        return self.text("POST", f"/cart/{self.uid}/items?productId={product}&quantity={units}")[0]

    def change(self, product: int, units: int) -> bool:
        """Set the quantity of a line: row 11."""
        self.cart[product] = units
        return self.text("PUT", f"/cart/{self.uid}/items/{self.lines[product]}?quantity={units}", {})[0]

    def remove(self, product: int) -> bool:
        """Remove a line: row 12."""
        del self.cart[product]
        return self.text("DELETE", f"/cart/{self.uid}/items/{self.lines.pop(product)}")[0]

    # -------------------------------------------------------------------------------- profile

    def addresses(self) -> list[Body]:
        """Load the address book and the cart: row 15."""
        saved = reads_all(self.json("GET", f"/users/{self.uid}/addresses"), ADDRESS)
        self.load_cart()
        return saved

    def add_address(self, **parts: Any) -> Body | None:
        """Add an address: row 16."""
        saved = self.json("POST", f"/users/{self.uid}/addresses", AT_HOME | parts)
        return reads(saved, ADDRESS) if saved is not None else None

    def delete_address(self, address: int) -> list[Body]:
        """Delete an address and load the address book: rows 17 and 15."""
        assert self.json("DELETE", f"/users/{self.uid}/addresses/{address}") is None
        return self.addresses()

    def methods(self) -> list[Body]:
        """Load the saved payment methods and the cart: row 18."""
        saved = reads_all(self.json("GET", f"/users/{self.uid}/payments"), METHOD)
        self.load_cart()
        return saved

    def add_method(self, provider: str, token: str) -> Body | None:
        """Save a payment method: row 19."""
        saved = self.json("POST", f"/users/{self.uid}/payments", {"provider": provider, "token": token})
        return reads(saved, METHOD) if saved is not None else None

    def delete_method(self, method: int) -> int:
        """Delete a payment method: row 20."""
        return self.send("DELETE", f"/users/{self.uid}/payments/{method}").status_code

    def wishlist(self) -> list[int]:
        """Load the wishlist, and all products unless it is empty: rows 21 and 1.

        :return: product ids
        """
        items = reads_all(self.json("GET", f"/users/{self.uid}/wishlist"), WISHLIST_ITEM)
        ids = [item["productId"] for item in items]
        return [product["id"] for product in self.products() if product["id"] in ids] if ids else []

    def add_to_wishlist(self, product: int) -> int:
        """Add a product to the wishlist: row 22."""
        return self.send("POST", f"/users/{self.uid}/wishlist", {"productId": product}).status_code

    def remove_from_wishlist(self, product: int) -> list[int]:
        """Remove a product from the wishlist, twice as the profile page does: row 23."""
        return [self.send("DELETE", f"/users/{self.uid}/wishlist/{product}").status_code for _ in range(2)]

    # -------------------------------------------------------------------------------- orders

    def orders(self) -> list[Body]:
        """Load all orders: row 24."""
        return reads_all(self.json("GET", f"/api/orders/user/{self.uid}"), ORDER)

    def place_order(self, address: Body, payment: Body) -> Body | None:
        """Place an order for the local cart and remove its lines: rows 25 and 14.

        :return: the order; None if it failed
        """
        items = [self._item(product, units) for product, units in self.cart.items()]
        body = {**self._amounts(items), **self._other_members(address, payment, items)}
        placed = self.json("POST", "/api/orders/", body)
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

    def _amounts(self, items: list[Body]) -> Body:
        subtotal = sum(item["total"] for item in items)
        shipping, tax = (0 if subtotal > 50_000 else 500), round(subtotal * 0.18 * 100) / 100
        total = round((subtotal + shipping + tax) * 100) / 100
        return {"subtotal": subtotal, "shipping": shipping, "tax": tax, "discount": 0, "total": total}

    def _other_members(self, address: Body, payment: Body, items: list[Body]) -> Body:
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
    """Convert an address of the address book to the form that the client's checkout sends."""
    names = {"line1": "addressLine1", "line2": "addressLine2", "postalCode": "zipCode"}
    unchanged = ("id", "fullName", "phone", "city", "state", "country", "isDefault")
    mapped = {ours: saved[theirs] or "" for theirs, ours in names.items()}
    return {name: saved[name] for name in unchanged} | mapped


NEW_ON_THE_SPOT = {"id": 1, "cardNumber": "", "cardHolder": "", "expiryMonth": 0, "expiryYear": 0, "isDefault": False}
