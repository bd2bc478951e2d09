"""Present carts as in section 2.2.6 of the contract."""

from __future__ import annotations

from storefront.api.schemas.cart import Cart, CartItem, CartPrice
from storefront.cart.values import CartLine, CartRecord, Price


def cart(user_id: int, record: CartRecord, lines: tuple[CartLine, ...]) -> Cart:
    """Present a cart with its priced lines."""
    return Cart(id=record.id, user_id=user_id, items=[_item(line) for line in lines], updated_at=record.updated_at)


def _item(line: CartLine) -> CartItem:
    return CartItem(
        id=line.id,
        product_id=line.offer.product_id,
        quantity=line.quantity,
        variant=line.offer.option or None,
        name=line.offer.title,
        unit_price=line.offer.price,
        line_total=line.line_total,
        available=line.can_be_bought,
    )


def price(value: Price) -> CartPrice:
    """Present what a cart costs."""
    return CartPrice(
        subtotal=value.subtotal,
        tax=value.tax,
        shipping=value.shipping,
        discount=value.discount,
        grand_total=value.grand_total,
        currency=value.grand_total.currency,
    )
