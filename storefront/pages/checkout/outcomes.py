"""What a checkout leads to once its order was placed, waits, or failed."""

from __future__ import annotations

from collections.abc import Sequence

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue

from storefront.checkout.values import CheckoutState, Failure, Outcome, Shortage, UnknownCheckout
from storefront.web import session as web_session
from storefront.web.responses import render_page

REFRESH_SECONDS = 3  # of the page that waits for a payment
REFRESH_SECONDS_WITH_BANK = 30  # while the customer must confirm the payment at their bank


def placing_url(checkout: str) -> str:
    return url_for("checkout.placing", checkout_id=checkout)


def follow(outcome: Outcome, *, leads_to_bank: bool = True, is_asked_again: bool = False) -> ResponseReturnValue:
    """Answer with the page for the checkout's state.

    :param leads_to_bank: whether a payment to confirm leads to the provider at once
    :param is_asked_again: the visitor is on the waiting page already: show it, and do not send them away again
    """
    if outcome.order_id is not None:
        if web_session.current_account() is None:
            web_session.remember_order(outcome.order_id)
        if web_session.checkout_id() == outcome.id:  # it may be an older one
            web_session.remember_checkout(None)
        return redirect(url_for("orders.order", order_id=outcome.order_id, new=1), 303)
    if outcome.state is CheckoutState.FAILED:
        return _failed(outcome)
    if outcome.state is CheckoutState.DRAFT:  # the database did not say whether the order was stored; it was not
        flash("The order was not placed, and nothing was charged. Check it, then place it again.", "problem")
        return redirect(url_for("checkout.review"), 303)
    if not is_asked_again:
        is_at_bank = leads_to_bank and outcome.state is CheckoutState.WAITING
        return redirect((is_at_bank and outcome.action_url) or placing_url(outcome.id), 303)
    page = render_page("checkout/placing.html", outcome=outcome)
    is_with_bank = outcome.state is CheckoutState.WAITING
    page.headers["Refresh"] = str(REFRESH_SECONDS_WITH_BANK if is_with_bank else REFRESH_SECONDS)
    return page


def _failed(outcome: Outcome) -> ResponseReturnValue:
    """Say why the order failed and send the shopper back to the step where they can try again."""
    if outcome.failure is Failure.SOLD_OUT:
        return send_to_cart(outcome.shortages)
    if outcome.failure is Failure.ALREADY_ORDERED:
        flash(f"{outcome.detail}. Nothing was ordered a second time, and nothing was charged.", "problem")
        return redirect(url_for("cart.show"), 303)
    flash(
        f"{outcome.detail}. Nothing was charged and your cart is kept: try again or pay another way.",
        "problem",
    )
    return redirect(url_for("checkout.payment"), 303)


def send_to_cart(shortages: Sequence[Shortage]) -> ResponseReturnValue:
    """Redirect to the cart, whose page marks the lines that are short.

    :param shortages: products that are short; none for an empty cart
    """
    if shortages:
        sold_out = ", ".join(shortage.name for shortage in shortages if not shortage.left)
        sentences = [f"{sold_out}: sold out a moment ago."] if sold_out else []
        sentences += [f"Only {shortage.left} left of {shortage.name}." for shortage in shortages if shortage.left]
        message = " ".join([*sentences, "Nothing was charged; your cart is kept."])
    else:
        message = "Your cart changed during checkout. No order was placed."
    flash(message, "problem")
    return redirect(url_for("cart.show"), 303)


def show_used_before(outcome: Outcome) -> ResponseReturnValue:
    """Refuse a form that has placed an order with other contents, and lead to that order."""
    return render_page(
        "errors/error.html",
        status=422,
        code=422,
        title="Already ordered",
        message="An order was placed from this page before, with other contents. Nothing was ordered again.",
        action_url=placing_url(outcome.id),
        action_label="See the order",
        is_error=True,
    )


def tell_stranger(outcome: Outcome) -> ResponseReturnValue:
    """Say what came of a payment to a visitor of whom we do not know that it is theirs: nothing personal.

    :raise UnknownCheckout: nothing was placed
    """
    if outcome.state is CheckoutState.DRAFT:
        raise UnknownCheckout(outcome.id)
    page = render_page("checkout/returned.html", outcome=outcome)
    if outcome.is_unfinished:
        page.headers["Refresh"] = str(REFRESH_SECONDS_WITH_BANK)
    return page
