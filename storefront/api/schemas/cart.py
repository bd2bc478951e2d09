"""The cart, what it would cost, and the checkout of the old services."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from storefront.api.schemas import MAX_ID, WHOLE, Cash, Id, Instant, Outgoing, Query, Units
from storefront.api.schemas.orders import LegacyOrder, PaymentKind, Shipping
from storefront.db.session import MAX_INTEGER

ProductNumber = Annotated[int, Field(ge=1, le=MAX_ID), WHOLE]


class CartItem(Outgoing):
    id: Id
    product_id: Id
    quantity: Annotated[int, Field(ge=1)]
    variant: str | None
    name: str
    unit_price: Cash
    line_total: Cash
    available: Annotated[bool, Field(description="Whether so many can be bought now")]


class Cart(Outgoing):
    id: Id
    user_id: Id
    items: list[CartItem]
    updated_at: Instant


class CartPrice(Outgoing):
    subtotal: Cash
    tax: Cash
    shipping: Cash
    discount: Cash
    grand_total: Cash
    currency: str


class NewItem(Query):
    """What is put in a cart."""

    product_id: ProductNumber
    quantity: Units
    variant: Annotated[str, Field(max_length=255, description="SKU or name of a variant; chosen if left out")] = ""


class NewQuantity(Query):
    """How many units a line is to hold; 0 removes it."""

    quantity: Annotated[int, Field(ge=0, le=MAX_INTEGER), WHOLE]


class CheckoutOrder(Query):
    """Whose cart is ordered, where it goes and how it is paid."""

    user_id: ProductNumber
    address_id: ProductNumber
    shipping: Shipping = "STANDARD"
    method: PaymentKind


class CheckoutPayment(Outgoing):
    intent_id: str
    payment_id: str
    status: Literal["confirmed", "pending"]


class CheckoutResult(Outgoing):
    order: LegacyOrder
    payment: CheckoutPayment
    message: Literal["Order placed successfully!"]
