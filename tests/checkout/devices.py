"""One account on several devices, tabs and programs: the acts on its cart that may meet."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import select

from storefront.cart import service as cart
from storefront.catalog.values import ProductCard
from storefront.checkout import service as checkout
from storefront.checkout.models import Checkout
from storefront.checkout.values import CheckoutState, Contact, DirectOrder, Outcome
from storefront.core.errors import DomainError
from storefront.db.session import read_session
from storefront.orders.models import Item, Order
from storefront.orders.values import OrderStatus
from storefront.payments import sandbox
from storefront.payments import service as payments
from storefront.payments.models import SandboxCharge
from storefront.payments.values import PaymentStatus
from tests.factories.catalog import make_product
from tests.factories.shopping import ADDRESS, EMAIL, PHONE, agreed_now, make_cart, make_draft, return_url

Act = Callable[[], object]

UNITS = 2  # in the cart
_accounts = itertools.count(7_000_001)  # no test makes so many accounts


@dataclass(frozen=True)
class Devices:
    """Devices of one account whose cart has two mugs.

    :ivar token: key of the cart
    """

    token: str
    mug: ProductCard

    def live_orders(self) -> dict[str, int]:
        """Units of mugs in each order that was not cancelled, by checkout."""
        ours = select(Checkout.id).where(Checkout.cart_token == self.token)
        found = read_session().scalars(ours).all()
        rows = select(Order.checkout_id, Item.quantity).join(Item, Item.order_id == Order.id)
        live = rows.where(Order.checkout_id.in_(found), Order.status != OrderStatus.CANCELLED)
        return {row.checkout_id: row.quantity for row in read_session().execute(live)}

    def confirm_payments(self) -> None:
        """Press "approve" on the bank's pages that are open, and come back to the shop."""
        waiting = select(Checkout.id).where(Checkout.cart_token == self.token, Checkout.state == CheckoutState.WAITING)
        for waits in read_session().scalars(waiting).all():
            approve(waits)
            checkout.resume(waits)


def approve(checkout_id: str) -> None:
    """Press "approve" on the bank's page."""
    reference = read_session().scalars(select(SandboxCharge.reference).where(SandboxCharge.key == checkout_id)).one()
    sandbox.decide(reference, approve=True)


def make_devices() -> Devices:
    devices = Devices(cart.cart_key_of(next(_accounts)), make_product(name="Clay Mug", stock=50))
    cart.add_line(devices.token, devices.mug.sku, UNITS)
    return devices


def attempt(act: Act) -> object:
    """Act.

    :return: what it returned, or the refusal
    """
    read_session().rollback()  # a request reads the present state
    try:
        return act()
    except DomainError as refusal:
        return refusal


# Each makes an act ready, such as by opening the review page, and returns it.


def order_on_pages(payment: str) -> Callable[[Devices], Act]:
    def ready(devices: Devices) -> Act:
        draft = make_draft(devices.token, payment=payment)
        agreed = agreed_now(draft.id, devices.token)
        return lambda: checkout.place_order(draft.id, devices.token, agreed=agreed, return_url=return_url)

    return ready


def order_by_api(*, names_products: bool) -> Callable[[Devices], Act]:
    def ready(devices: Devices) -> Act:
        option = payments.offline_option("cod")
        assert option is not None
        wanted = {devices.mug.id: UNITS} if names_products else None
        order = DirectOrder(wanted, Contact(EMAIL, PHONE), ADDRESS, option)

        def act() -> Outcome:
            outcome = checkout.place_direct_order(devices.token, order)
            checkout.note_answer(outcome.id)
            return outcome

        return act

    return ready


def add(devices: Devices) -> Act:
    return lambda: cart.add_line(devices.token, devices.mug.sku, 1)


def sign_in_with_a_cart(devices: Devices) -> Act:
    guest = make_cart((devices.mug, 1))

    def act() -> None:
        checkout.transfer_to_account(None, guest, devices.token)
        cart.merge(guest, devices.token)

    return act


def change_quantity(devices: Devices) -> Act:
    (line,) = cart.quote(devices.token).lines
    return lambda: cart.change_quantity(devices.token, line.id, 3)


def remove(devices: Devices) -> Act:
    (line,) = cart.quote(devices.token).lines
    return lambda: cart.remove_line(devices.token, line.id)


def do_the_workers_tasks(devices: Devices) -> Act:
    return checkout.resume_unfinished


ORDERING = {
    "cash on the pages": order_on_pages("cod"),
    "a card on the pages": order_on_pages("sandbox-success"),
    "a card that the bank asks about": order_on_pages("sandbox-confirm"),
    "the products by API": order_by_api(names_products=True),
    "the cart by API": order_by_api(names_products=False),
}
OTHERS = {
    "adding a unit": add,
    "signing in with a unit in the cart": sign_in_with_a_cart,
    "setting three units": change_quantity,
    "removing the line": remove,
    "the worker": do_the_workers_tasks,
}
PAID = {PaymentStatus.CAPTURED, PaymentStatus.DUE}
