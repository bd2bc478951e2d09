"""Orders that staff approve first: large ones that nobody has paid, by buyers who proved no address.

Such an order is created, pending, but takes no stock and is not confirmed: a stranger's single request must not empty
the shop. Its checkout rests as completed before the step "secure" (`saga_steps.SECURE`). Staff release it, and the saga
goes on from there, or refuse it, and the saga is undone from there. One UPDATE decides between two staff members.
"""

from __future__ import annotations

from flask import current_app
from sqlalchemy import select, update

from storefront.accounts import service as accounts
from storefront.accounts.values import UnknownUser, UserId
from storefront.catalog import inventory
from storefront.checkout import saga, saga_steps
from storefront.checkout import snapshot as plans
from storefront.checkout.models import Checkout
from storefront.checkout.values import CheckoutState, Failure, NotHeld
from storefront.core.clock import utc_now
from storefront.core.money import Money
from storefront.db.session import read_session, retry_on_deadlock, rows_changed, transaction
from storefront.orders.values import OrderSnapshot
from storefront.payments import service as payments
from storefront.payments.values import PaymentOption

_IS_HELD = (Checkout.state == CheckoutState.COMPLETED, Checkout.step == saga_steps.SECURE)


def needs_approval(order: OrderSnapshot, payment: PaymentOption) -> bool:
    """Whether an order is above the bound of unproved ones (`UNPROVED_ORDER_MAX_TOTAL`, `UNPROVED_ORDER_MAX_UNITS`).

    An order counts as unproved if its payment is settled outside the shop and its buyer is a guest, or an account that
    never entered a code sent to its e-mail address or phone.
    """
    config = current_app.config
    most = Money.of(config["UNPROVED_ORDER_MAX_TOTAL"], order.grand_total.currency)
    units = sum(item.quantity for item in order.items)
    is_small = not order.grand_total > most and units <= config["UNPROVED_ORDER_MAX_UNITS"]
    return not is_small and payments.is_offline(payment) and not _is_proved(order.customer_id)


def _is_proved(customer: int | None) -> bool:
    if customer is None:
        return False
    try:
        account = accounts.get_account(UserId(customer))
    except UnknownUser:  # deleted at this moment
        return False
    return account.has_verified_email or account.has_verified_phone


def held() -> set[str]:
    """Ids of the checkouts whose orders wait for staff."""
    return set(read_session().scalars(select(Checkout.id).where(*_IS_HELD)))


def is_held(checkout: str) -> bool:
    """Whether the order of this checkout waits for staff."""
    return read_session().scalar(select(Checkout.id).where(Checkout.id == checkout, *_IS_HELD)) is not None


def held_of(cart_token: str) -> list[str]:
    """Ids of a cart's checkouts whose orders wait for staff."""
    return list(read_session().scalars(select(Checkout.id).where(Checkout.cart_token == cart_token, *_IS_HELD)))


def release(checkout: str, *, actor: str) -> None:
    """Let an order go on as any other: its stock is taken, it is confirmed, and its customer gets the confirmation.

    :param actor: the staff member, for the audit log
    :raise OutOfStock: there are not enough units any more: nothing was changed
    :raise NotHeld: it does not wait for staff, or was decided meanwhile
    """
    row = _get(checkout)
    inventory.reserve(checkout, plans.load(row.plan).holds)  # for 15 minutes, which a repeat renews
    _decide(row, CheckoutState.RUNNING, approved=True, actor=actor)
    saga.resume(checkout)


def refuse(checkout: str, reason: str, *, actor: str) -> None:
    """Cancel an order that waits for staff; its customer gets an e-mail. Nothing was charged and no stock taken.

    :param reason: for the customer, one clause without a full stop
    :param actor: the staff member, for the audit log
    :raise NotHeld: it does not wait for staff, or was decided meanwhile
    """
    _decide(_get(checkout), CheckoutState.UNDOING, failure=Failure.REFUSED.value, detail=reason, actor=actor)
    saga.resume(checkout)


def _get(checkout: str) -> Checkout:
    row = read_session().scalar(select(Checkout).where(Checkout.id == checkout, *_IS_HELD))
    if row is None:
        raise NotHeld(checkout)
    return row


@retry_on_deadlock
def _decide(row: Checkout, state: CheckoutState, **progress: object) -> None:
    checkout, known = row.id, dict(row.progress)
    with transaction("checkout") as session:
        decided = update(Checkout).where(Checkout.id == checkout, *_IS_HELD)
        decided = decided.values(state=state, progress={**known, **progress}, updated_at=utc_now())
        if not rows_changed(session.execute(decided)):
            raise NotHeld(checkout)
