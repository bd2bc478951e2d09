"""Amounts of money: whole minor units, one rounding, no mixing of currencies."""

from __future__ import annotations

from decimal import Decimal

import pytest
import sqlalchemy as sa
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from storefront.catalog import products
from storefront.core.money import CurrencyMismatch, Money
from storefront.db.session import db
from tests.factories.catalog import make_product, rupees

amounts = st.integers(-(10**11), 10**11)
rates = st.decimals("0", "1", places=4)


@pytest.mark.parametrize(
    ("amount", "minor"),
    [
        ("599", 599_00),
        (12, 12_00),
        (Decimal("0.1"), 10),
        ("599.004", 599_00),
        ("599.005", 599_01),
        ("0.005", 1),
        ("-0.005", -1),
        ("-599.004", -599_00),
    ],
)
def test_major_units_become_minor_ones_rounded_half_up(amount: Decimal | str | int, minor: int) -> None:
    assert Money.of(amount, "INR") == Money(minor, "INR")


@pytest.mark.parametrize(("currency", "minor"), [("INR", 1235), ("JPY", 12), ("KWD", 12346)])
def test_each_currency_has_its_own_minor_unit(currency: str, minor: int) -> None:
    assert Money.of("12.3456", currency) == Money(minor, currency)


@given(amounts, st.sampled_from(["INR", "JPY", "KWD"]))
def test_major_units_are_exact(minor: int, currency: str) -> None:
    assert Money.of(Money(minor, currency).amount, currency) == Money(minor, currency)


def test_sums_differences_and_multiples() -> None:
    assert rupees("10.10") + rupees("0.05") - rupees("0.15") == rupees(10)
    assert rupees("33.33") * 3 == rupees("99.99")
    assert sum([rupees(1), rupees(2)], rupees(0)) == rupees(3)


def test_amounts_are_ordered_and_zero_is_falsy() -> None:
    assert rupees(1) < rupees(2)
    assert rupees(2) > rupees(1)
    assert not rupees(1) > rupees(1)
    assert rupees("0.01")
    assert not rupees(0)


def test_two_currencies_cannot_be_combined() -> None:
    dollars = Money.of(1, "USD")
    with pytest.raises(CurrencyMismatch):
        rupees(1) + dollars
    with pytest.raises(CurrencyMismatch):
        rupees(1) - dollars
    with pytest.raises(CurrencyMismatch):
        assert rupees(1) < dollars
    with pytest.raises(CurrencyMismatch):
        assert rupees(1) > dollars
    assert rupees(1) != dollars


@pytest.mark.parametrize(
    ("amount", "rate", "share"),
    [("599", "0.18", "107.82"), ("0.25", "0.18", "0.05"), ("0.25", "0.1", "0.03"), ("0.24", "0.1", "0.02")],
)
def test_a_rate_is_applied_with_one_rounding_half_up(amount: str, rate: str, share: str) -> None:
    assert rupees(amount).times_rate(Decimal(rate)) == rupees(share)


@given(amounts, rates)
def test_a_rate_is_off_by_at_most_half_a_minor_unit(minor: int, rate: Decimal) -> None:
    assert abs(Money(minor, "INR").times_rate(rate).minor - minor * rate) <= Decimal("0.5")


def test_the_database_stores_amounts_exactly(app: Flask) -> None:
    mug = make_product(price="99999999999.99")
    assert products.get_offer(mug.sku).price == rupees("99999999999.99")


def test_the_column_is_a_decimal_on_mysql_and_whole_paise_on_sqlite(app: Flask) -> None:
    mug = make_product(price="349.25")
    bare = db.session.scalar(
        sa.text("SELECT price FROM products WHERE id = :id").bindparams(id=mug.id),
        bind_arguments={"bind": db.engines["catalog"]},
    )
    assert bare == (34925 if db.engines["catalog"].dialect.name == "sqlite" else Decimal("349.25"))
