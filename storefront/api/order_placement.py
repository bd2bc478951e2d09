"""Placing an order, as every operation that does it does it: what the checkout says becomes an answer or a refusal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from flask import current_app

from storefront.accounts import service as accounts
from storefront.accounts.service import Account, SavedAddress, UserId
from storefront.api.errors import ApiError, Detail, Refused
from storefront.api.guards import caller
from storefront.api.parsing import idempotency_key
from storefront.cart import service as cart
from storefront.catalog import service as catalog
from storefront.checkout import service as checkout
from storefront.checkout.service import CheckoutState, Contact, DirectOrder, Failure, Outcome
from storefront.core.addresses import PostalAddress
from storefront.core.money import Money
from storefront.orders import service as orders
from storefront.orders.service import OrderView
from storefront.payments.service import PaymentOption

ASK_AGAIN = 2  # seconds; as long as a checkout that was interrupted pauses


def customer_of(user_id: int) -> Account:
    """The account that an order is for.

    :raise accounts.UnknownUser: there is none, which only staff can come upon
    """
    person = caller()
    return person.account if person.id == user_id else accounts.get_account(UserId(user_id))


def units_by_product(items: Iterable[tuple[int, int]]) -> dict[int, int]:
    """Equal products merged."""
    units: dict[int, int] = {}
    for product, quantity in items:
        units[product] = units.get(product, 0) + quantity
    return units


def saved_address(address: SavedAddress, customer: Account) -> PostalAddress:
    """An address of the customer's address book as their order has it."""
    return checkout.delivery_to(address, customer, address.where.phone)


def place(
    customer: Account,
    wanted: Mapping[int, int] | None,
    address: PostalAddress,
    payment: PaymentOption,
    *,
    shown_total: Decimal | None = None,
    own_id: str | None = None,
) -> OrderView:
    """Order, once, and say what came of it.

    :param wanted: units by product id; None is what lies in the cart
    :param own_id: the client's own name for the order; an Idempotency-Key counts before it
    :raise Refused: it came to nothing, or not to its end yet
    """
    token = cart.cart_key_of(customer.id)
    order = DirectOrder(
        wanted,
        Contact(customer.email or "", address.phone or customer.phone or ""),
        address,
        payment,
        None if shown_total is None else Money.of(shown_total, current_app.config["CURRENCY"]),
        idempotency_key() or own_id,
    )
    try:
        placed = checkout.place_direct_order(token, order)
    except catalog.UnknownProduct as unknown:
        message = f"There is no product {unknown} on sale"
        raise Refused(ApiError(400, "UNKNOWN_PRODUCT", message, (Detail("items", message),))) from unknown
    outcome = checkout.outcome_of(placed, token)
    if outcome.order_id is None:
        raise Refused(_unplaced(outcome))
    return orders.get_order(outcome.order_id)


def _unplaced(outcome: Outcome) -> ApiError:
    if outcome.state is not CheckoutState.FAILED:
        message = "The order is still being placed: send the same request again to learn what came of it"
        return ApiError(503, "ORDER_IN_PROGRESS", message, retry_after=ASK_AGAIN)
    if outcome.failure is Failure.SOLD_OUT:
        return ApiError(409, "INSUFFICIENT_STOCK", f"{outcome.detail}: sold out a moment ago. Nothing was charged")
    code = "PAYMENT_DECLINED" if outcome.failure is Failure.DECLINED else "ORDER_NOT_COMPLETED"
    return ApiError(409, code, f"{outcome.detail}. Nothing was charged: order anew, under another id")
