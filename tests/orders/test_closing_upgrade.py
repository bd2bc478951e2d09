"""Orders of a shop from before they could come back or be closed as refunded, and the way back to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from storefront.db import migrations
from storefront.db.session import db
from storefront.orders import service as orders
from storefront.orders.values import OrderStatus
from storefront.payments import service as payments
from storefront.payments.values import PaymentStatus
from tests.conftest import ENGINES
from tests.factories.catalog import make_product
from tests.factories.refunds import deliver, make_order_at, refund
from tests.isolated_shop import own_shop

DELIVERED, SHIPPED = OrderStatus.DELIVERED, OrderStatus.SHIPPED


@pytest.mark.parametrize("engine", ENGINES)
def test_delivered_cash_counts_as_received_and_every_order_finds_its_status(engine: str, tmp_path: Path) -> None:
    """A8, A9: up and down, and nothing that doctor finds."""
    with own_shop(engine, tmp_path) as app, app.app_context():
        mug = make_product(stock=20)
        received, sent = (make_order_at(status, (mug, 1), payment="cod") for status in (DELIVERED, SHIPPED))
        came_back, refunded = make_order_at(SHIPPED, (mug, 1), payment="cod"), make_order_at(DELIVERED, (mug, 1))
        orders.mark_undelivered(came_back.id, by="the shop", restock=True)
        refund(refunded, 1)
        deliver()
        migrations.downgrade(("orders",), "orders_0009")
        migrations.upgrade(("orders",))
        db.session.remove()
        found = {order.id: orders.get_order(order.id) for order in (received, sent, came_back, refunded)}
        assert [order.status for order in found.values()] == [DELIVERED, SHIPPED, OrderStatus.CANCELLED, DELIVERED]
        assert found[received.id].cash_received_at == found[received.id].delivered_at
        assert [order.cash_received_at for order in found.values()][1:] == [None] * 3
        deliver()
        assert payments.status_of(sent.checkout_id) is PaymentStatus.DUE
        assert list(orders.violations()) == []
