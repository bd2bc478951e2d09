"""Completed checkouts for orders of the old shop, which link an order to its payment."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import insert, select

from storefront.checkout.models import Checkout
from storefront.checkout.values import CheckoutState
from storefront.db.session import retry_on_deadlock, transaction
from storefront.orders.values import OrderId


@retry_on_deadlock
def import_checkouts(placed: Mapping[str, tuple[OrderId, str, datetime]]) -> None:
    """Insert a completed checkout for each imported order. Safe to repeat.

    :param placed: by checkout id: its order, the key of its cart, and when it was placed
    """
    with transaction("checkout") as session:
        known = set(session.scalars(select(Checkout.id).where(Checkout.id.in_(placed))))
        rows = [
            {
                "id": checkout,
                "cart_token": cart_token,
                "state": CheckoutState.COMPLETED,
                "progress": {"order": order_id},
                "created_at": placed_at,
                "updated_at": placed_at,
            }
            for checkout, (order_id, cart_token, placed_at) in placed.items()
            if checkout not in known
        ]
        if rows:
            session.execute(insert(Checkout), rows)
