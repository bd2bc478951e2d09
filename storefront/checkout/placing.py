"""Placing an order from the checkout's pages: what the shopper reviewed is ordered, once."""

from __future__ import annotations

from collections.abc import Callable

from storefront.cart import service as cart
from storefront.checkout import approval, duplicates, opening, runs
from storefront.checkout import snapshot as plans
from storefront.checkout.duplicates import Guard
from storefront.checkout.models import Checkout
from storefront.checkout.opening import CartTaken, Opening, OpeningUnknown
from storefront.checkout.review import content_agreed, review_of
from storefront.checkout.snapshot import PlacedOrder
from storefront.checkout.values import (
    CartNotOrderable,
    CartOrdered,
    CheckoutState,
    DraftIncomplete,
    Failure,
    KeyReused,
    Outcome,
    ReviewChanged,
    UnknownCheckout,
)
from storefront.db.session import read_session
from storefront.payments import service as payments
from storefront.payments.values import PaymentUnavailable


def place_order(checkout: str, cart_token: str, *, agreed: str, return_url: Callable[[str], str]) -> Outcome:
    """Order what the shopper reviewed, once: a repeat returns the outcome of the same order.

    Once its record is committed the order is under way: an error after that is retried, and not raised.

    :param checkout: id of the draft; it is the idempotency key
    :param agreed: `Review.fingerprint` of what the shopper saw
    :param return_url: makes the URL, by the checkout's id, to which a payment provider sends the customer back
    :raise UnknownCheckout: this cart has no such checkout
    :raise DraftIncomplete: a step was skipped
    :raise CartNotOrderable: the cart is empty, or a line of it is not available in its quantity
    :raise CartOrdered: another checkout has ordered this cart, or is about to
    :raise ReviewChanged: the order differs from `agreed`
    :raise PaymentUnavailable: the payment provider does not answer: nothing was begun
    :raise KeyReused: this checkout has ordered something else
    """
    row = runs.get_row(checkout, cart_token)
    if row.state == CheckoutState.DRAFT:
        try:
            if _open(row, cart_token, agreed, return_url(checkout)):
                return _first_come(runs.run_on(checkout), cart_token)
        except OpeningUnknown:
            return runs.under_way(checkout)
        except (CartNotOrderable, CartTaken, PaymentUnavailable, ReviewChanged) as refusal:
            _explain(refusal, checkout, cart_token, agreed)
        row = runs.get_row(checkout, cart_token)
    if row.progress["agreed"] != agreed:
        raise KeyReused(checkout)
    return _first_come(runs.run_on(checkout), cart_token)


def _open(row: Checkout, cart_token: str, agreed: str, return_url: str) -> bool:
    """Begin the order of a draft.

    :return: whether this request began it, and not another one of a double click
    """
    draft = plans.load_draft(row.id, row.draft)
    if missing := draft.missing_step:
        raise DraftIncomplete(missing)
    quote, customer = cart.quote(cart_token), cart.account_of(cart_token)
    if not quote.can_be_ordered:
        raise CartNotOrderable(plans.shortages_of(quote))
    review = review_of(draft, quote, customer)
    if review.fingerprint != agreed:
        raise ReviewChanged(review.changes_since(agreed))
    payments.check_available(review.payment)
    placed = PlacedOrder(
        review.snapshot,
        review.payment,
        return_url,
        cart_content=review.cart_content,
        needs_approval=approval.needs_approval(review.snapshot, review.payment),
    )
    guards = []
    if customer is not None:  # whose old client may send the same goods
        key = duplicates.key_of(cart_token, placed.units_by_product)
        guards.append(Guard(key, review.snapshot.grand_total.minor, is_of_pages=True))
    return opening.open_draft(Opening(row.id, cart_token, placed, agreed), guards)


def _explain(refusal: Exception, checkout: str, cart_token: str, agreed: str) -> None:
    """Raise why an order was refused. Its units may be short, or its cart empty, because it was placed already.

    Returns if this checkout has placed it: the other request of a double click.

    :raise CartOrdered: another checkout has taken the cart
    """
    read_session().rollback()  # ends the snapshot: the next read sees the current state
    if runs.get_row(checkout, cart_token).state != CheckoutState.DRAFT:
        return
    holder = refusal.checkout if isinstance(refusal, CartTaken) else opening.find_holder(content_agreed(agreed))
    if holder is not None:
        try:
            first = runs.outcome_of(holder, cart_token)
        except UnknownCheckout:  # it went along to the account that its guest signed in to
            raise CartNotOrderable(()) from refusal
        raise CartOrdered(first) from refusal
    raise refusal


def _first_come(outcome: Outcome, cart_token: str) -> Outcome:
    """Return the outcome, unless this checkout came too late.

    :raise CartOrdered: another one had ordered the cart
    """
    if outcome.failure is Failure.ALREADY_ORDERED and outcome.first is not None:
        raise CartOrdered(runs.outcome_of(outcome.first, cart_token))
    return outcome
