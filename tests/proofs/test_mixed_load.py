"""Buyers and staff act on the same goods from several processes: afterwards every number still explains itself.

The long form is ten thousand acts: MIXED_ACTS=10000 bin/test -m long -s tests/proofs/test_mixed_load.py
"""

from __future__ import annotations

import json
import os
import time
from itertools import product as pairs
from typing import Any

import pytest
from sqlalchemy import func, select

from storefront.accounts import service as accounts
from storefront.accounts.service import Role
from storefront.catalog.models import StockMovement, Variant
from storefront.catalog.service import ProductCard
from storefront.db.session import read_session
from tests.api.order_payloads import order_body
from tests.factories.accounts import make_staff
from tests.factories.catalog import make_product
from tests.proofs.live_shop import Hall, Record
from tests.proofs.load_clients import cookie_of
from tests.proofs.mixed_load import Cast, act_all

MANY = int(os.environ.get("MIXED_ACTS", "10000"))
METHODS: list[dict[str, Any]] = [{"type": "cod"}, {"type": "card", "cardNumber": "4242"}]


def cast_of(hall: Hall, goods: list[ProductCard], brand: str) -> Cast:
    """Six buyers and two of the staff, in a shop with these goods."""
    bodies = [order_body((one, units), paymentMethod=method) for one, units, method in pairs(goods, (1, 2), METHODS)]
    bodies += [
        order_body((one, 1), (other, 1), paymentMethod=METHODS[0])
        for one, other in zip(goods, goods[1:] + goods[:1], strict=True)
    ]
    return Cast(
        origin=hall.live.origin,
        buyers=[hall.customer().token for _ in range(6)],
        bodies=[json.dumps(body) for body in bodies],
        clerk=_cookie(hall, Role.STOCK_STAFF),
        seller=_cookie(hall, Role.ORDER_STAFF),
        words=brand,
        skus=[one.sku for one in goods],
    )


def _cookie(hall: Hall, role: Role) -> str:
    reference = accounts.open_session(make_staff(role).id, "a test", second_factor=True)
    return cookie_of(hall.app, _user_id=reference, _fresh=True)


@pytest.mark.parametrize("acts", [160, pytest.param(MANY, marks=pytest.mark.long)])
def test_whatever_buyers_and_staff_do_at_once_leaves_no_drift(hall: Hall, record_property: Record, acts: int) -> None:
    brand = f"Drift{acts}"
    goods = [make_product(name=f"{brand} mug {number}", stock=max(10, acts // 20)) for number in range(8)]
    cast = cast_of(hall, goods, brand)
    read_session().rollback()
    began = time.monotonic()
    tally = act_all(cast, acts)
    seconds = time.monotonic() - began
    hall.settle()
    figures = f"{tally.done.total()} acts in {seconds:.0f} s: {dict(sorted(tally.done.items()))}"
    record_property("figures", figures)
    print(figures)
    assert tally.wrong == []
    assert tally.done.total() >= acts
    moved = select(func.sum(StockMovement.delta)).where(StockMovement.variant_id == Variant.id)
    for product in goods:
        told = select(Variant.on_hand, Variant.reserved, moved.correlate(Variant).scalar_subquery())
        on_hand, reserved, by_ledger = read_session().execute(told.where(Variant.sku == product.sku)).one()
        assert on_hand == by_ledger
        assert reserved == 0
