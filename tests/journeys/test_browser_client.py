"""The legacy client in a real browser: its API calls, its local storage, and the shop's pages beside it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.factories.accounts import PASSWORD
from tests.journeys.conftest import NewShopper
from tests.live_server import eventually
from tests.shopper import Shopper, Window

pytestmark = pytest.mark.browser

CANDLE = 64
AT_HOME = {
    "fullName": "Asha Rao",
    "phone": "+91 98765 43210",
    "line1": "12 Prabhat Road",
    "line2": "",
    "city": "Pune",
    "state": "Maharashtra",
    "postalCode": "411004",
    "country": "India",
    "isDefault": False,
}


class ClientPage:
    """A page of the legacy client."""

    def __init__(self, shopper: Shopper) -> None:
        self.shopper = shopper

    def call(self, method: str, path: str, body: Any = None, *, status: int = 200) -> Any:
        sent = [method, path, body]
        answer = self.shopper.page.evaluate("sent => window.client.call(...sent)", sent)
        assert answer["status"] == status, f"{method} {path}: {answer}"
        return answer["body"]

    def log_in(self, email: str) -> int:
        answer = self.shopper.page.evaluate("sent => window.client.logIn(...sent)", [email, PASSWORD])
        assert answer["status"] == 200
        assert answer["body"]["token"] is None
        return int(answer["body"]["id"])

    def remembers(self, whom: str) -> None:
        expect(self.shopper.page.locator("#who")).to_have_text(whom)


def read_code(shopper: Shopper, email: str, *, letters: int = 1) -> str:
    """Read the code in the newest e-mail to an address.

    :param shopper: with a window of its own
    :param letters: number of e-mails that the address must have
    """
    links = shopper.page.locator("tr, li, article", has_text=email).get_by_role("link")

    def has_arrived() -> bool:
        shopper.open("/dev/mail")
        return links.count() >= letters

    eventually(has_arrived, f"the code for {email}", within=60)
    links.first.click()
    code = re.search(r"\b\d{6}\b", shopper.page.locator("pre").inner_text())
    assert code is not None
    return code[0]


def sign_up(page: ClientPage, new_shopper: NewShopper, email: str) -> None:
    page.shopper.open("/app/register")
    user = page.call("POST", "/auth/register/stub", {"email": email, "phone": ""})["id"]
    page.call("POST", "/auth/mfa/send", {"userId": user, "email": email})
    code = read_code(new_shopper(page.shopper.window), email)
    page.call("POST", "/auth/mfa/verify", {"userId": user, "email": email, "otpCode": code})
    page.call("POST", "/auth/set-password", {"userId": user, "password": PASSWORD})


@pytest.mark.parametrize("window", [Window("sqlite"), Window("mariadb")], ids=str)
def test_a_client_signs_up_and_orders_and_the_shop_shows_the_order(new_shopper: NewShopper, window: Window) -> None:
    shopper, email = new_shopper(window), f"client-{window}@example.com"
    page = ClientPage(shopper)
    sign_up(page, new_shopper, email)

    shopper.open("/app/login")
    user = page.log_in(email)
    page.call("POST", f"/cart/{user}/items?productId={CANDLE}&quantity=2")
    assert [line["quantity"] for line in page.call("GET", f"/cart/{user}")["items"]] == [2]
    address = page.call("POST", f"/users/{user}/addresses", AT_HOME)
    price = page.call("GET", f"/cart/{user}/price")
    order = page.call(
        "POST",
        "/api/orders/",
        {
            "id": "ORD-1705314600123",
            "items": [{"productId": CANDLE, "quantity": 2}],
            "total": price["grandTotal"],
            "shippingAddress": address,
            "paymentMethod": {"id": 1, "type": "cod", "cardNumber": "", "cardHolder": "", "isDefault": False},
            "userId": user,
        },
    )
    assert [listed["id"] for listed in page.call("GET", f"/api/orders/user/{user}")] == [order["id"]]
    assert page.call("GET", f"/cart/{user}")["items"] == []

    shopper.open(f"/orders/{order['id']}")
    shopper.sees(re.compile(f"^Order {order['id']}"))
    expect(shopper.page.locator(".order-items")).to_contain_text("Beeswax Pillar Candle")
    expect(shopper.page.locator("#delivery-address")).to_contain_text("12 Prabhat Road")


def test_the_stored_user_and_the_session_end_together(new_shopper: NewShopper) -> None:
    """Tests the companion script: contract section 5.4."""
    shopper, email = new_shopper(Window("sqlite")), "companion@example.com"
    page = ClientPage(shopper)
    shopper.open("/app/")
    page.remembers("Nobody")
    page.call("POST", "/auth/register", {"email": email, "password": PASSWORD, "phone": ""})
    page.log_in(email)
    shopper.open("/app/profile")
    page.remembers(email)

    page.call("POST", "/auth/logout")  # as on a page of the shop
    shopper.open("/app/profile")
    page.remembers("Nobody")

    page.log_in(email)
    shopper.open("/app/")
    page.remembers(email)
    with shopper.page.expect_response("**/auth/logout") as response:
        shopper.page.evaluate("window.client.logOut()")
    assert response.value.status == 200
    shopper.allow(401)
    page.call("GET", "/auth/me", status=401)
    shopper.open("/app/")
    page.remembers("Nobody")
