"""Public functions of the checkout: the draft of an order, placing it, and checkouts that are not finished."""

from __future__ import annotations

import uuid
from contextlib import suppress
from datetime import datetime

from sqlalchemy import func, select, update

from storefront.cart import service as cart
from storefront.checkout import approval, legacy_import, saga, saga_steps
from storefront.checkout import snapshot as plans
from storefront.checkout.backlog import backlog
from storefront.checkout.duplicates import note_answer, purge_duplicate_guards
from storefront.checkout.models import Checkout
from storefront.checkout.one_request import place_direct_order
from storefront.checkout.opening import find_order_under_way
from storefront.checkout.payment_choice import default_payment, payment_meant
from storefront.checkout.placing import place_order
from storefront.checkout.review import review_of
from storefront.checkout.runs import (
    abandon,
    get_row,
    outcome_of,
    outcome_of_any,
    resume,
    resume_after_webhook,
    resume_unfinished,
    try_again,
)
from storefront.checkout.saved_choices import delivery_to
from storefront.checkout.values import (
    STALE_AFTER,
    CheckoutBusy,
    CheckoutDraft,
    CheckoutId,
    CheckoutState,
    Contact,
    NotHeld,
    UnfinishedCheckout,
    UnknownCheckout,
)
from storefront.core.addresses import PostalAddress, checked_address
from storefront.core.clock import utc_now
from storefront.db.session import read_session, retry_on_deadlock, transaction
from storefront.orders import service as orders
from storefront.orders.values import OrderId

__all__ = [
    "abandon",
    "approval",
    "backlog",
    "count_unfinished",
    "default_payment",
    "delivery_to",
    "enter_contact",
    "enter_delivery",
    "enter_payment",
    "erase",
    "find_order_under_way",
    "find_unfinished",
    "get_draft",
    "legacy_import",
    "note_answer",
    "outcome_of",
    "outcome_of_any",
    "payment_meant",
    "place_direct_order",
    "place_order",
    "purge_duplicate_guards",
    "resume",
    "resume_after_webhook",
    "resume_unfinished",
    "review_of",
    "start",
    "states",
    "transfer_to_account",
    "try_again",
    "unfinished_checkouts",
]


def start(cart_token: str, *, like: CheckoutDraft | None = None) -> CheckoutDraft:
    """Open a checkout for a cart.

    :param like: a failed checkout whose entries are copied
    """
    now = utc_now()
    entered = _entered(like) if like else {}
    with transaction("checkout") as session:
        row = Checkout(id=str(uuid.uuid4()), cart_token=cart_token, draft=entered, created_at=now, updated_at=now)
        session.add(row)
    return plans.load_draft(row.id, row.draft)


def _entered(draft: CheckoutDraft) -> dict[str, object]:
    entered: dict[str, object] = {}
    if draft.contact:
        entered["contact"] = plans.entry(draft.contact)
    if draft.address:
        entered["delivery"] = plans.entry(draft.address)
    if draft.payment:
        entered["payment"] = draft.payment
        entered["payment_entry"] = draft.payment_entry
        entered["saved_method"] = draft.saved_method
    return entered


def get_draft(checkout: str | None, cart_token: str | None) -> CheckoutDraft:
    """Read what the shopper entered so far.

    :raise UnknownCheckout: this cart has no such checkout
    """
    row = get_row(checkout, cart_token)
    return plans.load_draft(row.id, row.draft)


def transfer_to_account(checkout: str | None, guest: str, account: str) -> None:
    """Move a guest's checkouts to the account that signed in, even while an order is being placed, with their orders.

    :param checkout: the one that the browser remembers; whatever has not ended comes along
    :param guest: key of the cart they belong to
    :param account: key of the account's cart
    """
    customer = cart.account_of(account)
    for moved in _transfer(checkout, guest, account):
        if customer is not None:
            orders.join_account(moved, customer)


@retry_on_deadlock
def _transfer(checkout: str | None, guest: str, account: str) -> list[str]:
    with transaction("checkout") as session:
        is_open = Checkout.state.in_((CheckoutState.DRAFT, *saga.UNFINISHED))
        of_guest = (Checkout.cart_token == guest) & ((Checkout.id == checkout) | is_open)
        moved = list(session.scalars(select(Checkout.id).where(of_guest)))
        session.execute(update(Checkout).where(Checkout.id.in_(moved)).values(cart_token=account))
    return moved


