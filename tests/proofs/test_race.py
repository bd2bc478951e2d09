"""Many customers buy the same products at the same moment through the pages of a real server.

The long tests do the same with more customers.
"""

from __future__ import annotations

from itertools import cycle

import pytest
from flask import Flask

from storefront.catalog.values import ProductCard
from storefront.db.session import db
from tests import consistency
from tests.consistency import Stock
from tests.factories.catalog import make_product
from tests.factories.shopping import check_out, fill_cart, make_order, press_order
from tests.live_server import eventually
from tests.page_client import Pages
from tests.proofs.live_shop import PAYMENTS, LoadShop, Record, guest_cookie, report
from tests.proofs.load_clients import Press

# ------------------------------------------------------------------------------------------- the last units


@pytest.mark.parametrize(("buyers", "units"), [(20, 6), pytest.param(500, 50, marks=pytest.mark.long)])
def test_only_as_many_orders_as_units_succeed_and_the_rest_see_a_clear_message(
    load_shop: LoadShop, record_property: Record, buyers: int, units: int
) -> None:
    mug = make_product(name="Clay Mug", stock=units)
    emails_before = load_shop.order_emails()
    payments = cycle(PAYMENTS)
    presses = [load_shop.shopper((mug, 1), payment=next(payments)) for _ in range(buyers)]
    answers = [answer for (answer,) in load_shop.press(presses)]
    winners = [answer for answer in answers if answer.has_order]
    losers = [answer for answer in answers if not answer.has_order]
    report(record_property, answers, f"{len(winners)} orders, {len(losers)} refusals")
    assert len(winners) == len({answer.order_id for answer in winners}) == units
    assert consistency.stock_of(mug.sku) == Stock(on_hand=0, reserved=0)
    for answer in losers:
        assert answer.path == "/cart"
        assert answer.notices == ["Clay Mug: sold out a moment ago. Nothing was charged; your cart is kept."]
        assert answer.marks == ["Sold out since you added it."]
    assert sum(load_shop.cart_units(press).total() for press in presses) == len(losers) == buyers - units
    assert max(answer.seconds for answer in answers) < 30
    eventually(lambda: load_shop.order_emails() == emails_before + units, "an e-mail for each order")
    load_shop.settle()


@pytest.mark.parametrize(("buyers", "units"), [(18, 6), pytest.param(200, 50, marks=pytest.mark.long)])
def test_carts_with_the_same_products_in_opposite_order_never_deadlock(
    load_shop: LoadShop, record_property: Record, buyers: int, units: int
) -> None:
    goods = [make_product(name=name, stock=units) for name in ("Mug", "Bowl", "Plate")]
    orders = cycle([goods, goods[::-1], [goods[1], goods[2], goods[0]]])
    presses = [load_shop.shopper(*[(product, 1) for product in next(orders)]) for _ in range(buyers)]
    answers = [answer for (answer,) in load_shop.press(presses)]
    report(record_property, answers, f"{sum(answer.has_order for answer in answers)} orders")
    assert sum(answer.has_order for answer in answers) == units
    assert [consistency.stock_of(product.sku) for product in goods] == [Stock(0, 0)] * 3
    load_shop.settle()


# ---------------------------------------------------------------------------------------------- cancellations


@pytest.mark.parametrize("units", [5, pytest.param(50, marks=pytest.mark.long)])
def test_cancelling_all_orders_twice_at_once_restocks_every_unit_once(
    load_shop: LoadShop, record_property: Record, units: int
) -> None:
    mug = make_product(stock=units)
    payments = cycle(PAYMENTS)
    numbers = [make_order((mug, 1), payment=next(payments)).id for _ in range(units)]
    assert consistency.stock_of(mug.sku) == Stock(on_hand=0, reserved=0)
    presses = [cancellation(load_shop, number) for number in numbers]
    answers = [answer for pair in load_shop.press(presses) for answer in pair]
    report(record_property, answers, f"{units} orders cancelled twice")
    assert {tuple(answer.statuses) for answer in answers} == {(303, 200)}
    eventually(lambda: units_on_hand(mug) == units, "the units to be restocked", within=150)
    assert consistency.stock_of(mug.sku) == Stock(on_hand=units, reserved=0)
    load_shop.settle()


