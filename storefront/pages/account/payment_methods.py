"""Page of the saved payment methods."""

from __future__ import annotations

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from storefront.accounts import service as accounts
from storefront.accounts.values import TooManyMethods
from storefront.pages.account.forms import MethodForm
from storefront.pages.account.views import bp, person
from storefront.web import session as web_session
from storefront.web.responses import render_page


@bp.route("/account/payment-methods", methods=["GET", "POST"])
@web_session.sign_in_required
def methods() -> ResponseReturnValue:
    """List the saved payment methods and add another."""
    user = person().id
    form = MethodForm()
    if form.validate_on_submit():
        try:
            accounts.add_method(user, *form.method())
        except TooManyMethods:
            form.form_errors = ["You cannot save more payment methods. Delete one to add another"]
        else:
            flash("Payment method saved. You can choose it at checkout.", "notice")
            return redirect(url_for(".methods"), 303)
    status = 422 if request.method == "POST" else 200
    return render_page("account/methods.html", status=status, methods=accounts.methods_of(user), form=form)


@bp.post("/account/payment-methods/<id:method_id>/default")
@web_session.sign_in_required
def default_method(method_id: int) -> ResponseReturnValue:
    """Make a payment method the default."""
    accounts.set_default_method(person().id, method_id)
    flash("Default payment method updated.", "notice")
    return redirect(url_for(".methods"), 303)


@bp.post("/account/payment-methods/<id:method_id>/removal")
@web_session.sign_in_required
def remove_method(method_id: int) -> ResponseReturnValue:
    """Delete a payment method."""
    accounts.remove_method(person().id, method_id)
    flash("Payment method deleted. Your past orders do not change.", "notice")
    return redirect(url_for(".methods"), 303)
