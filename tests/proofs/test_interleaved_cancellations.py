"""Interleavings of cancellations: a rival acts exactly between two lines of a cancellation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from storefront.orders import closing, events
from storefront.orders import service as orders
from storefront.orders.values import OrderStatus, StepNotAllowed
from storefront.worker import tasks
from tests import consistency
from tests.consistency import Stock
from tests.factories.catalog import make_product
from tests.factories.shopping import make_order
from tests.fakes import Clock
from tests.proofs.interleaving import MOMENTS, RivalShops, attempt, run_after, run_before


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_rival_cancellation_between_read_and_write_is_one_cancellation(
    shops: RivalShops, now: Clock, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    mug = make_product(stock=5)
    order = make_order((mug, 2), payment="sandbox-success")
    run = run_before if moment == "before" else run_after
    outcomes = run(
        monkeypatch, closing, "change_status", lambda: shops.rival(lambda: orders.cancel(order.id, by="them"))
    )
    ours = attempt(lambda: orders.cancel(order.id, by="us"))
    assert [ours, *outcomes].count(None) == 1
    assert ours is None or isinstance(ours, StepNotAllowed)
    shops.settle(now)
    assert consistency.stock_of(mug.sku) == Stock(on_hand=5, reserved=0)
    assert len(shops.post.letters) == 2  # confirmed, cancelled
    shops.assert_consistent()


def test_an_order_that_is_packed_between_read_and_write_is_not_cancelled_by_its_customer(
    shops: RivalShops, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = make_order(payment="sandbox-success")
    packing = run_before(
        monkeypatch,
        closing,
        "change_status",
        lambda: shops.rival(lambda: orders.advance(order.id, OrderStatus.PROCESSING, by="them")),
    )
    ours = attempt(lambda: orders.cancel(order.id, by="us"))
    shops.settle(now)
    status = orders.get_order(order.id).status
    assert (ours is None) != (packing == [None])
    assert status is (OrderStatus.CANCELLED if ours is None else OrderStatus.PROCESSING)
    shops.assert_consistent()


@pytest.mark.parametrize("line", ["restock_cancelled", "refund_cancelled"])
@pytest.mark.parametrize("moment", MOMENTS)
def test_two_workers_that_deliver_at_once_restock_and_refund_once(
    shops: RivalShops, now: Clock, monkeypatch: pytest.MonkeyPatch, line: str, moment: str
) -> None:
    mug = make_product(stock=5)
    order = make_order((mug, 2), payment="sandbox-success")
    orders.cancel(order.id, by="us")
    topic = {"restock_cancelled": events.CANCELLED_RESTOCK, "refund_cancelled": events.CANCELLED_REFUND}[line]
    handler = tasks.SUBSCRIPTIONS[topic]

    def with_rival(key: str, payload: Mapping[str, Any]) -> None:
        if moment == "before":
            shops.rival(lambda: handler(key, payload))
        handler(key, payload)
        if moment == "after":
            shops.rival(lambda: handler(key, payload))

    monkeypatch.setattr(tasks, "SUBSCRIPTIONS", {**tasks.SUBSCRIPTIONS, topic: with_rival})
    shops.settle(now)
    assert consistency.stock_of(mug.sku) == Stock(on_hand=5, reserved=0)
    shops.assert_consistent()
