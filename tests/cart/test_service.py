"""The cart: one line for each SKU, nothing beyond the stock, and no line that disappears silently."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from storefront.cart import service as cart
from storefront.cart.models import Cart, Line
from storefront.cart.values import LineNotice, Merge, MergedLine, NotEnoughStock, TooManyUnits, UnknownLine
from storefront.catalog import inventory
from storefront.catalog.models import Product, Variant
from storefront.catalog.values import Hold, ProductCard, Sku, UnknownSku
from storefront.core.clock import utc_now
from storefront.db.session import read_session, transaction
from tests.conftest import ENGINES
from tests.factories.catalog import make_product, rupees
from tests.factories.stock import receive
from tests.fakes import Clock
from tests.isolated_shop import at_once, own_shop
from tests.page_client import counted_selects

MINE, YOURS = "my-token", "your-token"


def lines_of(token: str) -> list[tuple[Sku, int]]:
    return [(line.sku, line.quantity) for line in cart.quote(token).lines]


def reprice(sku: Sku, price: str) -> None:
    with transaction("catalog") as session:
        session.execute(sa.update(Variant).where(Variant.sku == sku).values(price=rupees(price).minor))


def withdraw(product: ProductCard) -> None:
    with transaction("catalog") as session:
        session.execute(sa.update(Product).where(Product.id == product.id).values(active=False))


def test_an_added_line_has_the_current_price(app: Flask) -> None:
    mug = make_product(price="349.25")
    line = cart.add_line(MINE, mug.sku, 2)
    assert (line.sku, line.quantity, line.line_total) == (mug.sku, 2, rupees("698.50"))
    assert cart.quote(MINE).lines == (line,)


def test_the_same_sku_has_one_line_however_often_it_is_added(app: Flask) -> None:
    mug, pot = make_product(), make_product()
    first = cart.add_line(MINE, mug.sku, 2)
    cart.add_line(MINE, pot.sku, 1)
    again = cart.add_line(MINE, mug.sku, 3)
    assert (again.id, again.quantity) == (first.id, 5)
    assert lines_of(MINE) == [(mug.sku, 5), (pot.sku, 1)]


def test_each_variant_has_its_own_line(app: Flask) -> None:
    mug = make_product(options=(("Blue", 5), ("Green", 5)))
    cart.add_line(MINE, Sku(f"{mug.sku}-Blue"), 1)
    cart.add_line(MINE, Sku(f"{mug.sku}-Green"), 2)
    assert [line.offer.title for line in cart.quote(MINE).lines] == ["Clay Mug, Blue", "Clay Mug, Green"]


def test_the_badge_counts_units(app: Flask) -> None:
    mug, pot = make_product(), make_product()
    assert cart.count_units(None) == cart.count_units(MINE) == 0
    cart.add_line(MINE, mug.sku, 2)
    cart.add_line(MINE, pot.sku, 3)
    assert cart.count_units(MINE) == 5


def test_a_cart_is_quoted_with_delivery_and_tax(app: Flask) -> None:
    cart.add_line(MINE, make_product(price=599).sku, 1)
    assert cart.quote(MINE).price.grand_total == rupees("1206.82")


@pytest.mark.parametrize("token", [None, "never-seen"])
def test_an_unknown_cart_is_empty(app: Flask, token: str | None) -> None:
    quote = cart.quote(token)
    assert (quote.lines, quote.price.grand_total, quote.can_be_ordered) == ((), rupees(0), False)


def test_no_more_than_the_available_stock_can_be_added(app: Flask) -> None:
    mug = make_product(stock=5)
    cart.add_line(MINE, mug.sku, 3)
    with pytest.raises(NotEnoughStock) as refusal:
        cart.add_line(MINE, mug.sku, 3)
    assert refusal.value.available == 5
    assert lines_of(MINE) == [(mug.sku, 3)]


def test_units_reserved_by_others_are_not_available(app: Flask) -> None:
    mug = make_product(stock=5)
    inventory.reserve("another", [Hold(mug.sku, 4)])
    with pytest.raises(NotEnoughStock) as refusal:
        cart.add_line(MINE, mug.sku, 2)
    assert refusal.value.available == 1


def test_a_line_holds_at_most_ninety_nine(app: Flask) -> None:
    mug = make_product(stock=500)
    line = cart.add_line(MINE, mug.sku, 99)
    with pytest.raises(TooManyUnits):
        cart.add_line(MINE, mug.sku, 1)
    with pytest.raises(TooManyUnits):
        cart.change_quantity(MINE, line.id, 100)
    assert lines_of(MINE) == [(mug.sku, 99)]


def test_only_products_on_sale_can_be_added(app: Flask) -> None:
    with pytest.raises(UnknownSku):
        cart.add_line(MINE, Sku("NO-SUCH-SKU"), 1)
    mug = make_product()
    withdraw(mug)
    with pytest.raises(UnknownSku):
        cart.add_line(MINE, mug.sku, 1)
    assert lines_of(MINE) == []


def test_a_quantity_is_set_not_added(app: Flask) -> None:
    mug = make_product(stock=5)
    line = cart.add_line(MINE, mug.sku, 3)
    assert cart.change_quantity(MINE, line.id, 5).quantity == 5
    assert lines_of(MINE) == [(mug.sku, 5)]
    with pytest.raises(NotEnoughStock):
        cart.change_quantity(MINE, line.id, 6)
    assert lines_of(MINE) == [(mug.sku, 5)]


def test_a_removed_line_can_be_restored(app: Flask) -> None:
    mug, pot = make_product(), make_product()
    cart.add_line(MINE, mug.sku, 2)
    line = cart.add_line(MINE, pot.sku, 3)
    assert cart.remove_line(MINE, line.id) == line
    assert lines_of(MINE) == [(mug.sku, 2)]


def change(token: str | None, line: int) -> None:
    cart.change_quantity(token, line, 1)


def remove(token: str | None, line: int) -> None:
    cart.remove_line(token, line)


@pytest.mark.parametrize("act", [change, remove])
@pytest.mark.parametrize("token", [None, YOURS])
def test_a_line_of_another_cart_is_unknown(
    app: Flask, act: Callable[[str | None, int], None], token: str | None
) -> None:
    mug = make_product()
    mine = cart.add_line(MINE, mug.sku, 2)
    cart.add_line(YOURS, mug.sku, 5)
    with pytest.raises(UnknownLine):
        act(token, mine.id)
    with pytest.raises(UnknownLine):
        act(token, 10**9)
    assert lines_of(MINE) == [(mug.sku, 2)]


def test_a_line_removed_twice_is_unknown_the_second_time(app: Flask) -> None:
    line = cart.add_line(MINE, make_product().sku, 2)
    cart.remove_line(MINE, line.id)
    with pytest.raises(UnknownLine):
        cart.remove_line(MINE, line.id)


@pytest.mark.parametrize(("price", "notice"), [("510", LineNotice.PRICE_ROSE), ("490", LineNotice.PRICE_FELL)])
def test_a_changed_price_has_a_notice_until_the_shopper_changes_the_line(
    app: Flask, price: str, notice: LineNotice
) -> None:
    mug = make_product(price=500)
    line = cart.add_line(MINE, mug.sku, 2)
    reprice(mug.sku, price)
    quote = cart.quote(MINE)
    assert quote.lines[0].notices == (notice,)
    assert quote.price.subtotal == rupees(price) * 2
    assert quote.can_be_ordered
    cart.change_quantity(MINE, line.id, 2)
    assert cart.quote(MINE).lines[0].notices == ()


def test_a_short_line_has_a_notice_and_is_still_priced(app: Flask) -> None:
    mug = make_product(price=500, stock=5)
    cart.add_line(MINE, mug.sku, 4)
    inventory.reserve("another", [Hold(mug.sku, 3)])
    quote = cart.quote(MINE)
    assert quote.lines[0].notices == (LineNotice.SHORT,)
    assert quote.price.subtotal == rupees(2000)
    assert not quote.can_be_ordered


def test_a_sold_out_line_stays_and_costs_nothing(app: Flask) -> None:
    mug, pot = make_product(price=500, stock=2), make_product(price=300)
    cart.add_line(MINE, mug.sku, 2)
    cart.add_line(MINE, pot.sku, 1)
    inventory.reserve("another", [Hold(mug.sku, 2)])
    quote = cart.quote(MINE)
    assert [line.notices for line in quote.lines] == [(LineNotice.SOLD_OUT,), ()]
    assert quote.price.subtotal == rupees(300)
    assert not quote.can_be_ordered


def test_a_withdrawn_product_keeps_its_line(app: Flask) -> None:
    mug = make_product(name="Clay Mug")
    line = cart.add_line(MINE, mug.sku, 2)
    withdraw(mug)
    quote = cart.quote(MINE)
    assert [(line.offer.name, line.notices) for line in quote.lines] == [("Clay Mug", (LineNotice.WITHDRAWN,))]
    assert quote.price.grand_total == rupees(0)
    with pytest.raises(UnknownSku):
        cart.change_quantity(MINE, line.id, 1)
    assert cart.remove_line(MINE, line.id).sku == mug.sku


def test_clearing_removes_bought_units_and_keeps_units_added_since(app: Flask) -> None:
    mug, pot, pan = make_product(), make_product(), make_product()
    cart.add_line(MINE, mug.sku, 2)
    cart.add_line(MINE, pot.sku, 5)
    cart.add_line(MINE, pan.sku, 1)
    cart.clear(MINE, "a-checkout", {mug.sku: 2, pot.sku: 3, Sku("GONE"): 1})
    assert lines_of(MINE) == [(pot.sku, 2), (pan.sku, 1)]


def test_a_checkout_clears_once(app: Flask) -> None:
    mug = make_product()
    cart.add_line(MINE, mug.sku, 2)
    cart.clear(MINE, "a-checkout", {mug.sku: 2})
    cart.add_line(MINE, mug.sku, 2)
    cart.clear(MINE, "a-checkout", {mug.sku: 2})
    assert lines_of(MINE) == [(mug.sku, 2)]
    cart.clear(MINE, "another", {mug.sku: 2})
    assert lines_of(MINE) == []


def test_merging_carts_loses_no_line(app: Flask) -> None:
    mug, pot, jar = make_product(stock=9), make_product(), make_product()
    for token, product, units in ((MINE, mug, 2), (MINE, pot, 1), (YOURS, mug, 3), (YOURS, jar, 4)):
        cart.add_line(token, product.sku, units)
    for _ in range(2):
        assert cart.merge(MINE, YOURS) == Merge(())
        assert lines_of(MINE) == []
        assert sorted(lines_of(YOURS)) == sorted([(mug.sku, 5), (pot.sku, 1), (jar.sku, 4)])


def test_merging_carts_reports_lines_cut_to_the_stock(app: Flask) -> None:
    many, few, none = make_product(name="Mug", stock=500), make_product(name="Pot", stock=4), make_product(stock=2)
    for token, units in ((MINE, 60), (YOURS, 50)):
        cart.add_line(token, many.sku, units)
        cart.add_line(token, few.sku, 3)
    cart.add_line(MINE, none.sku, 2)
    receive(none.sku, -2)
    merge = cart.merge(MINE, YOURS)
    assert merge.shortened[:2] == (MergedLine("Mug", 110, 99), MergedLine("Pot", 6, 4))
    assert lines_of(YOURS) == [(many.sku, 99), (few.sku, 4), (none.sku, 1)]
    assert cart.quote(YOURS).lines[-1].notices == (LineNotice.SOLD_OUT,)


def test_clearing_leaves_other_carts_alone(app: Flask) -> None:
    mug = make_product()
    cart.add_line(YOURS, mug.sku, 2)
    cart.clear(MINE, "a-checkout", {mug.sku: 2})
    assert lines_of(YOURS) == [(mug.sku, 2)]


def test_a_quote_costs_the_same_selects_for_any_number_of_lines(app: Flask) -> None:
    def selects() -> int:
        with counted_selects() as counter:
            cart.quote(MINE)
        return counter["selects"]

    cart.add_line(MINE, make_product().sku, 1)
    for_one = selects()
    for _ in range(9):
        cart.add_line(MINE, make_product().sku, 1)
    assert selects() == for_one == 2


@pytest.mark.parametrize("engine", ENGINES)
def test_concurrent_adds_make_one_cart_and_one_line(engine: str, tmp_path: Path) -> None:
    with own_shop(engine, tmp_path) as app:
        with app.app_context():
            mug = make_product(stock=50)
        outcomes = at_once(app, [lambda: cart.add_line(MINE, mug.sku, 2)] * 2)
        with app.app_context():
            assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
            assert lines_of(MINE) == [(mug.sku, 4)]
            assert len(read_session().scalars(sa.select(Cart.id)).all()) == 1


@pytest.mark.parametrize("engine", ENGINES)
def test_many_concurrent_adds_lose_no_unit(engine: str, tmp_path: Path) -> None:
    with own_shop(engine, tmp_path) as app:
        with app.app_context():
            goods = [make_product(stock=50) for _ in range(3)]
        adds = [lambda sku=product.sku: cart.add_line(MINE, sku, 1) for product in goods * 4]
        outcomes = at_once(app, adds)
        with app.app_context():
            assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
            assert sorted(lines_of(MINE)) == [(product.sku, 4) for product in goods]
            assert len(read_session().scalars(sa.select(Line.id)).all()) == 3


def test_an_empty_cart_can_have_a_record(app: Flask) -> None:
    record = cart.open_cart(cart.cart_key_of(7))
    assert cart.open_cart(cart.cart_key_of(7)) == record
    assert lines_of(cart.cart_key_of(7)) == []


def test_a_line_sent_again_gets_the_larger_quantity_and_an_older_line_the_sum(app: Flask, now: Clock) -> None:
    mug, pot = make_product(stock=20), make_product(stock=20)
    cart.add_line(MINE, mug.sku, 2)
    now.advance(minutes=1)
    since = utc_now()
    for units, held in ((3, 3), (2, 3), (4, 4)):
        cart.add_product(MINE, pot.id, units, resent_since=since)
        assert lines_of(MINE) == [(mug.sku, 2), (pot.sku, held)]
    cart.add_product(MINE, mug.id, 2, resent_since=since)
    assert lines_of(MINE)[0] == (mug.sku, 4)


def test_a_product_beyond_the_stock_of_all_variants_is_refused(app: Flask) -> None:
    shoe = make_product(options=(("S", 1), ("M", 1)))
    cart.add_product(MINE, shoe.id, 2)
    with pytest.raises(NotEnoughStock):
        cart.add_product(MINE, shoe.id, 1)
    assert len(lines_of(MINE)) == 2
