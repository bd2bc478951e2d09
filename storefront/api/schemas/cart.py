"""The cart, its price, and the legacy services' checkout."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from storefront.api.schemas import MAX_ID, PARSE_INT, Id, Instant, MoneyAmount, Outgoing, QuantityValue, Query
from storefront.api.schemas.orders import LegacyOrder, PaymentKind, Shipping
from storefront.db.session import MAX_INTEGER

ProductNumber = Annotated[int, Field(ge=1, le=MAX_ID), PARSE_INT]


class CartItem(Outgoing):
    id: Id
    product_id: Id
    quantity: Annotated[int, Field(ge=1)]
    variant: str | None
    name: str
    unit_price: MoneyAmount
    line_total: MoneyAmount
    available: Annotated[bool, Field(description="Whether this quantity can be bought now")]


class Cart(Outgoing):
    id: Id
    user_id: Id
    items: list[CartItem]
    updated_at: Instant


class CartPrice(Outgoing):
    subtotal: MoneyAmount
    tax: MoneyAmount
    shipping: MoneyAmount
    discount: MoneyAmount
    grand_total: MoneyAmount
    currency: str


class NewItem(Query):
    """Units of a product to add to a cart."""

    product_id: ProductNumber
    quantity: QuantityValue
    variant: Annotated[
        str, Field(max_length=255, description="SKU or name of a variant; the shop chooses one if left out")
    ] = ""


class NewQuantity(Query):
    """The new quantity of a cart line; 0 removes it."""

    quantity: Annotated[int, Field(ge=0, le=MAX_INTEGER), PARSE_INT]


class CheckoutOrder(Query):
    """The account whose cart is ordered, its shipping address and payment method."""

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
