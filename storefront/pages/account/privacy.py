"""One's data as a file, and the end of an account."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from datetime import date
from typing import Any

from flask import Response, current_app, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from storefront.accounts import service as accounts
from storefront.accounts.service import Account
from storefront.catalog import service as catalog
from storefront.core.clock import utc_now
from storefront.core.errors import RetryLater
from storefront.core.money import Money
from storefront.orders import service as orders
from storefront.orders.service import BackLine, RefundView, ReturnView
from storefront.pages.account.forms import CodeReauthenticationForm, PasswordReauthenticationForm
from storefront.pages.account.views import bp, person
from storefront.web import rate_limits
from storefront.web import session as web_session
from storefront.web.responses import render_page
from storefront.web.security_headers import limiter


@bp.get("/account/data")
@web_session.sign_in_required
def data() -> ResponseReturnValue:
    """What the shop knows, to be downloaded, and how to have it deleted."""
    return render_page("account/data.html")


@bp.get("/account/data.json")
@limiter.limit("10/minute")
@web_session.sign_in_required
def export() -> ResponseReturnValue:
    """Everything the shop knows of an account, as a file that people and programs can read."""
    user = person().id
    known = {
        "shop": current_app.config["SHOP_NAME"],
        "exported_at": utc_now(),
        **accounts.export_of(user),
        "wishlist": accounts.items_of(user),
        "reviews": [{"product": name, "review": review} for name, review in catalog.reviews_by(user)],
        "orders": orders.export_of(user),
        "returns": [_return(asked) for asked in orders.returns_by(user)],
        "refunds": [_refund(refund) for refund in orders.refunds_to(user)],
    }
    text = json.dumps(known, default=_as_json, ensure_ascii=False, indent=2)
    response = Response(text + "\n", mimetype="application/json")
    response.headers["Content-Disposition"] = f"attachment; filename=account-{user}.json"
    return response


def _return(asked: ReturnView) -> dict[str, Any]:
    return {
        "number": asked.id,
        "order": asked.order_id,
        "goods": _goods(asked.lines),
        "reason": asked.reason,
        "note": asked.note,
        "requested_at": asked.requested_at,
        "state": asked.state,
        "answer": asked.answer,
        "decided_at": asked.decided_at,
    }


def _refund(refund: RefundView) -> dict[str, Any]:
    """Without what is ours: who of the staff gave it, and the reason they noted for themselves."""
    return {
        "order": refund.order_id,
        "amount": refund.amount,
        "goods": _goods(refund.lines),
        "with_delivery": refund.is_with_shipping,
        "return": refund.returned,
        "given_at": refund.created_at,
    }


def _goods(lines: Sequence[BackLine]) -> list[dict[str, Any]]:
    return [
        {"sku": line.item.sku, "name": line.item.name, "option": line.item.option, "quantity": line.quantity}
        for line in lines
    ]


def _as_json(value: Any) -> Any:
    """What JSON does not know by itself: moments in ISO 8601, amounts as text with their currency."""
    if isinstance(value, Money):
        return {"amount": str(value.amount), "currency": value.currency}
    if isinstance(value, date):
        return value.isoformat()
    if is_dataclass(value):
        return {part.name: getattr(value, part.name) for part in fields(value)}
    return str(value)


@bp.route("/account/deletion", methods=["GET", "POST"])
@limiter.limit("10/minute", methods=["POST"])
@web_session.sign_in_required
def deletion() -> ResponseReturnValue:
    """Delete the account, once its owner proved to be who asks."""
    account = person().account
    form = PasswordReauthenticationForm() if account.has_password else CodeReauthenticationForm()
    if form.validate_on_submit() and _is_deleted(account, form):
        web_session.sign_out()
        flash("Your account is deleted. Your orders stay in our books, as the law asks.", "notice")
        return redirect(url_for("catalog.home"), 303)
    refused = 422 if request.method == "POST" else 200
    return render_page("account/deletion.html", status=refused, form=form, account=account)


def _is_deleted(account: Account, form: PasswordReauthenticationForm | CodeReauthenticationForm) -> bool:
    try:
        if isinstance(form, PasswordReauthenticationForm):
            with rate_limits.limit_sign_in(account.id):
                accounts.delete_account(account.id, password=form.password.data or "")
        else:
            rate_limits.limit_code()
            accounts.delete_account(account.id, code=form.code.data or "")
    except accounts.WrongPassword:
        form["password"].errors = ["This is not your password. Nothing was deleted"]
    except accounts.CodeExpired:
        form["code"].errors = ["The code is too old: ask for a new one"]
    except accounts.WrongCode:
        form["code"].errors = ["This is not the code we sent, or it was tried too often"]
    except accounts.LastAdmin:
        proof = "password" if isinstance(form, PasswordReauthenticationForm) else "code"
        form[proof].errors = ["You are the last admin of the shop: make somebody else one first. Nothing was deleted"]
    else:
        return True
    return False


@bp.post("/account/deletion/code")
@limiter.limit("5/minute")
@web_session.sign_in_required
def send_deletion_code() -> ResponseReturnValue:
    """Send the code to an account that has no password."""
    try:
        rate_limits.limit_email()
        address = accounts.send_deletion_code(person().id)
    except RetryLater as refusal:
        flash(f"A code was sent a moment ago. Ask again in {refusal.wait}.", "problem")
    except accounts.NoProvedAddress:
        flash("There is no address a code could be sent to. Add an e-mail address first.", "problem")
    else:
        flash(f"A code is on its way to {address}. It is good for five minutes.", "notice")
    return redirect(url_for(".deletion"), 303)