def enter_contact(draft: CheckoutDraft, contact: Contact) -> None:
    """Save how to reach the shopper."""
    _enter(draft, contact=plans.entry(contact))


def enter_delivery(draft: CheckoutDraft, address: PostalAddress) -> None:
    """Save the shipping address.

    :raise UndeliverableAddress: it does not fit its country
    """
    _enter(draft, delivery=plans.entry(checked_address(address)))


def enter_payment(draft: CheckoutDraft, option: str, entry: str = "", *, saved: int | None = None) -> None:
    """Save the payment method.

    :param option: code of a `PaymentOption`
    :param entry: what that option asks for: a UPI id, or the lender
    :param saved: id of the account's saved payment method that they are from
    """
    _enter(draft, payment=option, payment_entry=entry, saved_method=saved)


@retry_on_deadlock
def _enter(draft: CheckoutDraft, **entered: object) -> None:
    with transaction("checkout") as session:
        row = session.scalars(select(Checkout).where(Checkout.id == draft.id).with_for_update()).one()
        if row.state == CheckoutState.DRAFT:
            row.draft = {**row.draft, **entered}
            row.updated_at = utc_now()


def unfinished_checkouts(most: int | None = None) -> list[UnfinishedCheckout]:
    """Orders that are being placed, or are stuck; longest without a change first.

    :param most: at most so many; None for all
    """
    oldest = select(Checkout).where(Checkout.state.in_(saga.UNFINISHED)).order_by(Checkout.updated_at).limit(most)
    return [_unfinished(row) for row in read_session().scalars(oldest)]


def find_unfinished(checkout: str) -> UnfinishedCheckout | None:
    """Find an order that is being placed; None when its checkout has ended.

    :raise UnknownCheckout: no order was placed under this id
    """
    row = read_session().get(Checkout, checkout)
    if row is None or row.state == CheckoutState.DRAFT:
        raise UnknownCheckout(checkout)
    return _unfinished(row) if row.state in saga.UNFINISHED else None


def _unfinished(row: Checkout) -> UnfinishedCheckout:
    return UnfinishedCheckout(
        id=CheckoutId(row.id),
        state=CheckoutState(row.state),
        step=saga_steps.STEPS[min(row.step, len(saga_steps.STEPS) - 1)].name,
        placed_at=datetime.fromisoformat(row.progress["placed_at"]),
        updated_at=row.updated_at,
        attempts=row.attempts,
        last_error=row.last_error,
        order_id=OrderId(row.progress["order"]) if "order" in row.progress else None,
        is_stuck=row.updated_at < utc_now() - STALE_AFTER,
    )


def count_unfinished() -> int:
    """Count the orders that are being placed, or are stuck."""
    return read_session().scalar(select(func.count(Checkout.id)).where(Checkout.state.in_(saga.UNFINISHED))) or 0


@retry_on_deadlock
def erase(cart_token: str) -> None:
    """Delete the personal data of a cart's checkouts; their states stay. Safe to repeat.

    An order that waits for staff is refused: nobody could deliver it any more.

    :raise CheckoutBusy: one of them has not ended yet: call again
    """
    for waiting in approval.held_of(cart_token):
        with suppress(NotHeld):  # staff decided at this moment
            approval.refuse(waiting, "The account was deleted", actor="")
    mine = Checkout.cart_token == cart_token
    with transaction("checkout") as session:
        session.execute(update(Checkout).where(mine, Checkout.state.not_in(saga.UNFINISHED)).values(draft={}, plan={}))
        unfinished = session.scalar(select(Checkout.id).where(mine, Checkout.state.in_(saga.UNFINISHED)).limit(1))
    if unfinished is not None:
        raise CheckoutBusy(unfinished)


def states() -> dict[str, tuple[CheckoutState, datetime]]:
    """The state of every checkout and when it was last written, for the consistency check."""
    rows = read_session().execute(select(Checkout.id, Checkout.state, Checkout.updated_at))
    return {identity: (CheckoutState(state), updated_at) for identity, state, updated_at in rows}
