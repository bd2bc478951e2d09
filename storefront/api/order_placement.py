"""Place an order for any operation of the API, and turn the checkout's outcome into an order or an error response."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from flask import current_app

from storefront.accounts import service as accounts
from storefront.accounts.values import Account, SavedAddress, UserId
from storefront.api.errors import ApiError, Detail, Refused, order_in_progress
from storefront.api.guards import caller
from storefront.api.parsing import idempotency_key
from storefront.cart import service as cart
from storefront.catalog.values import UnknownProduct
from storefront.checkout import service as checkout
from storefront.checkout.values import CheckoutState, Contact, DirectOrder, Failure, Outcome
from storefront.core.addresses import PostalAddress
from storefront.core.money import Money
from storefront.db.session import UNAVAILABLE
from storefront.orders import service as orders
from storefront.orders.values import OrderView
from storefront.payments import service as payments
from storefront.payments.values import PaymentOption, PaymentRecord
from storefront.web import rate_limits

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Placed:
    """An order that was placed, with its payment."""

    order: OrderView
    payment: PaymentRecord


def customer_of(user_id: int) -> Account:
    """Return the account that an order is for.

    :raise accounts.UnknownUser: no such account; only staff get this answer
    """
    person = caller()
    return person.account if person.id == user_id else accounts.get_account(UserId(user_id))


def units_by_product(items: Iterable[tuple[int, int]]) -> dict[int, int]:
    """Sum the quantities of each product.

    :param items: product id and quantity
    """
    units: dict[int, int] = {}
    for product, quantity in items:
        units[product] = units.get(product, 0) + quantity
    return units


def saved_address(address: SavedAddress, customer: Account) -> PostalAddress:
    """Convert an address of the customer's address book to an order's shipping address."""
    return checkout.delivery_to(address, customer, address.where.phone)


def place(
    customer: Account,
    quantities: Mapping[int, int] | None,
    address: PostalAddress,
    payment: PaymentOption,
    *,
    shown_total: Decimal | None = None,
    client_order_id: str | None = None,
) -> Placed:
    """Place an order, at most once for each idempotency key.

    :param quantities: units by product id; None for the contents of the cart
    :param shown_total: total that the client showed its user, in the shop's currency; None if it sent none
    :param client_order_id: the client's own id of the order, the idempotency key if the request has no header
    :return: the order, with its payment; the earlier one if the request is a repeat
    :raise Refused: the order failed, or is still in progress
    :raise RateLimitExceeded: too many orders for an e-mail address that is not verified
    """
    if customer.email is not None and not customer.has_verified_email:
        rate_limits.limit_order_email(customer.email)
    token = cart.cart_key_of(customer.id)
    order = DirectOrder(
        quantities,
        Contact(customer.email or "", address.phone or customer.phone or ""),
        address,
        payment,
        None if shown_total is None else Money.of(shown_total, current_app.config["CURRENCY"]),
        idempotency_key() or client_order_id,
    )
    try:
        outcome = checkout.place_direct_order(token, order)
    except UnknownProduct as unknown:
        message = f"There is no product {unknown} on sale"
        raise Refused(ApiError(400, "UNKNOWN_PRODUCT", message, (Detail("items", message),))) from unknown
    if outcome.order_id is None:
        raise Refused(_error_of(outcome))
    try:
        placed = orders.get_order(outcome.order_id)
        payment_record = payments.records_of([placed.checkout_id])[placed.checkout_id]
    except UNAVAILABLE as error:  # the order is placed: no answer may hide it
        logger.exception("checkout %s: its order cannot be read", outcome.id)
        raise Refused(order_in_progress()) from error
    checkout.note_answer(outcome.id)
    return Placed(placed, payment_record)


def _error_of(outcome: Outcome) -> ApiError:
    if outcome.state is CheckoutState.WAITING:  # placed on the pages: an order by API is paid without a provider's page
        return order_in_progress("An order of these products waits for its payment to be confirmed with the bank")
    if outcome.state is not CheckoutState.FAILED:
        return order_in_progress()
    if outcome.failure is Failure.SOLD_OUT:
        return ApiError(409, "INSUFFICIENT_STOCK", f"{outcome.detail}: sold out a moment ago. Nothing was charged")
    code = "PAYMENT_DECLINED" if outcome.failure is Failure.DECLINED else "ORDER_NOT_COMPLETED"
    return ApiError(409, code, f"{outcome.detail}. Nothing was charged: order anew, under another id")
