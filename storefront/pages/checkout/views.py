"""The checkout's four steps, and the page that waits for the payment.

They are plain forms without htmx: a POST answers with a redirect, or with the page again and 422.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from storefront.accounts import service as accounts
from storefront.accounts.values import Account, SavedAddress
from storefront.cart import service as cart
from storefront.cart.values import CartQuote
from storefront.checkout import saved_choices, service
from storefront.checkout.values import (
    CartNotOrderable,
    CartOrdered,
    CheckoutDraft,
    CheckoutState,
    DraftIncomplete,
    KeyReused,
    ReviewChanged,
    UnknownCheckout,
)
from storefront.core.addresses import PostalAddress, UndeliverableAddress
from storefront.orders.service import estimated_delivery_date
from storefront.pages.checkout.forms import ContactForm, DeliveryForm, OwnDeliveryForm, PaymentForm, PlaceOrderForm
from storefront.pages.checkout.outcomes import follow, placing_url, send_to_cart, show_used_before, tell_stranger
from storefront.payments import service as payments
from storefront.payments.values import PaymentOption, PaymentUnavailable
from storefront.web import rate_limits
from storefront.web import session as web_session
from storefront.web.form_fields import AddressFields, PageForm, address_problem_text
from storefront.web.outage_messages import PAYMENT_HINT, payment_unavailable
from storefront.web.responses import render_page
from storefront.web.route_options import no_store
from storefront.web.security_headers import allow_form_targets, limit_requests

bp = no_store(Blueprint("checkout", __name__))

STEPS = ("contact", "delivery", "payment")
POSTAL_FIELDS = "forms/_postal.html"  # the answer to htmx when another country is chosen


class CartEmpty(Exception):
    """There is nothing to check out: the visitor is sent to the cart page."""


class StillPlacing(Exception):
    """An order was placed from this checkout, and the visitor has not seen its outcome: they are sent to its page.

    :ivar args: the checkout's id
    """


@bp.errorhandler(StillPlacing)
def show_placing(error: StillPlacing) -> ResponseReturnValue:
    """Redirect to the page of the order that is being placed."""
    return redirect(placing_url(error.args[0]), 303)


@bp.errorhandler(CartOrdered)
def show_first(error: CartOrdered) -> ResponseReturnValue:
    """Tell the visitor that their cart is ordered already, and show them that order; if it failed, they go on."""
    if error.first.state is CheckoutState.FAILED:
        return redirect(url_for(".review"), 303)
    flash(
        "This cart was ordered already, in another tab or on another device. This is that order: "
        "nothing was ordered a second time.",
        "problem",
    )
    return follow(error.first, leads_to_bank=False)


@bp.errorhandler(CartEmpty)
def show_cart(error: CartEmpty) -> ResponseReturnValue:
    """Redirect to the cart."""
    return redirect(url_for("cart.show"), 303)


@bp.errorhandler(PaymentUnavailable)
def show_payment(error: PaymentUnavailable) -> ResponseReturnValue:
    """Redirect to the step of the payment method, whose provider does not answer; nothing was ordered."""
    flash(payment_unavailable(error.label), "problem")
    return redirect(url_for(".payment"), 303)


@bp.errorhandler(UndeliverableAddress)
def show_delivery(error: UndeliverableAddress) -> ResponseReturnValue:
    """Redirect to the step of the address, which was saved before addresses were checked."""
    flash(f"Check the shipping address. {_problems_of(error)}.", "problem")
    return redirect(url_for(".delivery"), 303)


def _problems_of(error: UndeliverableAddress) -> str:
    return ". ".join(address_problem_text(name, problem, error.country) for name, problem in error.problems.items())


def _quote() -> CartQuote:
    """Quote the visitor's cart.

    :raise CartEmpty: it cannot be ordered as it is
    """
    quote = cart.quote(web_session.cart_token(), checkout=web_session.checkout_id())
    if not quote.can_be_ordered:
        if (token := web_session.cart_token()) and (ahead := service.find_order_under_way(token)):
            raise StillPlacing(ahead)  # its units are reserved for it, not sold out
        if quote.lines:
            flash("Check the items marked in your cart before you order.", "problem")
        raise CartEmpty
    return quote


def _draft() -> CheckoutDraft:
    """The visitor's open checkout. It is started now if there is none, or again after one that failed.

    :raise CartEmpty: there is nothing to check out
    :raise StillPlacing: its order has been placed already
    """
    token = web_session.cart_token()
    if token is None:
        raise CartEmpty
    try:
        outcome = service.outcome_of(web_session.checkout_id(), token)
        draft = service.get_draft(outcome.id, token)
    except UnknownCheckout:
        _quote()  # raises for an empty cart: no checkout is started for it
        draft = service.start(token)
    else:
        if outcome.state is CheckoutState.FAILED:
            draft = service.start(token, like=draft)
        elif outcome.state is not CheckoutState.DRAFT:
            raise StillPlacing(outcome.id)
    web_session.remember_checkout(draft.id)
    return draft


def _redirect_to_next_step(draft: CheckoutDraft) -> ResponseReturnValue:
    return redirect(url_for(f".{draft.missing_step or 'review'}"), 303)


def _may_enter(draft: CheckoutDraft, step: str) -> bool:
    """Whether all steps before this one are filled in."""
    return draft.missing_step is None or STEPS.index(draft.missing_step) >= STEPS.index(step)


@bp.get("/checkout")
def start() -> ResponseReturnValue:
    """Redirect to the first step that is not filled in."""
    draft = _draft()
    _quote()
    return _redirect_to_next_step(draft)


@bp.route("/checkout/contact", methods=["GET", "POST"])
def contact() -> ResponseReturnValue:
    """Ask how to reach the shopper."""
    draft, quote, person = _draft(), _quote(), web_session.current_account()
    known = {"email": person.account.email, "phone": person.account.phone} if person else {}
    form = ContactForm(obj=draft.contact, **known)
    if form.validate_on_submit():
        if form.contact().email != web_session.verified_email():
            rate_limits.limit_order_email(form.contact().email)
        service.enter_contact(draft, form.contact())
        return _redirect_to_next_step(service.get_draft(draft.id, web_session.cart_token()))
    return _show("contact", form, draft, quote, person=person)


@bp.route("/checkout/delivery", methods=["GET", "POST"])
def delivery() -> ResponseReturnValue:
    """Ask for the shipping address."""
    draft, quote, person = _draft(), _quote(), web_session.current_account()
    if not _may_enter(draft, "delivery") or draft.contact is None:
        return _redirect_to_next_step(draft)
    if person is not None:
        return _delivery_with_account(person.account, draft, quote)
    form = DeliveryForm(obj=draft.address)
    if not form.is_changing_country and form.validate_on_submit():
        service.enter_delivery(draft, form.address(draft.contact.phone))
        return _redirect_to_next_step(service.get_draft(draft.id, web_session.cart_token()))
    return _show("delivery", form, draft, quote, fragment=POSTAL_FIELDS, arrives_on=estimated_delivery_date())


def _delivery_with_account(account: Account, draft: CheckoutDraft, quote: CartQuote) -> ResponseReturnValue:
    """Ask a customer with an account: for a saved address, or for another one."""
    book = accounts.addresses_of(account.id)
    chosen = saved_choices.chosen_address(draft, book, account) if book else saved_choices.NEW
    form = OwnDeliveryForm(obj=draft.address if chosen == saved_choices.NEW else None, saved=chosen)
    form.saved.choices = [*((str(one.id), one.where.line1) for one in book), (saved_choices.NEW, "Another address")]
    if not form.is_changing_country and form.validate_on_submit():
        address = _address_chosen(form, book, account, draft)
        try:
            if address is not None:
                service.enter_delivery(draft, address)
                return _redirect_to_next_step(service.get_draft(draft.id, web_session.cart_token()))
        except UndeliverableAddress as refused:
            form.saved.errors = [
                f"{_problems_of(refused)}. Correct it in your address book, or enter the address below"
            ]
    arrives_on = estimated_delivery_date()
    return _show("delivery", form, draft, quote, fragment=POSTAL_FIELDS, arrives_on=arrives_on, book=book)


def _address_chosen(
    form: OwnDeliveryForm, book: Sequence[SavedAddress], account: Account, draft: CheckoutDraft
) -> PostalAddress | None:
    """The address chosen; None, with an error on the form, for a saved address without a name."""
    phone = draft.contact.phone if draft.contact else ""
    saved = next((one for one in book if str(one.id) == form.saved.data), None)
    if saved is None:
        address = form.address(phone)
        if form.keep.data and not saved_choices.keep_address(account.id, address):
            flash(
                "Your address book is full, so this address was not saved. It is still used for this order.", "problem"
            )
        return address
    address = saved_choices.delivery_to(saved, account, phone)
    if address.full_name:
        return address
    form.saved.errors = ["This address has no name. Add one in your address book, or enter the address below"]
    return None


@bp.route("/checkout/payment", methods=["GET", "POST"])
def payment() -> ResponseReturnValue:
    """Ask for the payment method."""
    draft, quote, person = _draft(), _quote(), web_session.current_account()
    if not _may_enter(draft, "payment"):
        return _redirect_to_next_step(draft)
    offered = payments.options()
    saved = accounts.methods_of(person.id) if person else []
    usable = saved_choices.usable_methods(saved, offered)
    chosen = saved_choices.chosen_method(draft, saved)
    beside = {"upi": "upi_id", "bnpl": "lender"}.get(chosen or "")
    form = PaymentForm(option=chosen, **({beside: draft.payment_entry} if beside else {}))
    form.option.choices = [
        *((saved_choices.code_of(method), method.label) for method in usable),
        *((option.code, option.label) for option in offered),
    ]
    unavailable = payments.unavailable_options()
    if form.validate_on_submit() and _is_usable(form, offered, unavailable):
        method = saved_choices.find_chosen(form.option.data, usable)
        if method:
            service.enter_payment(draft, method.kind, method.details, saved=method.id)
        else:
            service.enter_payment(draft, form.option.data, form.entry())
        return redirect(url_for(".review"), 303)
    has_card = any(method.kind == "card" for method in saved)
    return _show(
        "payment",
        form,
        draft,
        quote,
        options=offered,
        saved_methods=usable,
        has_card=has_card,
        unavailable=unavailable,
        unavailable_hint=PAYMENT_HINT,
    )


def _is_usable(form: PaymentForm, offered: Sequence[PaymentOption], unavailable: frozenset[str]) -> bool:
    """Whether the provider of the option chosen answers; if not, the form says so."""
    chosen = next((option for option in offered if option.code == form.option.data), None)
    if chosen is None or chosen.code not in unavailable:
        return True
    form.option.errors = [payment_unavailable(chosen.label)]
    return False


def _show(step: str, form: PageForm, draft: CheckoutDraft, quote: CartQuote, **context: Any) -> ResponseReturnValue:
    is_refused = request.method == "POST" and not (isinstance(form, AddressFields) and form.is_changing_country)
    status = 422 if is_refused else 200
    return render_page(
        f"checkout/{step}.html", status=status, form=form, draft=draft, quote=quote, step=step, **context
    )


@bp.route("/checkout/review", methods=["GET", "POST"])
@limit_requests("30/minute", methods=["POST"])
def review() -> ResponseReturnValue:
    """Show the whole order, with the button that places it."""
    if request.method == "POST":
        return _place_order()
    return _review("")


def _review(problem: str) -> ResponseReturnValue:
    draft, quote = _draft(), _quote()
    try:
        review = service.review_of(draft, quote, web_session.current_user_id())
    except DraftIncomplete as incomplete:
        return redirect(url_for(f".{incomplete.step}"), 303)
    payments.check_available(review.payment)
    form = PlaceOrderForm(formdata=None, key=draft.id, agreed=review.fingerprint)
    page = render_page(
        "checkout/review.html",
        status=409 if problem else 200,
        form=form,
        review=review,
        draft=review,
        step="review",
        problem=problem,
    )
    allow_form_targets(page, payments.page_origins())
    return page


def _place_order() -> ResponseReturnValue:
    form = PlaceOrderForm()
    token = web_session.cart_token()
    if not form.validate() or token is None:
        return redirect(url_for(".start"), 303)
    try:
        outcome = service.place_order(str(form.key.data), token, agreed=str(form.agreed.data), return_url=placing_url)
    except DraftIncomplete as incomplete:
        return redirect(url_for(f".{incomplete.step}"), 303)
    except CartNotOrderable as refusal:
        return send_to_cart(refusal.shortages)
    except ReviewChanged as change:
        return _review(_changed(change.parts))
    except KeyReused as reuse:
        return show_used_before(service.outcome_of(reuse.key, token))
    return follow(outcome)


def _changed(parts: Sequence[str]) -> str:
    """Say what is not as it was when the page was opened."""
    subject = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
    return f"Changed since you opened the page: {subject}. Check what is shown now, then place the order."


@bp.get("/checkout/placing/<checkout_id>")
def placing(checkout_id: str) -> ResponseReturnValue:
    """Resume a checkout; providers send customers back here, and the page of a slow payment refreshes itself.

    They may come back in another browser, or signed out: then the page says what came of the payment, and no more.
    """
    before, outcome = service.outcome_of_any(checkout_id), service.try_again(checkout_id)
    try:
        service.outcome_of(checkout_id, web_session.cart_token())
    except UnknownCheckout:
        if before.state != outcome.state:
            return redirect(placing_url(checkout_id), 303)  # the work is done; the page only tells of it
        return tell_stranger(outcome)
    return follow(outcome, is_asked_again=True)


@bp.post("/checkout/placing/<checkout_id>/cancellation")
def abandon(checkout_id: str) -> ResponseReturnValue:
    """Undo a checkout whose payment the shopper will not confirm, so that they can choose another method."""
    service.outcome_of(checkout_id, web_session.cart_token())  # 404 unless it is this visitor's
    service.abandon(checkout_id)
    return redirect(placing_url(checkout_id), 303)  # a page that refreshes itself must not answer a POST
