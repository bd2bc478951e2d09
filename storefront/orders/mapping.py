"""Conversion of rows to values."""

from __future__ import annotations

from storefront.core.money import Money
from storefront.orders.models import Item
from storefront.orders.values import LineItem


def line_item(item: Item, currency: str) -> LineItem:
    """Convert the row of a line item.

    :param currency: of its order
    """
    return LineItem(
        product_id=item.product_id,
        slug=item.product_slug,
        sku=item.sku,
        name=item.product_name,
        option=item.variant_name,
        picture=item.product_image,
        hue=item.hue,
        unit_price=Money(item.price, currency),
        quantity=item.quantity,
        line_total=Money(item.total, currency),
        id=item.id,
        refunded=item.refunded,
        in_return=item.in_return,
    )
