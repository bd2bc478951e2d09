"""Complete purchases of a guest without JavaScript, from the first page to the confirmation e-mail and back."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from storefront.orders import service as orders
from storefront.orders.values import OrderStatus
from storefront.worker import tasks
from tests import consistency
from tests.checkout.purchase import Crash, at_step, raising
from tests.factories.catalog import make_product
from tests.factories.shopping import CONTACT, DELIVERY, EMAIL, check_out, fill_cart, press_order
from tests.fakes import Clock, MemoryPost
from tests.page_client import Pages


def deliver_outboxes(app: Flask) -> None:
    with app.test_request_context(base_url=app.config["PUBLIC_ORIGIN"]):
        tasks.deliver_outboxes()


def test_a_guest_searches_orders_reads_the_email_and_tracks_from_another_device(
    pages: Pages, app: Flask, post: MemoryPost
) -> None:
    results = pages.submit(pages.get("/"), "form.search", q="headphones")
    product = pages.get(str(results.all("#listing h2 a, #listing h3 a")[0]["href"]))
    name = product.one("h1").get_text(strip=True)
    cart = pages.submit(product, "#add-line", quantity="2")
    assert name in cart.one(".cart-line").get_text()

    contact = pages.get(str(cart.one("a[href='/checkout']")["href"]))
    delivery = pages.submit(contact, "form.checkout__form", **CONTACT)
    payment = pages.submit(delivery, "form.checkout__form", **DELIVERY)
    review = pages.submit(payment, "form.checkout__form", option="sandbox-success")
    price = review.one("form.checkout-submit__form button").get_text().removeprefix("Place order, ")
    order = press_order(review, pages)
    number = order.one(".order-number").get_text()
    assert name in order.one("#items").get_text()
    assert price in order.words
    assert pages.get("/cart").all("#cart-empty")

    deliver_outboxes(app)
    (email,) = post.letters
    assert email.to == EMAIL
    assert name in email.text
    assert price in email.text

    phone = Pages(app)
    (link,) = re.findall(r"http\S+(/orders/ORD-\d+)", email.text)
    tracked = phone.submit(phone.get(link), "form.order-track__form", email=email.to)
    assert tracked.one("h1").get_text() == f"Order {number}"
    orders.advance(number, OrderStatus.PROCESSING, by="Meera")
    assert phone.get(tracked.url).one("#order-progress").get_text() == "Being packed"


def test_a_guest_with_a_declined_card_uses_another_payment_method_and_is_charged_once(
    pages: Pages, app: Flask, post: MemoryPost
) -> None:
    mug = make_product(name="Clay Mug", price=500, stock=5)
    fill_cart(pages, mug, 2)
    payment = press_order(check_out(pages, payment="sandbox-decline"), pages)
    assert "The bank declined the card" in payment.words
    assert consistency.stock_of(mug.sku) == consistency.Stock(on_hand=5, reserved=0)

    review = pages.submit(payment, "form.checkout__form", option="sandbox-confirm")
    bank = press_order(review, pages)
    payment = pages.submit(bank, "form.sandbox__form", press="decline")
    review = pages.submit(payment, "form.checkout__form", option="cod")
    order = press_order(review, pages)

    assert order.one("h1").get_text() == "Thank you, your order is placed"
    assert "Cash on delivery" in order.words
    assert len(pages.get("/orders").all(".order-list__order")) == 1
    deliver_outboxes(app)
    assert len(post.letters) == 1
    assert consistency.stock_of(mug.sku) == consistency.Stock(on_hand=3, reserved=0)
    consistency.assert_balanced()


def test_a_guest_keeps_the_rest_of_the_cart_when_a_product_sells_out(pages: Pages, app: Flask) -> None:
    mug = make_product(name="Clay Mug", price=500, stock=1)
    jug = make_product(name="Clay Jug", price=900, stock=5)
    fill_cart(pages, mug)
    fill_cart(pages, jug)
    review = check_out(pages)

    rival = Pages(app)
    fill_cart(rival, mug)
    assert press_order(check_out(rival), rival).url.startswith("/orders/ORD-")

    cart = press_order(review, pages)
    assert cart.url == "/cart"
    sold_out, available = cart.all(".cart-line")
    assert "Sold out since you added it" in sold_out.get_text()
    assert "Clay Jug" in available.get_text()
    assert "Sold out" not in available.get_text()

    pages.submit(cart, f"#{sold_out['id']} form.cart-line__removal")
    order = press_order(pages.get("/checkout/review"), pages)
    assert "Clay Jug" in order.one("#items").get_text()
    assert "Clay Mug" not in order.one("#items").get_text()
    consistency.assert_balanced()


def test_a_guest_finds_the_order_again_after_a_crash_of_the_server(
    pages: Pages, app: Flask, post: MemoryPost, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_cart(pages, make_product(stock=5), 2)
    review = check_out(pages, payment="sandbox-success")
    at_step(monkeypatch, "confirm", raising(Crash()))
    with pytest.raises(Crash):
        press_order(review, pages)

    now.advance(minutes=2)
    with app.test_request_context(base_url=app.config["PUBLIC_ORIGIN"]):
        tasks.sweep()
    assert len(post.letters) == 1
    order = press_order(review, pages)
    assert order.one("h1").get_text() == "Thank you, your order is placed"
    assert order.one(".order-number").get_text() in post.letters[0].subject
    consistency.assert_balanced()
