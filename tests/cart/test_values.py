"""Prices of a cart, to the paisa, and notices on its lines."""

from __future__ import annotations

from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storefront.cart.values import CartLine, CartQuote, LineId, LineNotice, PricingRules, price
from storefront.catalog.values import Offer, ProductId, Sku
from storefront.core.money import CurrencyMismatch, Money
from tests.factories.catalog import rupees

RULES = PricingRules(rupees(500), rupees(50000), Decimal("0.18"))
line_totals = st.lists(st.integers(0, 10**9).map(lambda minor: Money(minor, "INR")), max_size=20)


def make_line(*, price: str = "100", seen: str | None = None, quantity: int = 1, available: int = 10) -> CartLine:
    offer = Offer(
        sku=Sku("MUG"),
        product_id=ProductId(1),
        slug="mug",
        name="Mug",
        option="Blue",
        brand="Kiln",
        price=rupees(price),
        available=available,
        is_sellable=True,
        hue=40,
        picture=None,
    )
    return CartLine(LineId(1), offer, quantity, rupees(seen or price))


def withdrawn(line: CartLine) -> CartLine:
    return replace(line, offer=replace(line.offer, is_sellable=False))


# The table of the old shop: contract/angular-api.md section 3.
@pytest.mark.parametrize(
    ("subtotal", "shipping", "tax", "total"),
    [
        ("599", "500", "107.82", "1206.82"),
        ("8999", "500", "1619.82", "11118.82"),
        ("29999", "500", "5399.82", "35898.82"),
        ("49999.99", "500", "9000.00", "59499.99"),
        ("50000", "500", "9000.00", "59500.00"),
        ("50000.01", "0", "9000.00", "59000.01"),
        ("134999", "0", "24299.82", "159298.82"),
        ("349999", "0", "62999.82", "412998.82"),
        ("0.25", "500", "0.05", "500.30"),  # half a paisa is rounded up
    ],
)
def test_a_cart_has_the_price_of_the_old_shop(subtotal: str, shipping: str, tax: str, total: str) -> None:
    figures = price([rupees(subtotal)], RULES)
    assert figures.subtotal == rupees(subtotal)
    assert figures.shipping == rupees(shipping)
    assert figures.tax == rupees(tax)
    assert figures.discount == rupees(0)
    assert figures.grand_total == rupees(total)


def test_no_lines_cost_nothing() -> None:
    assert price([], RULES).grand_total == rupees(0)
    assert price([], RULES).free_shipping_missing is None


@pytest.mark.parametrize(
    ("subtotal", "missing"), [("599", "49401"), ("49999.99", "0.01"), ("50000", "0"), ("50000.01", None)]
)
def test_a_cart_shows_what_is_missing_for_free_delivery(subtotal: str, missing: str | None) -> None:
    lacking = price([rupees(subtotal)], RULES).free_shipping_missing
    assert lacking == (rupees(missing) if missing is not None else None)


def test_fee_limit_and_tax_are_configurable() -> None:
    rules = PricingRules(rupees("49.50"), rupees(1000), Decimal("0.05"))
    assert price([rupees(1000)], rules).grand_total == rupees("1099.50")
    assert price([rupees("1000.01")], rules).grand_total == rupees("1050.01")


def test_lines_in_another_currency_are_refused() -> None:
    with pytest.raises(CurrencyMismatch):
        price([Money.of(5, "USD")], RULES)


@given(line_totals)
def test_lines_add_up_to_the_totals_exactly(totals: list[Money]) -> None:
    figures = price(totals, RULES)
    assert figures.subtotal.minor == sum(total.minor for total in totals)
    assert figures.grand_total == figures.subtotal + figures.shipping + figures.tax - figures.discount
    exact = figures.subtotal.amount * Decimal("0.18")
    assert figures.tax.amount == exact.quantize(Decimal("0.01"), ROUND_HALF_UP)
    assert figures.shipping in {rupees(0), rupees(500)}


@given(line_totals)
def test_the_order_of_lines_does_not_change_the_price(totals: list[Money]) -> None:
    assert price(totals, RULES) == price(totals[::-1], RULES)


@given(st.integers(0, 10**7), st.integers(1, 99))
def test_a_line_costs_its_unit_price_times_its_units(minor: int, quantity: int) -> None:
    line = make_line(price=str(Decimal(minor) / 100), quantity=quantity)
    assert line.line_total.minor == minor * quantity


@pytest.mark.parametrize(
    ("line", "notices"),
    [
        (make_line(quantity=10), ()),
        (make_line(quantity=11), (LineNotice.SHORT,)),
        (make_line(available=0), (LineNotice.SOLD_OUT,)),
        (make_line(available=-1), (LineNotice.SOLD_OUT,)),
        (make_line(price="110", seen="100"), (LineNotice.PRICE_ROSE,)),
        (make_line(price="90", seen="100"), (LineNotice.PRICE_FELL,)),
        (make_line(price="110", seen="100", quantity=11), (LineNotice.SHORT, LineNotice.PRICE_ROSE)),
        (withdrawn(make_line(price="110", seen="100", available=0)), (LineNotice.WITHDRAWN,)),
    ],
    ids=["as it was", "short", "gone", "overpromised", "dearer", "cheaper", "short and dearer", "withdrawn"],
)
def test_a_line_has_notices_about_changes(line: CartLine, notices: tuple[LineNotice, ...]) -> None:
    assert line.notices == notices


def test_a_cart_can_be_ordered_when_all_lines_are_available() -> None:
    def can_be_ordered(*lines: CartLine) -> bool:
        return CartQuote(lines, price([], RULES)).can_be_ordered

    good, dearer = make_line(), make_line(price="110", seen="100")
    assert can_be_ordered(good, dearer)
    assert not can_be_ordered()
    assert not can_be_ordered(good, make_line(quantity=11))
    assert not can_be_ordered(good, withdrawn(good))


def test_a_cart_counts_its_units() -> None:
    quote = CartQuote((make_line(quantity=2), make_line(quantity=3)), price([], RULES))
    assert quote.unit_count == 5