def cancellation(load_shop: LoadShop, number: str, times: int = 2) -> Press:
    return Press(guest_cookie(load_shop.app, orders=[number]), f"/orders/{number}", "form[action$=cancellation]", times)


def units_on_hand(product: ProductCard) -> int:
    db.session.rollback()
    return consistency.stock_of(product.sku).on_hand


# ------------------------------------------------------------------------------ changes of a cart during payment


@pytest.mark.parametrize("rounds", [5, pytest.param(50, marks=pytest.mark.long)])
def test_items_added_to_a_cart_during_payment_are_paid_for_or_still_there(
    load_shop: LoadShop, record_property: Record, rounds: int
) -> None:
    mug, bowl = make_product(name="Mug", stock=500), make_product(name="Bowl", stock=500)
    payments = cycle(PAYMENTS)
    shoppers = [load_shop.shopper((mug, 1), payment=next(payments)) for _ in range(rounds)]
    presses = [
        press
        for shopper in shoppers
        for press in (
            shopper,
            Press(shopper.cookie, f"/product/{mug.id}-{mug.slug}", "#add-line"),
            Press(shopper.cookie, f"/product/{bowl.id}-{bowl.slug}", "#add-line"),
        )
    ]
    answers = [answer for (answer,) in load_shop.press(presses)]
    for number, shopper in enumerate(shoppers):
        ordered, more, bowls = answers[3 * number : 3 * number + 3]
        bought, kept = load_shop.ordered_units(shopper), load_shop.cart_units(shopper)
        added = [more.statuses[-1] == 200, bowls.statuses[-1] == 200]
        assert all(added), (more, bowls)
        assert bought[mug.sku] + kept[mug.sku] == 2, ordered
        assert bought[bowl.sku] + kept[bowl.sku] == 1, ordered
    paid = sum(load_shop.ordered_units(shopper).total() > 0 for shopper in shoppers)
    report(record_property, answers, f"{paid} of {rounds} paid before the change came")
    load_shop.settle()


@pytest.mark.parametrize("rounds", [5, pytest.param(50, marks=pytest.mark.long)])
def test_a_quantity_changed_during_payment_is_paid_for_or_still_there_or_refused(
    load_shop: LoadShop, record_property: Record, rounds: int
) -> None:
    mug = make_product(name="Mug", stock=500)
    shoppers = [load_shop.shopper((mug, 1)) for _ in range(rounds)]
    changes = [
        Press(shopper.cookie, "/cart", "form.cart-line__quantity", fields={"quantity": "3"}) for shopper in shoppers
    ]
    answers = [answer for (answer,) in load_shop.press([*shoppers, *changes])]
    for shopper, change in zip(shoppers, answers[rounds:], strict=True):
        wanted = 1 if change.statuses[-1] == 404 else 3
        assert load_shop.ordered_units(shopper)[mug.sku] + load_shop.cart_units(shopper)[mug.sku] == wanted, change
    report(record_property, answers, f"{sum(answer.has_order for answer in answers)} of {rounds} paid")
    load_shop.settle()


# ----------------------------------------------------------------------------------- messages


@pytest.mark.parametrize(("left", "mark"), [(0, "Sold out since you added it."), (1, "Only 1 left: reduce")])
def test_a_late_buyer_sees_what_is_sold_out_and_every_page_shows_the_same_figure(
    app: Flask, left: int, mark: str
) -> None:
    mug = make_product(name="Clay Mug", stock=4)
    we, they = Pages(app), Pages(app)
    fill_cart(we, mug, 2)
    review = check_out(we)
    make_order((mug, 4 - left))
    page = press_order(review, we)
    assert page.url == "/cart"
    message = f"Only {left} left of Clay Mug." if left else "Clay Mug: sold out a moment ago."
    assert f"{message} Nothing was charged; your cart is kept." in page.words
    assert mark in page.one(".cart-line").get_text(" ", strip=True)
    seen = they.get(f"/product/{mug.id}-{mug.slug}").one("#add-line").parent
    assert seen is not None
    assert (f"Only {left} left" if left else "Sold out") in " ".join(seen.get_text(" ").split())
