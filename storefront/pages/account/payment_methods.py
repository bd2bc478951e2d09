"""The saved ways to pay."""

from __future__ import annotations

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from storefront.accounts import service as accounts
from storefront.pages.account.forms import MethodForm
from storefront.pages.account.views import bp, person
from storefront.web import session as web_session
from storefront.web.responses import render_page


@bp.route("/account/payment-methods", methods=["GET", "POST"])
@web_session.sign_in_required
def methods() -> ResponseReturnValue:
    """Every way to pay that is kept, and a form for one more."""
    me = person()
    form = MethodForm()
    if form.validate_on_submit():
        try:
            accounts.add_method(me.id, *form.method())
        except accounts.TooManyMethods:
            form.form_errors = ["So many ways to pay cannot be kept. Delete one first"]
        else:
            flash("It is saved, and offered at the checkout from now on.", "notice")
            return redirect(url_for(".methods"), 303)
    refused = 422 if request.method == "POST" else 200
    return render_page("account/methods.html", status=refused, methods=accounts.methods_of(me.id), form=form)


@bp.post("/account/payment-methods/<id:method_id>/default")
@web_session.sign_in_required
def default_method(method_id: int) -> ResponseReturnValue:
    """Make it the one that is offered first."""
    accounts.set_default_method(person().id, method_id)
    flash("Your default way to pay is changed.", "notice")
    return redirect(url_for(".methods"), 303)


@bp.post("/account/payment-methods/<id:method_id>/removal")
@web_session.sign_in_required
def remove_method(method_id: int) -> ResponseReturnValue:
    """Forget it."""
    accounts.remove_method(person().id, method_id)
    flash("It is deleted. Orders paid by it are not changed.", "notice")
    return redirect(url_for(".methods"), 303)
