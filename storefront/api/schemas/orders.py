"""Orders in requests and responses."""

from __future__ import annotations

import datetime
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError

from storefront.api.schemas import (
    BLANK_IS_NONE,
    MAX_ID,
    ClientAmount,
    Flag,
    Id,
    Incoming,
    Instant,
    MoneyAmount,
    Outgoing,
    text,
)
from storefront.api.schemas.addresses import AddressInput
from storefront.core import card_numbers
from storefront.orders.service import MAX_TRACKING_NUMBER_LENGTH
from storefront.orders.values import OrderStatus

MAX_ITEMS = 100
MAX_ID_LENGTH = 255  # characters of the client's own id
MAX_NAME_LENGTH = 120  # of a cardholder
MAX_NUMBER_LENGTH = 25  # of a card number, masked or shortened
# The order statuses of the contract, section 3; those that it does not know are told as one of these.
StatusWord = Literal["pending", "confirmed", "processing", "shipped", "delivered", "cancelled"]
_LEGACY_STATUSES = {"placed": "pending"}  # the legacy services' names, contract section 3


def _last_digits(sent: Any) -> Any:
    """Shorten a card number to its last four digits before any other code sees it."""
    return card_numbers.last_four(sent) if isinstance(sent, str) else sent


def _status(sent: Any) -> Any:
    name = sent.strip().lower() if isinstance(sent, str) else "?"
    if sent is None or not name:
        return None
    status = _LEGACY_STATUSES.get(name, name)
    if status not in get_args(StatusWord):
        raise PydanticCustomError("enum", "unknown status", {"expected": ", ".join(get_args(StatusWord))})
    return OrderStatus(status)


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

# ------------------------------------------------------------------------------------------------ requests

NullAsMissing = SkipJsonSchema[None]  # null counts as a missing member
Number = Annotated[int, Field(ge=-MAX_ID, le=MAX_ID)]  # an id, or a placeholder that the client made up
Ignored = str | None  # sent by the legacy client, not used


class OrderItemInput(Incoming):
    """A product and its quantity. Name, image and price are taken from the catalogue."""

    product_id: Id
    quantity: Annotated[int, Field(ge=1)]
    product_name: Ignored = None
    product_image: Ignored = None
    price: ClientAmount = None
    total: ClientAmount = None


class OrderPaymentInput(Incoming):
    """The payment method. Only the last four digits of a card number are read and stored."""

    id: Number | None = None
    type: PaymentKind
    card_number: Annotated[Annotated[str, text(MAX_NUMBER_LENGTH)] | None, BeforeValidator(_last_digits)] = None
    card_holder: Annotated[Annotated[str, text(MAX_NAME_LENGTH)] | None, BLANK_IS_NONE] = None
    expiry_month: int | str | None = None
    expiry_year: int | str | None = None
    upi_id: Annotated[Annotated[str, text(140)] | None, BLANK_IS_NONE] = None
    bnpl_provider: Annotated[Annotated[str, text(40)] | None, BLANK_IS_NONE] = None
    is_default: Flag = False


class OrderInput(Incoming):
    """An order. A repeated request with the same id returns the same order. Of the amounts only `total` is checked."""

    id: Annotated[Annotated[str, Field(max_length=MAX_ID_LENGTH)] | None, BLANK_IS_NONE] = None
    date: Ignored = None
    status: Ignored = None
    user_id: Number | None = None
    customer_id: Number | None = None
    items: Annotated[list[OrderItemInput], Field(min_length=1, max_length=MAX_ITEMS)]
    subtotal: ClientAmount = None
    shipping: ClientAmount = None
    tax: ClientAmount = None
    discount: ClientAmount = None
    total: Annotated[
        ClientAmount, Field(description="Total shown to the customer; refused if the order costs more")
    ] = None
    shipping_address: AddressInput
    payment_method: OrderPaymentInput
    tracking_number: Ignored = None
    estimated_delivery: Ignored = None


class LegacyItemInput(Incoming):
    product_id: Id
    quantity: Annotated[int, Field(ge=1)]
    name: Ignored = None
    unit_price: ClientAmount = None
    line_total: ClientAmount = None


class LegacyOrderInput(Incoming):
    """An order for the legacy services. The address is one of the address book, the default if none is named."""

    user_id: Id
    address_id: Number | None = None
    shipping_option: Annotated[Annotated[str, text(20)] | None, BLANK_IS_NONE] = None
    amount: ClientAmount = None
    payment_method: Annotated[Annotated[str, text(20)] | None, BLANK_IS_NONE] = None
    items: Annotated[list[LegacyItemInput], Field(min_length=1, max_length=MAX_ITEMS)]


class OrderUpdate(Incoming):
    """The members of an order that can be changed; others are ignored."""

    status: Annotated[OrderStatus | None, BeforeValidator(_status), WithJsonSchema({"type": "string"})] = None
    tracking_number: Annotated[Annotated[str, text(MAX_TRACKING_NUMBER_LENGTH)] | NullAsMissing, BLANK_IS_NONE] = None
    estimated_delivery: Annotated[datetime.date | NullAsMissing, BeforeValidator(_day)] = None
    shipping_address: AddressInput | NullAsMissing = None


# ------------------------------------------------------------------------------------------------ responses


class OrderItem(Outgoing):
    id: Id
    product_id: Id
    product_name: str
    product_image: str
    quantity: Annotated[int, Field(ge=1)]
    price: MoneyAmount
    total: MoneyAmount


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
    user_id: Annotated[int, Field(ge=0, description="0 for a guest's order")]
    customer_id: Annotated[int, Field(ge=0, description="The same as userId")]
    customer_email: str | None
    date: Instant
    order_date: Instant
    status: StatusWord
    items: Annotated[list[OrderItem], Field(min_length=1)]
    subtotal: MoneyAmount
    shipping: MoneyAmount
    tax: MoneyAmount
    discount: MoneyAmount
    total: MoneyAmount
    total_amount: MoneyAmount
    currency: str
    shipping_address: OrderAddress
    payment_method: OrderPayment
    payment_status: Literal["SUCCESS", "PENDING", "FAILED", "REFUNDED"]
    tracking_number: Annotated[str, Field(description="Empty if there is none yet")]
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
    payment_provider: Annotated[str, Field(description="The lender for bnpl, otherwise empty")]


class StatusChange(Outgoing):
    status: StatusWord
    at: Instant


class TrackedOrder(Order):
    status_history: list[StatusChange]


class LegacyOrder(Outgoing):
    id: str
    order_id: str
    db_id: Id
    status: Annotated[str, Field(description="In upper case")]
    total_amount: MoneyAmount
    total: MoneyAmount
    order_date: Instant
    date: Instant


OrderCancelled = Literal["Order cancelled successfully"]
