"""Privacy pages: export of an account's data, and deletion of the account."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from datetime import date
from typing import Any

from flask import Response, current_app, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from storefront.accounts import service as accounts
from storefront.accounts.values import Account, CodeExpired, LastAdmin, NoProvedAddress, WrongCode, WrongPassword
from storefront.catalog import reviews
from storefront.core.clock import utc_now
from storefront.core.errors import RetryLater
from storefront.core.money import Money
from storefront.orders import service as orders
from storefront.orders.refund_values import BackLine, RefundView, ReturnView
from storefront.pages.account.forms import CodeReauthenticationForm, PasswordReauthenticationForm
from storefront.pages.account.views import bp, person
from storefront.web import rate_limits
from storefront.web import session as web_session
from storefront.web.responses import render_page
from storefront.web.security_headers import limit_requests


@bp.get("/account/data")
@web_session.sign_in_required
def data() -> ResponseReturnValue:
    """Show the links to the data export and to the deletion of the account."""
    return render_page("account/data.html")


@bp.get("/account/data.json")
@limit_requests("10/minute")
@web_session.sign_in_required
def export() -> ResponseReturnValue:
    """Download all data of an account from every domain, as JSON."""
    user = person().id
    exported = {
        "shop": current_app.config["SHOP_NAME"],
        "exported_at": utc_now(),
        **accounts.export_of(user),
        "wishlist": accounts.items_of(user),
        "reviews": [{"product": name, "review": review} for name, review in reviews.reviews_by(user)],
        "orders": orders.export_of(user),
        "returns": [_return(view) for view in orders.returns_by(user)],
        "refunds": [_refund(refund) for refund in orders.refunds_to(user)],
    }
    text = json.dumps(exported, default=_as_json, ensure_ascii=False, indent=2)
    response = Response(text + "\n", mimetype="application/json")
    response.headers["Content-Disposition"] = f"attachment; filename=account-{user}.json"
    return response


def _return(view: ReturnView) -> dict[str, Any]:
    return {
        "number": view.id,
        "order": view.order_id,
        "goods": _items(view.lines),
        "reason": view.reason,
        "note": view.note,
        "requested_at": view.requested_at,
        "state": view.state,
        "answer": view.answer,
        "decided_at": view.decided_at,
    }


def _refund(refund: RefundView) -> dict[str, Any]:
    """A refund without the staff's internal data: who made it, and the reason they recorded."""
    return {
        "order": refund.order_id,
        "amount": refund.amount,
        "goods": _items(refund.lines),
        "with_delivery": refund.is_with_shipping,
        "return": refund.returned,
        "given_at": refund.created_at,
    }


def _items(lines: Sequence[BackLine]) -> list[dict[str, Any]]:
    return [
        {"sku": line.item.sku, "name": line.item.name, "option": line.item.option, "quantity": line.quantity}
        for line in lines
    ]


def _as_json(value: Any) -> Any:
    """Serialise what JSON has no type for: dates in ISO 8601, money as a decimal string with its currency."""
    if isinstance(value, Money):
        return {"amount": str(value.amount), "currency": value.currency}
    if isinstance(value, date):
        return value.isoformat()
    if is_dataclass(value):
        return {part.name: getattr(value, part.name) for part in fields(value)}
    return str(value)


@bp.route("/account/deletion", methods=["GET", "POST"])
@limit_requests("10/minute", methods=["POST"])
@web_session.sign_in_required
def deletion() -> ResponseReturnValue:
    """Delete the account after reauthentication by password or code."""
    account = person().account
    form = PasswordReauthenticationForm() if account.has_password else CodeReauthenticationForm()
    if form.validate_on_submit() and _delete(account, form):
        web_session.sign_out()
        flash("Your account is deleted. We keep your orders, as the law requires.", "notice")
        return redirect(url_for("catalog.home"), 303)
    status = 422 if request.method == "POST" else 200
    return render_page("account/deletion.html", status=status, form=form, account=account)


def _delete(account: Account, form: PasswordReauthenticationForm | CodeReauthenticationForm) -> bool:
    """Delete the account if the form's password or code is right, else put the errors on the form.

    :return: whether it was deleted
    """
    try:
        if isinstance(form, PasswordReauthenticationForm):
            with rate_limits.limit_sign_in(account.id):
                accounts.delete_account(account.id, password=form.password.data or "")
        else:
            rate_limits.limit_code()
            accounts.delete_account(account.id, code=form.code.data or "")
    except WrongPassword:
        form["password"].errors = ["The password is wrong. Your account was not deleted"]
    except CodeExpired:
        form["code"].errors = ["The code has expired. Request a new one"]
    except WrongCode:
        form["code"].errors = ["This is not the code we sent, or there were too many attempts"]
    except LastAdmin:
        field = "password" if isinstance(form, PasswordReauthenticationForm) else "code"
        form[field].errors = ["You are the only admin of the shop. Make somebody else an admin first"]
    else:
        return True
    return False


@bp.post("/account/deletion/code")
@limit_requests("5/minute")
@web_session.sign_in_required
def send_deletion_code() -> ResponseReturnValue:
    """Send the code that confirms the deletion of an account without a password."""
    try:
        rate_limits.limit_email()
        address = accounts.send_deletion_code(person().id)
    except RetryLater as error:
        flash(f"We have just sent a code. You can request another in {error.wait}.", "problem")
    except NoProvedAddress:
        flash("We have no address to send a code to. Add an e-mail address first.", "problem")
    else:
        flash(f"We sent a code to {address}. It is valid for five minutes.", "notice")
    return redirect(url_for(".deletion"), 303)
