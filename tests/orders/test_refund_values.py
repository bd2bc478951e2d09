"""The worth of parts of an order: refunds in any order add up to exactly what was paid."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storefront.core.money import Money
from storefront.orders.refund_values import RefundTerms, TooMuchBack
from storefront.orders.values import LineItem, OrderStatus
from tests.factories.catalog import rupees


def line(number: int, price: int, quantity: int) -> LineItem:
    """A line item.

    :param price: of one unit, in minor units
    """
    unit = Money(price, "INR")
    return LineItem(number, "mug", f"MUG-{number}", "Mug", "", "", 40, unit, quantity, unit * quantity, id=number)


def terms(*lines: tuple[int, int], tax: int = 0, discount: int = 0, shipping: int = 0) -> RefundTerms:
    """Terms of an order with these lines.

    :param lines: unit price in minor units, and quantity
    """
    items = tuple(line(number, *facts) for number, facts in enumerate(lines, 1))
    subtotal = sum((item.line_total for item in items), Money(0, "INR"))
    total = Money(subtotal.minor + tax - discount + shipping, "INR")
    return RefundTerms(
        OrderStatus.DELIVERED,
        items,
        subtotal,
        Money(shipping, "INR"),
        total,
        Money(0, "INR"),
        is_shipping_refunded=False,
    )


def after(now: RefundTerms, units: dict[int, int], amount: Money, *, with_shipping: bool = False) -> RefundTerms:
    """The terms after a refund."""
    items = tuple(replace(item, refunded=item.refunded + units.get(item.id or 0, 0)) for item in now.items)
    gone = now.is_shipping_refunded or with_shipping
    return replace(now, items=items, refunded=now.refunded + amount, is_shipping_refunded=gone)


def test_a_unit_is_worth_its_price_and_its_share_of_the_tax() -> None:
    order = terms((50_000, 3), tax=27_000, shipping=50_000)
    assert order.worth_of({1: 1}) == rupees(590)
    assert order.worth_of({1: 3}) == rupees(1770)
    assert order.worth_of({1: 3}, with_shipping=True) == order.grand_total


def test_a_discount_is_shared_in_proportion_to_the_prices() -> None:
    order = terms((30_000, 1), (10_000, 1), discount=4_000)
    assert (order.worth_of({1: 1}).minor, order.worth_of({2: 1}).minor) == (27_000, 9_000)


def test_an_indivisible_paisa_belongs_to_one_of_the_units() -> None:
    order = terms((1_000, 3), tax=1)
    first = order.worth_of({1: 1})
    second = after(order, {1: 1}, first).worth_of({1: 1})
    third = after(after(order, {1: 1}, first), {1: 1}, second).worth_of({1: 1})
    assert sorted(worth.minor for worth in (first, second, third)) == [1_000, 1_000, 1_001]


def test_the_delivery_is_refunded_once() -> None:
    order = terms((1_000, 1), shipping=500)
    assert order.worth_of({}, with_shipping=True).minor == 500
    again = after(order, {}, Money(500, "INR"), with_shipping=True)
    assert again.worth_of({}, with_shipping=True).minor == 0


def test_earlier_refunds_are_deducted() -> None:
    order = after(terms((1_000, 2)), {}, Money(1_500, "INR"))
    assert order.worth_of({1: 2}).minor == 500


@pytest.mark.parametrize("units", [{1: 3}, {1: -1}, {9: 1}])
def test_unknown_units_are_refused(units: dict[int, int]) -> None:
    with pytest.raises(TooMuchBack):
        terms((1_000, 2)).worth_of(units)


def test_units_in_a_return_are_not_left() -> None:
    order = terms((1_000, 2))
    order = replace(order, items=(replace(order.items[0], in_return=1),))
    assert order.worth_of({1: 1}).minor == 1_000
    with pytest.raises(TooMuchBack):
        order.worth_of({1: 2})


def test_free_items_are_worth_nothing() -> None:
    assert terms((0, 2), shipping=500).worth_of({1: 2}).minor == 0


@given(
    lines=st.lists(st.tuples(st.integers(0, 99_999), st.integers(1, 5)), min_size=1, max_size=4),
    tax=st.integers(0, 30_000),
    discount=st.integers(0, 30_000),
    shipping=st.integers(0, 60_000),
    data=st.data(),
)
def test_single_refunds_in_any_order_add_up_to_the_whole(
    lines: list[tuple[int, int]], tax: int, discount: int, shipping: int, data: st.DataObject
) -> None:
    subtotal = sum(price * count for price, count in lines)
    order = terms(*lines, tax=tax, discount=min(discount, subtotal + tax), shipping=shipping)
    everything = {item.id or 0: item.quantity for item in order.items}
    whole = order.worth_of(everything, with_shipping=True)
    if subtotal:
        assert whole == order.grand_total
    units = [item for item, count in everything.items() for _ in range(count)]
    worths = []
    for item in data.draw(st.permutations([*units, 0])):
        part = {item: 1} if item else {}
        worth = order.worth_of(part, with_shipping=not item)
        assert worth.minor >= 0
        worths.append(worth)
        order = after(order, part, worth, with_shipping=not item)
    assert sum(worths, Money(0, "INR")) == whole
