"""Routes for payment providers: Stripe's webhook, and the sandbox bank's page."""

from __future__ import annotations

import logging

from flask import Blueprint, abort, current_app, redirect, request
from flask.typing import ResponseReturnValue

from storefront.pages.payments.forms import SandboxDecisionForm
from storefront.payments import sandbox as provider
from storefront.payments import service
from storefront.payments.values import InvalidSignature
from storefront.web.responses import render_page
from storefront.web.route_options import no_store
from storefront.web.security_headers import csrf

logger = logging.getLogger(__name__)

bp = no_store(Blueprint("payments", __name__))


@bp.post("/payments/stripe/webhook")
def stripe_webhook() -> ResponseReturnValue:
    """Receive an event of Stripe. Any 2xx response stops Stripe from repeating it."""
    if current_app.config["PAYMENT_PROVIDER"] != "stripe":
        abort(404)
    from storefront.payments.stripe import read_webhook  # imported late: its library is large

    try:
        event = read_webhook(request.get_data(), request.headers.get("Stripe-Signature", ""))
    except InvalidSignature as error:
        logger.warning("a Stripe webhook was refused: %s", error)
        abort(400)
    if event is not None:
        service.record_webhook(event)
    return "", 200


csrf.exempt(stripe_webhook)  # the signature replaces the form token


@bp.route("/payments/sandbox/<reference>", methods=["GET", "POST"])
def sandbox(reference: str) -> ResponseReturnValue:
    """Let the customer approve or decline a sandbox payment, and send them back to the shop."""
    if current_app.config["PAYMENT_PROVIDER"] != "sandbox":
        abort(404)
    amount, return_url = provider.find_waiting(reference)
    form = SandboxDecisionForm()
    if form.validate_on_submit():
        provider.decide(reference, approve=form.decision.data == "approve")
        return redirect(return_url, 303)
    return render_page("payments/sandbox.html", amount=amount, reference=reference, form=form)
