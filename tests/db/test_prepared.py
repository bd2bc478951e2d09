"""Statements that are built once answer each call by its own values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy import Select, select

from storefront.cart.models import Cart
from storefront.db.prepared import prepared
from storefront.db.session import read_session, transaction
from tests.conftest import NOON

Guests = Callable[..., tuple[Select[str], dict[str, Any]]]


@pytest.fixture
def built() -> list[bool]:
    """The facts with which the statement was built."""
    return []


@pytest.fixture
def guests(built: list[bool]) -> Guests:
    @prepared
    def guests(tokens: Any, since: Any, *, newest_first: bool) -> Select[str]:
        built.append(newest_first)
        chosen = select(Cart.guest_token).where(Cart.guest_token.in_(tokens), Cart.updated_at >= since)
        return chosen.order_by(Cart.id.desc() if newest_first else Cart.id)

    return guests


@pytest.fixture
def carts(app: Flask) -> None:
    with transaction("cart") as session:
        for guest in "abc":
            session.execute(sa.insert(Cart).values(guest_token=guest, updated_at=NOON))


@pytest.mark.usefixtures("carts")
def test_a_statement_is_built_once_for_all_values(guests: Guests, built: list[bool]) -> None:
    for tokens, expected in ((["a", "b"], ["a", "b"]), (["c"], ["c"]), (["a", "b", "c"], ["a", "b", "c"]), ([], [])):
        assert list(read_session().scalars(*guests(tokens, NOON, newest_first=False))) == expected
    assert list(read_session().scalars(*guests(["a", "c"], NOON, newest_first=True))) == ["c", "a"]
    assert sorted(built) == [False, True]


def test_it_has_a_value_for_each_parameter(guests: Guests) -> None:
    for values in ((), (["a"],), (["a"], NOON, 1)):
        with pytest.raises(ValueError, match="zip"):
            guests(*values, newest_first=True)
