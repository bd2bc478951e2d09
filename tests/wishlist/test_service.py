"""A wishlist between its neighbours: what can be wished for, what it costs now, and its way to the cart."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from storefront.accounts import service as accounts
from storefront.accounts.service import UnknownWishlistItem, UserId, WishlistToken
from storefront.cart import service as cart
from storefront.catalog import service as catalog
from storefront.catalog.models import Product
from storefront.catalog.service import Hold, Sku
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


def test_a_wish_shows_what_it_costs_and_how_many_there_are_now(app: Flask) -> None:
    mug = make_product(price=500, stock=3)
    service.wish(GUEST, mug.id, quantity=2)
    catalog.reserve("a-checkout", [Hold(mug.sku, 2)])
    (wish,) = service.wishes_of(GUEST)
    assert (wish.shown.price.amount, wish.available, wish.wish.quantity) == (500, 1, 2)
    assert wish.awaited is None


def test_of_several_variants_the_chosen_one_counts_else_all(app: Flask) -> None:
    mug = make_product(options=(("Blue", 0), ("Green", 3), ("Red", 4)))
    service.wish(GUEST, mug.id)
    (wish,) = service.wishes_of(GUEST)
    assert (wish.chosen, wish.available, wish.awaited) == (None, 7, None)
    service.change(GUEST, mug.id, sku=f"{mug.sku}-Blue", quantity=1)
    (wish,) = service.wishes_of(GUEST)
    assert (wish.available, wish.awaited) == (0, f"{mug.sku}-Blue")


def test_a_withdrawn_product_stays_on_the_list_and_is_not_waited_for(app: Flask) -> None:
    mug = make_product(stock=0)
    service.wish(GUEST, mug.id)
    withdraw(mug.id)
    (wish,) = service.wishes_of(GUEST)
    assert (wish.is_sellable, wish.awaited) == (False, None)


@pytest.mark.parametrize("product", [0, 10**9])
def test_what_never_was_is_not_wished_for(app: Flask, product: int) -> None:
    with pytest.raises(catalog.UnknownProduct):
        service.wish(GUEST, product)


def test_only_a_variant_of_the_product_is_chosen(app: Flask) -> None:
    mug, pot = make_product(), make_product()
    with pytest.raises(catalog.UnknownSku):
        service.wish(GUEST, mug.id, sku=pot.sku)
    service.wish(GUEST, mug.id)
    with pytest.raises(catalog.UnknownSku):
        service.change(GUEST, mug.id, sku=pot.sku, quantity=1)


# ------------------------------------------------------------------------------------------------ to the cart


def test_moving_to_the_cart_keeps_the_quantity(app: Flask) -> None:
    mug = make_product(stock=5)
    service.wish(GUEST, mug.id)
    service.move_to_cart(GUEST, CART, mug.id, sku="", quantity=3)
    assert in_cart() == [(mug.sku, 3)]
    assert service.wishes_of(GUEST) == ()


def test_what_is_on_no_list_is_not_moved(app: Flask) -> None:
    mug = make_product()
    for owner in (GUEST, None):
        with pytest.raises(UnknownWishlistItem):
            service.move_to_cart(owner, CART, mug.id, sku="", quantity=1)
    assert in_cart() == []


def test_one_of_several_variants_must_be_chosen(app: Flask) -> None:
    mug = make_product(options=(("Blue", 2), ("Green", 3)))
    service.wish(GUEST, mug.id)
    with pytest.raises(NotChosen):
        service.move_to_cart(GUEST, CART, mug.id, sku="", quantity=1)
    service.move_to_cart(GUEST, CART, mug.id, sku=f"{mug.sku}-Green", quantity=1)
    assert in_cart() == [(f"{mug.sku}-Green", 1)]


def test_what_the_cart_refuses_stays_on_the_list_in_its_place(app: Flask, now: Clock) -> None:
    mug, pot = make_product(stock=3), make_product()
    service.wish(GUEST, mug.id)
    now.advance(minutes=1)
    service.wish(GUEST, pot.id)
    cart.add_line(CART, mug.sku, 2)
    for wanted in (2, 4):  # too many with those in the cart; too many by themselves
        with pytest.raises(cart.NotEnoughStock):
            service.move_to_cart(GUEST, CART, mug.id, sku="", quantity=wanted)
    assert [wish.product_id for wish in service.wishes_of(GUEST)] == [pot.id, mug.id]
    assert in_cart() == [(mug.sku, 2)]


def test_what_is_no_longer_sold_stays_on_the_list(app: Flask) -> None:
    mug = make_product()
    service.wish(GUEST, mug.id)
    withdraw(mug.id)
    with pytest.raises(catalog.UnknownSku):
        service.move_to_cart(GUEST, CART, mug.id, sku="", quantity=1)
    assert len(service.wishes_of(GUEST)) == 1


@pytest.mark.parametrize("engine", ENGINES)
def test_pressed_twice_at_once_it_is_moved_once(engine: str, tmp_path: Path) -> None:
    with own_shop(engine, tmp_path) as app:
        with app.app_context():
            mug = make_product(stock=20)
            service.wish(GUEST, mug.id)
        outcomes = at_once(app, [lambda: service.move_to_cart(GUEST, CART, mug.id, sku="", quantity=2)] * 4)
        with app.app_context():
            assert in_cart() == [(mug.sku, 2)]
            assert [type(outcome) for outcome in outcomes].count(UnknownWishlistItem) == 3


# ------------------------------------------------------------------------------------------------ sharing, waiting


def test_others_see_what_can_be_bought_of_a_shared_list(app: Flask) -> None:
    user: UserId = make_account(name="Asha Rao").id
    mug, gone = make_product(), make_product()
    for product in (mug, gone):
        service.wish(user, product.id)
    withdraw(gone.id)
    name, cards = service.shared(accounts.share_wishlist(user))
    assert (name, [card.id for card in cards]) == ("Asha Rao", [mug.id])


def test_nobody_waits_for_what_is_in_stock(app: Flask) -> None:
    assert not service.ask_for_notice("asha@example.com", make_product(stock=1).sku)
    assert service.ask_for_notice("asha@example.com", make_product(stock=0).sku)
    with pytest.raises(catalog.UnknownSku):
        service.ask_for_notice("asha@example.com", Sku("NO-SUCH-SKU"))
