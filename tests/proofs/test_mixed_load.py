"""Customers and staff change the same products from several processes: afterwards all figures are consistent.

The long test is ten thousand actions: MIXED_ACTS=10000 bin/test -m long -s tests/proofs/test_mixed_load.py
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
from storefront.accounts.values import Role
from storefront.catalog.models import StockMovement, Variant
from storefront.catalog.values import ProductCard
from storefront.db.session import read_session
from tests.api.order_payloads import order_body
from tests.factories.accounts import make_staff
from tests.factories.catalog import make_product
from tests.proofs.live_shop import LoadShop, Record
from tests.proofs.load_clients import cookie_of
from tests.proofs.mixed_load import Workload, run_all

MANY = int(os.environ.get("MIXED_ACTS", "10000"))
METHODS: list[dict[str, Any]] = [{"type": "cod"}, {"type": "card", "cardNumber": "4242"}]


def make_workload(load_shop: LoadShop, goods: list[ProductCard], brand: str) -> Workload:
    """Make six customers, two staff accounts and the orders that the customers can send."""
    bodies = [order_body((one, units), paymentMethod=method) for one, units, method in pairs(goods, (1, 2), METHODS)]
    bodies += [
        order_body((one, 1), (other, 1), paymentMethod=METHODS[0])
        for one, other in zip(goods, goods[1:] + goods[:1], strict=True)
    ]
    return Workload(
        origin=load_shop.live.origin,
        buyers=[load_shop.customer().token for _ in range(6)],
        bodies=[json.dumps(body) for body in bodies],
        stock_staff=_cookie(load_shop, Role.STOCK_STAFF),
        order_staff=_cookie(load_shop, Role.ORDER_STAFF),
        words=brand,
        skus=[one.sku for one in goods],
    )


def _cookie(load_shop: LoadShop, role: Role) -> str:
    reference = accounts.open_session(make_staff(role).id, "a test", second_factor=True)
    return cookie_of(load_shop.app, _user_id=reference, _fresh=True)


@pytest.mark.parametrize("actions", [100, pytest.param(MANY, marks=pytest.mark.long)])
def test_concurrent_actions_of_customers_and_staff_leave_consistent_stock(
    load_shop: LoadShop, record_property: Record, actions: int
) -> None:
    brand = f"Drift{actions}"
    goods = [make_product(name=f"{brand} mug {number}", stock=max(10, actions // 20)) for number in range(8)]
    workload = make_workload(load_shop, goods, brand)
    read_session().rollback()
    began = time.monotonic()
    results = run_all(workload, actions)
    seconds = time.monotonic() - began
    load_shop.settle()
    figures = f"{results.done.total()} actions in {seconds:.0f} s: {dict(sorted(results.done.items()))}"
    record_property("figures", figures)
    print(figures)
    assert results.wrong == []
    assert results.done.total() >= actions
    moved = select(func.sum(StockMovement.delta)).where(StockMovement.variant_id == Variant.id)
    for product in goods:
        figures_of = select(Variant.on_hand, Variant.reserved, moved.correlate(Variant).scalar_subquery())
        on_hand, reserved, by_ledger = read_session().execute(figures_of.where(Variant.sku == product.sku)).one()
        assert on_hand == by_ledger
        assert reserved == 0
