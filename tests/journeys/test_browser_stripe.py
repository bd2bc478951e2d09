"""Payments on Stripe's page: a live shop with a worker, a browser and the Stripe stand-in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.journeys.conftest import NewShopper, shoppers_of
from tests.live_server import LiveShop, eventually, live_shop
from tests.shopper import CANDLE, Shopper, Window
from tests.stripe_process import Bank, ask, open_bank, pay

pytestmark = pytest.mark.browser

both_ways = pytest.mark.parametrize("has_script", [True, False], ids=["script", "no-script"])


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bank]:
    with open_bank(tmp_path_factory.mktemp("bank")) as opened:
        yield opened


@pytest.fixture(scope="module")
def shop(bank: Bank, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveShop]:
    with live_shop("sqlite", tmp_path_factory.mktemp("stripe-shop"), **bank.settings) as opened:
        bank.send_messages_to(opened.origin)
        yield opened


@pytest.fixture
def new_shopper(shop: LiveShop, bank: Bank, browser: Browser) -> Iterator[NewShopper]:
    shoppers: list[Shopper] = []
    with shoppers_of(lambda engine: shop, browser) as make:

        def make_and_remember(window: Window) -> Shopper:
            shoppers.append(make(window))
            return shoppers[-1]

        yield make_and_remember
        for shopper in shoppers:  # visits to the stand-in, and its 402 for a declined card, are expected
            expected = (f"left the shop: {bank.origin}", f"402: POST {bank.origin}")
            shopper.faults[:] = [fault for fault in shopper.faults if not fault.startswith(expected)]


def go_to_stripe(new_shopper: NewShopper, *, has_script: bool) -> Shopper:
    shopper = new_shopper(Window("sqlite", has_script=has_script))
    shopper.put_in_cart(CANDLE)
    shopper.go_to_cart()
    shopper.go_through_checkout("Card")
    shopper.place_order()
    shopper.page.get_by_role("heading", name="inr").wait_for()
    return shopper


@both_ways
def test_a_card_payment_is_made_on_stripes_page(new_shopper: NewShopper, has_script: bool) -> None:
    shopper = go_to_stripe(new_shopper, has_script=has_script)
    shopper.button("Pay with a bad card").click()
    shopper.page.get_by_text("Your card was declined").wait_for()
    shopper.page.get_by_role("button", name="Pay", exact=True).click()
    shopper.reads_order_number()


@both_ways
def test_a_customer_who_returns_without_paying_uses_another_payment_method(
    new_shopper: NewShopper, has_script: bool
) -> None:
    shopper = go_to_stripe(new_shopper, has_script=has_script)
    shopper.link("Back to the shop").click()
    shopper.sees("Your bank asks you to confirm")
    shopper.button("Pay another way").click()
    shopper.choose_payment("Cash on delivery")
    shopper.place_order()
    shopper.reads_order_number()


def test_a_customer_who_pays_and_does_not_return_has_an_order(new_shopper: NewShopper, shop: LiveShop) -> None:
    shopper = go_to_stripe(new_shopper, has_script=False)
    before = order_emails(shop)
    assert pay(shopper.page.url) == 303  # the redirect is not followed
    eventually(lambda: order_emails(shop) > before, "the e-mail of the order", within=30)
    assert shop.faults() == []


def order_emails(shop: LiveShop) -> int:
    return ask(f"{shop.origin}/dev/mail")[1].count("Your order ORD-")
