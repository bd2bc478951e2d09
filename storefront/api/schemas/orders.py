"""Orders, as they are sent and as they are shown."""

from __future__ import annotations

import datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError

from storefront.api.schemas import BLANK_IS_NONE, MAX_ID, Cash, Figure, Flag, Id, Incoming, Instant, Outgoing, words
from storefront.api.schemas.addresses import AddressInput
from storefront.core import card_numbers
from storefront.orders.service import MAX_TRACKING_NUMBER_LENGTH, OrderStatus

MAX_ITEMS = 100
MAX_ID_LENGTH = 255  # characters of the client's own id
MAX_NAME_LENGTH = 120  # of who holds a card
MAX_NUMBER_LENGTH = 25  # of a card number, masked or cut
_FORMER_NAMES = {"placed": "pending"}  # statuses of the old services, contract section 3


def _last_digits(sent: Any) -> Any:
    """A whole card number is cut before anything else sees it."""
    return card_numbers.last_four(sent) if isinstance(sent, str) else sent


def _status(sent: Any) -> Any:
    name = sent.strip().lower() if isinstance(sent, str) else "?"
    if sent is None or not name:
        return None
    try:
        return OrderStatus(_FORMER_NAMES.get(name, name))
    except ValueError:
        raise PydanticCustomError("enum", "unknown status", {"expected": ", ".join(OrderStatus)}) from None


def _day(sent: Any) -> Any:
    if not isinstance(sent, str) or not sent.strip():
        return sent or None
    try:
        return datetime.date.fromisoformat(sent.strip())
    except ValueError:
        raise PydanticCustomError("day", "must be a day, such as 2026-11-29") from None


def _lower(sent: Any) -> Any:
    return sent.strip().lower() if isinstance(sent, str) else sent


def _upper(sent: Any) -> Any:
    return sent.strip().upper() if isinstance(sent, str) else sent


PaymentKind = Annotated[Literal["card", "upi", "cod", "bnpl"], BeforeValidator(_lower)]
Shipping = Annotated[Literal["STANDARD"], BeforeValidator(_upper)]

# ------------------------------------------------------------------------------------------------ in

Unsaid = SkipJsonSchema[None]  # null is taken for a member that is missing
Number = Annotated[int, Field(ge=-MAX_ID, le=MAX_ID)]  # an id, or what the client made up as one
Ignored = str | None  # the client sends it, nobody looks at it


class OrderItemInput(Incoming):
    """What is bought; name, picture and price are the catalogue's."""

    product_id: Id
    quantity: Annotated[int, Field(ge=1)]
    product_name: Ignored = None
    product_image: Ignored = None
    price: Figure = None
    total: Figure = None


class OrderPaymentInput(Incoming):
    """How it is paid. Of a card number no more than the last four digits is looked at or kept."""

    id: Number | None = None
    type: PaymentKind
    card_number: Annotated[Annotated[str, words(MAX_NUMBER_LENGTH)] | None, BeforeValidator(_last_digits)] = None
    card_holder: Annotated[Annotated[str, words(MAX_NAME_LENGTH)] | None, BLANK_IS_NONE] = None
    expiry_month: int | str | None = None
    expiry_year: int | str | None = None
    upi_id: Annotated[Annotated[str, words(140)] | None, BLANK_IS_NONE] = None
    bnpl_provider: Annotated[Annotated[str, words(40)] | None, BLANK_IS_NONE] = None
    is_default: Flag = False


class OrderInput(Incoming):
    """An order. Its id makes a repeat the same order; amounts are compared or not looked at."""

    id: Annotated[Annotated[str, Field(max_length=MAX_ID_LENGTH)] | None, BLANK_IS_NONE] = None
    date: Ignored = None
    status: Ignored = None
    user_id: Number | None = None
    customer_id: Number | None = None
    items: Annotated[list[OrderItemInput], Field(min_length=1, max_length=MAX_ITEMS)]
    subtotal: Figure = None
    shipping: Figure = None
    tax: Figure = None
    discount: Figure = None
    total: Annotated[Figure, Field(description="What the shopper saw; refused when it is less than it costs")] = None
    shipping_address: AddressInput
    payment_method: OrderPaymentInput
    tracking_number: Ignored = None
    estimated_delivery: Ignored = None


