"""Place, list, track, change and cancel orders."""

from __future__ import annotations

from werkzeug.exceptions import Forbidden

from storefront.accounts import service as accounts
from storefront.accounts.service import Scope
from storefront.accounts.values import Account
from storefront.api import order_placement
from storefront.api.errors import ApiError, Refused, unacceptable
from storefront.api.guards import acts_for_shop, caller, is_own, of_user, require_user, signed_in
from storefront.api.operations import operation
from storefront.api.presenters import orders as present
from storefront.api.rate_limits import counted_as_order
from storefront.api.schemas.orders import (
    LegacyOrder,
    LegacyOrderInput,
    Order,
    OrderCancelled,
    OrderInput,
    OrderPaymentInput,
    OrderUpdate,
    TrackedOrder,
)
from storefront.checkout import service as checkout
from storefront.checkout.values import RequestedPayment
from storefront.core.addresses import PostalAddress
from storefront.core.security_log import SecurityEvent, security_event
from storefront.orders import service as orders
from storefront.orders.values import OrderStatus, OrderView, StepNotAllowed, UnknownOrder
from storefront.payments import service as payments
from storefront.web import session as web_session
from storefront.web import staff_reads
from storefront.web.route_options import card_numbers

KINDS = ("card", "upi", "cod", "bnpl")

# ------------------------------------------------------------------------------------------------ placing


@operation(
    "POST /api/orders/",
    "placeOrder",
    tag="orders",
    access=signed_in,
    body=OrderInput,
    response=Order,
    errors=(404, 409, 429, 503),
)
@counted_as_order
@card_numbers(allowed_at=("paymentMethod", "cardNumber"))  # the Angular client sends the whole number
def place_order(body: OrderInput) -> Order:
    """Place an order.

    The `Idempotency-Key` header, or else the order's own `id`, identifies a repeated request: it returns the same
    order. The same items sent twice within ten seconds are one order, whatever the ids. Ordered items leave the cart.
    Staff may order for another account; 404 USER_NOT_FOUND if there is none with this id.
    """
    customer = _customer(body.user_id, body.customer_id)
    payment = checkout.payment_meant(customer.id, _requested_payment(body.payment_method))
    quantities = order_placement.units_by_product((item.product_id, item.quantity) for item in body.items)
    address = body.shipping_address.address
    placed = order_placement.place(
        customer, quantities, address, payment, shown_total=body.total, client_order_id=body.id
    )
    return present.order(placed.order, placed.payment)


def _customer(*user_ids: int | None) -> Account:
    """Return the account that an order is for: the caller, or the account that staff name.

    :param user_ids: ids that the request names; None where it names nobody
    :raise Forbidden: a customer names another account
    :raise Unacceptable: the ids differ
    """
    ids = {user_id for user_id in user_ids if user_id is not None} or {caller().id}
    for user_id in ids:
        require_user(user_id)
    if len(ids) > 1:
        raise unacceptable("userId and customerId name two people", "customerId")
    return order_placement.customer_of(ids.pop())


def _requested_payment(sent: OrderPaymentInput) -> RequestedPayment:
    return RequestedPayment(
        sent.type,
        sent.id,
        sent.card_number,
        sent.card_holder or "",
        sent.upi_id or "",
        sent.bnpl_provider or "",
    )


@operation(
    "POST /api/orders/create",
    "createOrderLegacy",
    tag="orders",
    access=signed_in,
    body=LegacyOrderInput,
    response=LegacyOrder,
    errors=(404, 409, 429, 503),
)
@counted_as_order
def create_order(body: LegacyOrderInput) -> LegacyOrder:
    """Place an order to an address of the address book, paid by cash on delivery unless another method is named."""
    customer = _customer(body.user_id)
    if body.shipping_option is not None and body.shipping_option.upper() != "STANDARD":
        raise unacceptable("shippingOption must be STANDARD", "shippingOption")
    kind = (body.payment_method or "cod").lower()
    if kind not in KINDS:
        raise unacceptable(f"paymentMethod must be {', '.join(KINDS)}", "paymentMethod")
    payment = checkout.default_payment(customer.id, kind)
    quantities = order_placement.units_by_product((item.product_id, item.quantity) for item in body.items)
    address = _address_of(customer, body.address_id)
    placed = order_placement.place(customer, quantities, address, payment, shown_total=body.amount)
    return present.legacy_order(placed.order)


def _address_of(customer: Account, address_id: int | None) -> PostalAddress:
    if address_id is not None:
        return order_placement.saved_address(accounts.get_address(customer.id, address_id), customer)
    book = accounts.addresses_of(customer.id)
    if not book:
        raise unacceptable("addressId is required: the address book is empty", "addressId")
    return order_placement.saved_address(book[0], customer)


# ------------------------------------------------------------------------------------------------ reading


