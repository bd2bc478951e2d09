"""The legacy services' checkout: it places an order for the contents of the account's cart."""

from __future__ import annotations

from storefront.accounts import service as accounts
from storefront.api import order_placement
from storefront.api.guards import require_user, signed_in
from storefront.api.operations import operation
from storefront.api.presenters import orders as present
from storefront.api.rate_limits import counted_as_order
from storefront.api.schemas.cart import CheckoutOrder, CheckoutResult
from storefront.checkout import service as checkout


@operation(
    "POST /checkout",
    "checkout",
    tag="cart",
    access=signed_in,
    query=CheckoutOrder,
    response=CheckoutResult,
    errors=(404, 409, 429, 503),
)
@counted_as_order
def check_out(query: CheckoutOrder) -> CheckoutResult:
    """Place an order for the contents of the cart.

    Repeated with the same `Idempotency-Key` header, it returns the same order, although the cart is empty by then.
    """
    require_user(query.user_id)
    customer = order_placement.customer_of(query.user_id)
    address = accounts.get_address(customer.id, query.address_id)
    payment = checkout.default_payment(customer.id, query.method)
    placed = order_placement.place(customer, None, order_placement.saved_address(address, customer), payment)
    return present.checkout_result(placed.order, placed.payment)
