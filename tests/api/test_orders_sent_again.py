"""An order by API that is sent again: cancelled meanwhile, under way, or hidden by a database that failed."""

from __future__ import annotations

import pytest
from flask import Flask

from storefront.api import order_placement
from storefront.cart import service as cart
from storefront.checkout import service as checkout
from storefront.web import session as web_session
from tests.api.client import assert_refused
from tests.api.order_payloads import order_body, signed_in
from tests.api.test_orders import place
from tests.checkout.purchase import no_database, raising
from tests.factories.catalog import make_product
from tests.factories.shopping import make_draft
from tests.factories.shopping import place as place_draft
from tests.fakes import Clock

pytestmark = pytest.mark.both_engines


def test_the_same_goods_are_ordered_again_after_a_cancellation(app: Flask) -> None:
    """A4: within the ten seconds of a double click."""
    mug = make_product(stock=5)
    api, _ = signed_in(app)
    first = place(api, order_body((mug, 2), id="ORD-1"))
    assert api.send("DELETE", f"/api/orders/{first['id']}").status_code == 200
    again = place(api, order_body((mug, 2), id="ORD-2"))
    assert (again["id"] != first["id"], again["status"]) == (True, "confirmed")


@pytest.mark.parametrize("where", ["the order", "its payment", "the session"])
def test_a_database_that_fails_after_the_order_does_not_hide_it(
    app: Flask, now: Clock, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """A3: nor does it let the shopper order again."""
    mug = make_product(stock=5)
    api, _ = signed_in(app)
    now.advance(hours=1)  # the session's time of last use is due to be written
    module, name = {
        "the order": (order_placement.orders, "get_order"),
        "its payment": (order_placement.payments, "records_of"),
        "the session": (web_session.accounts, "touch"),
    }[where]
    with monkeypatch.context() as patch:
        patch.setattr(module, name, lambda *given: raising(no_database())())
        answer = api.post("/api/orders/", json=order_body((mug, 2), id="ORD-1"))
    if where == "the session":
        assert answer.status_code == 200
    else:
        assert_refused(answer, 409, "ORDER_IN_PROGRESS")
        assert answer.headers["Retry-After"] == "2"
    now.advance(seconds=8)
    placed = place(api, order_body((mug, 2), id="ORD-2"))
    assert api.get("/api/orders/user/" + str(placed["userId"])).json == [placed]


def test_an_order_is_in_progress_while_its_cart_waits_at_the_bank(app: Flask) -> None:
    """A1: another device has the cart; the answer says so, and the way out is there."""
    api, account = signed_in(app)
    mug, token = make_product(stock=4), cart.cart_key_of(account.id)
    cart.add_line(token, mug.sku, 2)
    with app.test_request_context():  # the provider's page needs a URL
        waits = place_draft(make_draft(token, payment="sandbox-confirm"), token)
    for units, words in ((2, "waits for its payment"), (1, "being ordered already"), (3, "being ordered already")):
        refused = api.post("/api/orders/", json=order_body((mug, units), id=None))
        assert words in assert_refused(refused, 409, "ORDER_IN_PROGRESS")["message"]
        assert refused.headers["Retry-After"] == "2"
    checkout.abandon(waits.id)
    assert place(api, order_body((mug, 2)))["status"] == "confirmed"