class LegacyItemInput(Incoming):
    product_id: Id
    quantity: Annotated[int, Field(ge=1)]
    name: Ignored = None
    unit_price: Figure = None
    line_total: Figure = None


class LegacyOrderInput(Incoming):
    """An order as the old services took it: the address is one of the address book, the default if none is named."""

    user_id: Id
    address_id: Number | None = None
    shipping_option: Annotated[Annotated[str, words(20)] | None, BLANK_IS_NONE] = None
    amount: Figure = None
    payment_method: Annotated[Annotated[str, words(20)] | None, BLANK_IS_NONE] = None
    items: Annotated[list[LegacyItemInput], Field(min_length=1, max_length=MAX_ITEMS)]


class OrderUpdate(Incoming):
    """What of an order may be changed; the rest is not looked at."""

    status: Annotated[OrderStatus | None, BeforeValidator(_status), WithJsonSchema({"type": "string"})] = None
    tracking_number: Annotated[Annotated[str, words(MAX_TRACKING_NUMBER_LENGTH)] | Unsaid, BLANK_IS_NONE] = None
    estimated_delivery: Annotated[datetime.date | Unsaid, BeforeValidator(_day)] = None
    shipping_address: AddressInput | Unsaid = None


# ------------------------------------------------------------------------------------------------ out


class OrderItem(Outgoing):
    id: Id
    product_id: Id
    product_name: str
    product_image: str
    quantity: Annotated[int, Field(ge=1)]
    price: Cash
    total: Cash


class OrderAddress(Outgoing):
    id: int | None
    full_name: str
    phone: str
    address_line1: str
    address_line2: str
    city: str
    state: str
    zip_code: str
    country: str
    line1: str
    line2: str
    postal_code: str
    is_default: bool


class OrderPayment(Outgoing):
    id: int | None
    type: str
    card_number: str | None
    card_holder: str | None
    upi_id: str | None
    bnpl_provider: str | None
    is_default: bool


class Order(Outgoing):
    id: Annotated[str, Field(pattern="^ORD-")]
    order_id: str
    db_id: Id
    user_id: Annotated[int, Field(ge=0, description="0 where a guest ordered")]
    customer_id: Annotated[int, Field(ge=0, description="The same as userId")]
    customer_email: str | None
    date: Instant
    order_date: Instant
    status: OrderStatus
    items: Annotated[list[OrderItem], Field(min_length=1)]
    subtotal: Cash
    shipping: Cash
    tax: Cash
    discount: Cash
    total: Cash
    total_amount: Cash
    currency: str
    shipping_address: OrderAddress
    payment_method: OrderPayment
    payment_status: Literal["SUCCESS", "PENDING", "FAILED", "REFUNDED"]
    tracking_number: Annotated[str, Field(description="Empty until there is one")]
    estimated_delivery: datetime.date
    shipping_full_name: str
    shipping_phone: str
    shipping_address_line1: str
    shipping_address_line2: str
    shipping_city: str
    shipping_state: str
    shipping_zip_code: str
    shipping_country: str
    payment_type: str
    payment_details: str
    payment_provider: Annotated[str, Field(description="Who lends, with bnpl; else empty")]


class StatusChange(Outgoing):
    status: OrderStatus
    at: Instant


class TrackedOrder(Order):
    status_history: list[StatusChange]


class LegacyOrder(Outgoing):
    id: str
    order_id: str
    db_id: Id
    status: Annotated[str, Field(description="Upper case here")]
    total_amount: Cash
    total: Cash
    order_date: Instant
    date: Instant


OrderCancelled = Literal["Order cancelled successfully"]