def own_order(order_id: str) -> OrderView:
    """Return an order that the caller may see: customers see their own, staff who may see customers' data all.

    Programs see all. What staff and programs read is recorded in the audit log.

    :raise orders.UnknownOrder: no such order, or another customer's; the latter is written to the security log
    """
    order = orders.get_order(order_id)
    if is_own(order.customer_id):
        return order
    if not acts_for_shop():
        security_event(SecurityEvent.ACCESS_REFUSED, order=order.id)
        raise UnknownOrder(order_id)
    staff_reads.note(web_session.current_actor(), order.id)
    return order


def _present(order: OrderView) -> Order:
    return present.order(order, payments.records_of([order.checkout_id]).get(order.checkout_id))


@operation(
    "GET /api/orders/{orderId}",
    "getOrder",
    tag="orders",
    access=signed_in,
    scope=Scope.READ_ORDERS,
    response=Order,
    errors=(404,),
)
def get_order(order_id: str) -> Order:
    """Get an order."""
    return _present(own_order(order_id))


@operation(
    "GET /api/orders/user/{userId}",
    "listUserOrders",
    tag="orders",
    access=of_user,
    scope=Scope.READ_ORDERS,
    response=list[Order],
)
@operation(
    "GET /users/{userId}/orders",
    "listUserOrdersAlias",
    tag="users",
    access=of_user,
    scope=Scope.READ_ORDERS,
    response=list[Order],
)
def list_user_orders(user_id: int) -> list[Order]:
    """List all orders of an account, newest first."""
    own_orders = orders.export_of(user_id)[::-1]
    payment_records = payments.records_of([order.checkout_id for order in own_orders])
    return [present.order(order, payment_records.get(order.checkout_id)) for order in own_orders]


@operation(
    "GET /api/orders/{orderId}/track",
    "trackOrder",
    tag="orders",
    access=signed_in,
    scope=Scope.READ_ORDERS,
    response=TrackedOrder,
    errors=(404,),
)
def track_order(order_id: str) -> TrackedOrder:
    """Get an order with its status history."""
    order = own_order(order_id)
    return present.tracked(order, payments.records_of([order.checkout_id]).get(order.checkout_id))


# ------------------------------------------------------------------------------------------------ changing


@operation(
    "PUT /api/orders/{orderId}",
    "updateOrder",
    tag="orders",
    access=signed_in,
    scope=Scope.CHANGE_ORDERS,
    body=OrderUpdate,
    response=Order,
    errors=(404, 409),
)
def update_order(order_id: str, body: OrderUpdate) -> Order:
    """Change an order.

    The customer may change the shipping address until the order is packed, or cancel it. Staff and programs may set its
    next status, tracking number and estimated delivery date, or cancel it. Items and amounts cannot be changed.
    """
    order = own_order(order_id)
    if acts_for_shop():
        _update_fulfilment(order, body)
    elif body.status not in {None, _told(order), OrderStatus.CANCELLED}:
        raise Forbidden
    if body.shipping_address is not None and is_own(order.customer_id):
        orders.change_address(order.id, body.shipping_address.address, by="you")
    if body.status is OrderStatus.CANCELLED:
        _cancel(order)
    return _present(orders.get_order(order_id))


def _told(order: OrderView) -> OrderStatus:
    """The status as clients know it; they may send it back unchanged."""
    return OrderStatus(present.status_word(order.status, order))


def _update_fulfilment(order: OrderView, body: OrderUpdate) -> None:
    if body.status not in {None, _told(order), OrderStatus.CANCELLED}:
        status, number = OrderStatus(body.status), body.tracking_number or ""
        orders.advance(order.id, status, by="the shop", tracking=number, actor=web_session.current_actor())
    elif body.tracking_number:
        orders.set_tracking(order.id, body.tracking_number, by="the shop", actor=web_session.current_actor())
    if body.estimated_delivery is not None:
        orders.expect_on(order.id, body.estimated_delivery, actor=web_session.current_actor())


@operation(
    "DELETE /api/orders/{orderId}",
    "cancelOrder",
    tag="orders",
    access=signed_in,
    scope=Scope.CHANGE_ORDERS,
    response=OrderCancelled,
    errors=(404, 409),
)
def cancel_order(order_id: str) -> OrderCancelled:
    """Cancel an order: its items are restocked and its payment is refunded, once, even if the request is repeated."""
    _cancel(own_order(order_id))
    return "Order cancelled successfully"


def _cancel(order: OrderView) -> None:
    is_customers = is_own(order.customer_id)
    actor = "" if is_customers else web_session.current_actor()
    try:
        orders.cancel(order.id, by="you" if is_customers else "the shop", may_be_packed=acts_for_shop(), actor=actor)
    except StepNotAllowed as error:
        if present.status_word(error.current, order) == "cancelled":
            return
        message = "The order is on its way already and can no longer be cancelled"
        raise Refused(ApiError(409, "ORDER_CANCELLATION_NOT_ALLOWED", message)) from error
