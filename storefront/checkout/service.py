"""Public functions of the checkout: the draft of an order, placing it, and checkouts that are not finished."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import func, select, update

from storefront.cart import service as cart
from storefront.checkout import legacy_import, saga
from storefront.checkout import snapshot as plans
from storefront.checkout.models import Checkout
from storefront.checkout.one_request import place_direct_order, purge_duplicate_guards
from storefront.checkout.payment_choice import default_payment, payment_meant
from storefront.checkout.saved_choices import delivery_to
from storefront.checkout.snapshot import PlacedOrder
from storefront.checkout.values import (
    STALE_AFTER,
    CartNotOrderable,
    CheckoutBusy,
    CheckoutDraft,
    CheckoutId,
    CheckoutState,
    Contact,
    DraftIncomplete,
    Failure,
    KeyReused,
    Outcome,
    Shortage,
    TotalChanged,
    UnfinishedCheckout,
    UnknownCheckout,
)
from storefront.core.addresses import PostalAddress, checked_address
from storefront.core.clock import utc_now
from storefront.db.session import read_session, retry_on_deadlock, transaction
from storefront.orders.values import OrderId
from storefront.payments import service as payments

__all__ = [
    "abandon",
    "count_unfinished",
    "default_payment",
    "delivery_to",
    "enter_contact",
    "enter_delivery",
    "enter_payment",
    "erase",
    "find_unfinished",
    "get_draft",
    "legacy_import",
    "outcome_of",
    "payment_meant",
    "place_direct_order",
    "place_order",
    "purge_duplicate_guards",
    "resume",
    "resume_after_webhook",
    "resume_unfinished",
    "start",
    "states",
    "transfer_to_account",
    "try_again",
    "unfinished_checkouts",
]

logger = logging.getLogger(__name__)


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
    return entered


def _get(checkout: str | None, cart_token: str | None) -> Checkout:
    row = read_session().get(Checkout, checkout) if checkout else None
    if row is None or row.cart_token != cart_token:
        raise UnknownCheckout(checkout)
    return row


def get_draft(checkout: str | None, cart_token: str | None) -> CheckoutDraft:
    """Read what the shopper entered so far.

    :raise UnknownCheckout: this cart has no such checkout
    """
    row = _get(checkout, cart_token)
    return plans.load_draft(row.id, row.draft)


@retry_on_deadlock
def transfer_to_account(checkout: str, guest: str, account: str) -> None:
    """Move a guest's checkout to the account that signed in, even while its order is being placed.

    :param guest: key of the cart it belongs to
    :param account: key of the account's cart
    """
    with transaction("checkout") as session:
        session.execute(
            update(Checkout).where(Checkout.id == checkout, Checkout.cart_token == guest).values(cart_token=account)
        )


def enter_contact(draft: CheckoutDraft, contact: Contact) -> None:
    """Save how to reach the shopper."""
    _enter(draft, contact=plans.entry(contact))


def enter_delivery(draft: CheckoutDraft, address: PostalAddress) -> None:
    """Save the shipping address.

    :raise UndeliverableAddress: it does not fit its country
    """
    _enter(draft, delivery=plans.entry(checked_address(address)))


def enter_payment(draft: CheckoutDraft, option: str, entry: str = "") -> None:
    """Save the payment method.

    :param option: code of a `PaymentOption`
    :param entry: what that option asks for: a UPI id, or the lender
    """
    _enter(draft, payment=option, payment_entry=entry)


@retry_on_deadlock
def _enter(draft: CheckoutDraft, **entered: object) -> None:
    with transaction("checkout") as session:
        row = session.scalars(select(Checkout).where(Checkout.id == draft.id).with_for_update()).one()
        if row.state == CheckoutState.DRAFT:
            row.draft = {**row.draft, **entered}
            row.updated_at = utc_now()


def place_order(checkout: str, cart_token: str, *, agreed: str, return_url: Callable[[str], str]) -> Outcome:
    """Order what is in the cart, once: a repeat returns the outcome of the same order.

    :param checkout: id of the draft; it is the idempotency key
    :param agreed: `CartQuote.fingerprint` of the cart as the shopper saw it
    :param return_url: makes the URL, by the checkout's id, to which a payment provider sends the customer back
    :raise UnknownCheckout: this cart has no such checkout
    :raise DraftIncomplete: a step was skipped
    :raise CartNotOrderable: the cart is empty, or a line of it is not available in its quantity
    :raise TotalChanged: products, quantities or prices differ from `agreed`
    :raise KeyReused: this checkout has ordered something else
    """
    row = _get(checkout, cart_token)
    if row.state == CheckoutState.DRAFT:
        try:
            _open(plans.load_draft(row.id, row.draft), cart_token, agreed, return_url(checkout))
        except (CartNotOrderable, TotalChanged):
            read_session().rollback()  # ends the snapshot: the next read sees the current state
            if _get(checkout, cart_token).state == CheckoutState.DRAFT:
                raise
            # Otherwise the other request of a double click has placed the order and reserved or cleared these units.
        row = _get(checkout, cart_token)
    if row.progress["agreed"] != agreed:
        raise KeyReused(checkout)
    return resume(checkout)


def _open(draft: CheckoutDraft, cart_token: str, agreed: str, return_url: str) -> None:
    """Store what is ordered and set the checkout running; the second request of a double click changes nothing."""
    if missing := draft.missing_step:
        raise DraftIncomplete(missing)
    option = payments.find_option(draft.payment or "", draft.payment_entry)
    if option is None:
        raise DraftIncomplete("payment")
    quote = cart.quote(cart_token)
    if not quote.can_be_ordered:
        raise CartNotOrderable(plans.shortages_of(quote))
    if quote.fingerprint != agreed:
        raise TotalChanged(quote.price.grand_total)
    placed = PlacedOrder(plans.snapshot_of(draft, quote, option, cart.account_of(cart_token)), option, return_url)
    now = utc_now()
    with transaction("checkout") as session:
        session.execute(
            update(Checkout)
            .where(Checkout.id == draft.id, Checkout.state == CheckoutState.DRAFT)
            .values(
                state=CheckoutState.RUNNING,
                idempotency_key=draft.id,
                plan=plans.dump(placed),
                progress={"placed_at": now.isoformat(), "agreed": agreed},
                updated_at=now,
            )
        )


def resume(checkout: str) -> Outcome:
    """Run a checkout as far as possible now.

    :return: its state afterwards
    """
    saga.resume(checkout)
    return _outcome(read_session().get_one(Checkout, checkout))


def resume_after_webhook(checkout: str) -> None:
    """Run a checkout on after its payment provider reported a change.

    :raise CheckoutBusy: another runner holds the lease, and may have asked the provider before the change: call again
    """
    if not saga.resume(checkout):
        row = read_session().get_one(Checkout, checkout)
        if row.state in saga.UNFINISHED:
            raise CheckoutBusy(checkout)


def abandon(checkout: str) -> Outcome:
    """Undo a checkout whose customer will not confirm the payment, unless it was confirmed in the meantime."""
    saga.abandon(checkout)
    return _outcome(read_session().get_one(Checkout, checkout))


def resume_unfinished() -> int:
    """Run every checkout whose runner died or whose time to wait is over; one that fails does not stop the others.

    :return: how many were run
    """
    checkouts = saga.unfinished()
    for checkout in checkouts:
        _try(checkout)
    return len(checkouts)


def _try(checkout: str) -> None:
    try:
        saga.resume(checkout)
    except Exception:
        # The error is stored in its record, and it is retried; other checkouts must not wait for it.
        logger.exception("checkout %s could not be resumed", checkout)
        read_session().rollback()


def try_again(checkout: str) -> Outcome:
    """Run a checkout now; where another runner holds the lease, nothing is done.

    :return: its state afterwards; an error of a step is stored in its record and not raised
    :raise UnknownCheckout: there is no such checkout
    """
    _try(checkout)
    row = read_session().get(Checkout, checkout)
    if row is None:
        raise UnknownCheckout(checkout)
    return _outcome(row)


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
        step=saga.STEPS[min(row.step, len(saga.STEPS) - 1)].name,
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

    :raise CheckoutBusy: one of them has not ended yet: call again
    """
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


def outcome_of(checkout: str | None, cart_token: str | None) -> Outcome:
    """The state of a checkout of this cart.

    :raise UnknownCheckout: this cart has no such checkout
    """
    return _outcome(_get(checkout, cart_token))


def _outcome(row: Checkout) -> Outcome:
    progress = row.progress
    return Outcome(
        id=CheckoutId(row.id),
        state=CheckoutState(row.state),
        order_id=OrderId(progress["order"]) if row.state == CheckoutState.COMPLETED else None,
        action_url=progress.get("action_url"),
        failure=Failure(progress["failure"]) if "failure" in progress else None,
        detail=progress.get("detail", ""),
        shortages=tuple(Shortage(**shortage) for shortage in progress.get("shortages", ())),
    )
