"""The sandbox provider's own page; it exists only where the sandbox is the provider."""

from __future__ import annotations

from flask import Blueprint, abort, current_app, redirect
from flask.typing import ResponseReturnValue

from storefront.payments import sandbox as provider
from storefront.payments.forms import SandboxDecisionForm
from storefront.payments.values import UnknownPayment
from storefront.responses import render_page

bp = Blueprint("payments", __name__)


@bp.route("/payments/sandbox/<reference>", methods=["GET", "POST"])
def sandbox(reference: str) -> ResponseReturnValue:
    """The customer confirms or declines, and goes back to the shop."""
    if current_app.config["PAYMENT_PROVIDER"] != "sandbox":
        abort(404)
    try:
        amount, return_url = provider.find_waiting(reference)
    except UnknownPayment:
        abort(404)
    form = SandboxDecisionForm()
    if form.validate_on_submit():
        provider.decide(reference, approve=form.decision.data == "approve")
        return redirect(return_url, 303)
    return render_page("payments/sandbox.html", amount=amount, reference=reference, form=form)
