"""Wishlist use cases: adding products on sale, current offers, moving to the cart, stock alerts."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from storefront.accounts import service as accounts
from storefront.accounts.service import UnknownWishlistItem, WishlistToken
from storefront.accounts.values import UserId
from storefront.cart import service as cart
from storefront.cart.values import NotEnoughStock
from storefront.catalog import inventory
from storefront.catalog.models import Product
from storefront.catalog.values import Hold, Sku, UnknownProduct, UnknownSku
from storefront.db.session import transaction
from storefront.wishlist import service
from storefront.wishlist.service import NotChosen
from tests.conftest import ENGINES
from tests.factories.accounts import make_account
from tests.factories.catalog import make_product
from tests.fakes import Clock
from tests.isolated_shop import at_once, own_shop

GUEST = WishlistToken("a-guest")
CART = "a-cart"


def withdraw(product: int) -> None:
    with transaction("catalog") as session:
        session.execute(sa.update(Product).where(Product.id == product).values(active=False))


def in_cart() -> list[tuple[str, int]]:
    return [(line.sku, line.quantity) for line in cart.quote(CART).lines]


def test_an_item_shows_current_price_and_stock(app: Flask) -> None:
    mug = make_product(price=500, stock=3)
    service.add_item(GUEST, mug.id, quantity=2)
    inventory.reserve("a-checkout", [Hold(mug.sku, 2)])
    (item,) = service.items_of(GUEST)
    assert (item.shown.price.amount, item.available, item.entry.quantity) == (500, 1, 2)
    assert item.awaited is None


def test_stock_is_that_of_the_chosen_variant_or_of_all(app: Flask) -> None:
    mug = make_product(options=(("Blue", 0), ("Green", 3), ("Red", 4)))
    service.add_item(GUEST, mug.id)
    (item,) = service.items_of(GUEST)
    assert (item.chosen, item.available, item.awaited) == (None, 7, None)
    service.change(GUEST, mug.id, sku=f"{mug.sku}-Blue", quantity=1)
    (item,) = service.items_of(GUEST)
    assert (item.available, item.awaited) == (0, f"{mug.sku}-Blue")


def test_a_withdrawn_product_stays_on_the_list_without_an_alert(app: Flask) -> None:
    mug = make_product(stock=0)
    service.add_item(GUEST, mug.id)
    withdraw(mug.id)
    (item,) = service.items_of(GUEST)
    assert (item.is_sellable, item.awaited) == (False, None)


@pytest.mark.parametrize("product", [0, 10**9])
def test_an_unknown_product_is_refused(app: Flask, product: int) -> None:
    with pytest.raises(UnknownProduct):
        service.add_item(GUEST, product)


def test_the_variant_must_be_of_the_product(app: Flask) -> None:
    mug, pot = make_product(), make_product()
    with pytest.raises(UnknownSku):
        service.add_item(GUEST, mug.id, sku=pot.sku)
    service.add_item(GUEST, mug.id)
    with pytest.raises(UnknownSku):
        service.change(GUEST, mug.id, sku=pot.sku, quantity=1)


# ------------------------------------------------------------------------------------------------ to the cart


def test_moving_to_the_cart_keeps_the_quantity(app: Flask) -> None:
    mug = make_product(stock=5)
    service.add_item(GUEST, mug.id)
    service.move_to_cart(GUEST, CART, mug.id, sku="", quantity=3)
    assert in_cart() == [(mug.sku, 3)]
    assert service.items_of(GUEST) == ()


def test_only_items_on_the_list_are_moved(app: Flask) -> None:
    mug = make_product()
    for owner in (GUEST, None):
        with pytest.raises(UnknownWishlistItem):
            service.move_to_cart(owner, CART, mug.id, sku="", quantity=1)
    assert in_cart() == []


def test_one_of_several_variants_must_be_chosen(app: Flask) -> None:
    mug = make_product(options=(("Blue", 2), ("Green", 3)))
    service.add_item(GUEST, mug.id)
    with pytest.raises(NotChosen):
        service.move_to_cart(GUEST, CART, mug.id, sku="", quantity=1)
    service.move_to_cart(GUEST, CART, mug.id, sku=f"{mug.sku}-Green", quantity=1)
    assert in_cart() == [(f"{mug.sku}-Green", 1)]


def test_an_item_refused_by_the_cart_is_restored_in_its_place(app: Flask, now: Clock) -> None:
    mug, pot = make_product(stock=3), make_product()
    service.add_item(GUEST, mug.id)
    now.advance(minutes=1)
    service.add_item(GUEST, pot.id)
    cart.add_line(CART, mug.sku, 2)
    for wanted in (2, 4):  # too many with those in the cart; too many by themselves
        with pytest.raises(NotEnoughStock):
            service.move_to_cart(GUEST, CART, mug.id, sku="", quantity=wanted)
    assert [item.product_id for item in service.items_of(GUEST)] == [pot.id, mug.id]
    assert in_cart() == [(mug.sku, 2)]


def test_a_product_no_longer_sold_is_not_moved(app: Flask) -> None:
    mug = make_product()
    service.add_item(GUEST, mug.id)
    withdraw(mug.id)
    with pytest.raises(UnknownSku):
        service.move_to_cart(GUEST, CART, mug.id, sku="", quantity=1)
    assert len(service.items_of(GUEST)) == 1


@pytest.mark.parametrize("engine", ENGINES)
def test_concurrent_moves_take_effect_once(engine: str, tmp_path: Path) -> None:
    with own_shop(engine, tmp_path) as app:
        with app.app_context():
            mug = make_product(stock=20)
            service.add_item(GUEST, mug.id)
        outcomes = at_once(app, [lambda: service.move_to_cart(GUEST, CART, mug.id, sku="", quantity=2)] * 4)
        with app.app_context():
            assert in_cart() == [(mug.sku, 2)]
            assert [type(outcome) for outcome in outcomes].count(UnknownWishlistItem) == 3


# ------------------------------------------------------------------------------------------------ sharing, stock alerts


def test_a_shared_list_shows_the_products_on_sale(app: Flask) -> None:
    user: UserId = make_account(name="Asha Rao").id
    mug, gone = make_product(), make_product()
    for product in (mug, gone):
        service.add_item(user, product.id)
    withdraw(gone.id)
    name, cards = service.shared(accounts.share_wishlist(user))
    assert (name, [card.id for card in cards]) == ("Asha Rao", [mug.id])


def test_no_alert_is_stored_for_a_product_in_stock(app: Flask) -> None:
    assert not service.request_alert("asha@example.com", make_product(stock=1).sku)
    assert service.request_alert("asha@example.com", make_product(stock=0).sku)
    with pytest.raises(UnknownSku):
        service.request_alert("asha@example.com", Sku("NO-SUCH-SKU"))
