"""What somebody signs in by, and where they are signed in."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, flash, session, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response

from storefront.accounts import service
from storefront.accounts.service import SignedIn
from storefront.core.contact import is_email
from storefront.core.errors import RetryLater
from storefront.messaging import sms
from storefront.pages.sign_in.forms import CodeForm, ConfirmationForm, EmailForm, PasswordForm, PhoneForm
from storefront.pages.sign_in.views import EXPIRED, WRONG_CODE, show
from storefront.web import rate_limits
from storefront.web import session as web_session
from storefront.web.responses import redirect_or_hx, render_page
from storefront.web.route_options import no_store

bp = no_store(Blueprint("security", __name__, url_prefix="/account/security"))

NEW_ADDRESS = "new-address"  # key of the browser's session: the address a code was sent to

WRONG_PASSWORD = "This is not your password"  # noqa: S105
NOT_THE_OWNER = (service.WrongPassword, service.WrongCode, service.CodeExpired)
KINDS: dict[str, type[EmailForm] | type[PhoneForm]] = {"email": EmailForm, "phone": PhoneForm}


def _me() -> SignedIn:
    person = web_session.current_account()
    if person is None:
        abort(401)
    return person


@bp.get("")
@web_session.sign_in_required
def overview() -> ResponseReturnValue:
    """Password, addresses, second factor, and every sign-in."""
    me = _me()
    return render_page(
        "sign_in/security.html",
        account=me.account,
        sessions=service.sessions_of(me.id, me.reference),
        has_texts=sms.is_available(),
    )


@bp.route("/password", methods=["GET", "POST"])
@web_session.sign_in_required
def password() -> ResponseReturnValue:
    """Choose another password."""
    me, form = _me(), PasswordForm()
    if not form.validate_on_submit():
        return _show("password", form)
    try:
        with rate_limits.limit_sign_in(me.id):
            service.change_password(me.id, form.old.data or "", form.new.data or "", current=me.reference)
    except service.WrongPassword:
        form.old.errors = [WRONG_PASSWORD]
        return _show("password", form)
    except service.WeakPassword as error:
        form.new.errors = [error.reason]
        return _show("password", form)
    return _done("Your password is changed. Everywhere else you are signed out.")


def _show(page: str, form: FlaskForm, *, problem: str = "", later: RetryLater | None = None, **more: Any) -> Response:
    account = _me().account
    proof_address = None if account.has_password else service.reauthentication_address_of(account.id)
    facts = {"account": account, "proof_address": proof_address, **more}
    return show(f"sign_in/security/{page}.html", form, problem=problem, later=later, **facts)


def _explain(form: ConfirmationForm, refusal: Exception) -> None:
    """Say beside its field why it is not taken for the owner's."""
    if isinstance(refusal, service.WrongPassword):
        form.password.errors = [WRONG_PASSWORD]
    else:
        form.code.errors = [EXPIRED if isinstance(refusal, service.CodeExpired) else WRONG_CODE]


@bp.post("/<any(email, phone, codes):part>/proof")
@web_session.sign_in_required
def send_proof(part: str) -> ResponseReturnValue:
    """Send the code that an account without a password is asked for on a page of these."""
    rate_limits.limit_email()
    try:
        address = service.send_reauthentication_code(_me().id)
    except service.TooManyCodes as refusal:
        flash(f"A code was sent a moment ago. Ask again in {refusal.wait}.", "problem")
    except service.NoProvedAddress:
        flash("No code is needed here.", "notice")
    else:
        flash(f"A code is on its way to {address}. It is good for five minutes.", "notice")
    return redirect_or_hx(url_for(".second_factor") if part == "codes" else url_for(".address", kind=part))


def _done(notice: str) -> ResponseReturnValue:
    flash(notice, "notice")
    return redirect_or_hx(url_for(".overview"))


@bp.route("/<any(email, phone):kind>", methods=["GET", "POST"])
@web_session.sign_in_required
def address(kind: str) -> ResponseReturnValue:
    """Another e-mail address or phone number: a code goes there."""
    me, form = _me(), KINDS[kind]()
    if not form.validate_on_submit():
        return _show("address", form, kind=kind)
    rate_limits.limit_email()
    try:
        with rate_limits.limit_sign_in(me.id):
            service.request_contact_change(me.id, form.key, **form.proof)
    except NOT_THE_OWNER as refusal:
        _explain(form, refusal)
        return _show("address", form, kind=kind)
    except service.TooManyCodes as error:
        if session.get(NEW_ADDRESS) != form.key:
            return _show("address", form, kind=kind, later=error)
    session[NEW_ADDRESS] = form.key
    return redirect_or_hx(url_for(".address_code", kind=kind))


@bp.post("/<any(email, phone):kind>/confirmation")
@web_session.sign_in_required
def confirmation(kind: str) -> ResponseReturnValue:
    """Prove the address the account has already: a code goes there."""
    me = _me()
    key = me.account.email if kind == "email" else me.account.phone
    if key is None:
        abort(400)
    rate_limits.limit_email()
    session[NEW_ADDRESS] = key
    return _send(me, kind, key)


def _send(me: SignedIn, kind: str, key: str) -> ResponseReturnValue:
    try:
        service.send_address_code(me.id, key)
    except service.TooManyCodes as error:
        return _show("code", CodeForm(formdata=None), kind=kind, address=key, later=error)
    flash("A code is on its way.", "notice")
    return redirect_or_hx(url_for(".address_code", kind=kind))


def _new_address(kind: str) -> str | None:
    key: str | None = session.get(NEW_ADDRESS)
    return key if key is not None and is_email(key) == (kind == "email") else None


@bp.route("/<any(email, phone):kind>/code", methods=["GET", "POST"])
@web_session.sign_in_required
def address_code(kind: str) -> ResponseReturnValue:
    """The code that was sent to the new address."""
    me, key, form = _me(), _new_address(kind), CodeForm()
    if key is None:
        return redirect_or_hx(url_for(".address", kind=kind))
    if not form.validate_on_submit():
        return _show("code", form, kind=kind, address=key)
    rate_limits.limit_code()
    try:
        service.confirm_contact(me.id, key, form.digits)
    except service.WrongCode:
        return _show("code", form, kind=kind, address=key, problem=WRONG_CODE)
    except service.CodeExpired:
        return _show("code", form, kind=kind, address=key, problem=EXPIRED)
    except (service.EmailTaken, service.PhoneTaken):
        return _show("code", form, kind=kind, address=key, problem="This cannot be yours: an account has it by now.")
    session.pop(NEW_ADDRESS)
    return _done("Your e-mail address is confirmed." if kind == "email" else "Your phone number is confirmed.")


@bp.post("/<any(email, phone):kind>/code/letter")
@web_session.sign_in_required
def address_letter(kind: str) -> ResponseReturnValue:
    """Another code for the same address."""
    me, key = _me(), _new_address(kind)
    if key is None:
        return redirect_or_hx(url_for(".address", kind=kind))
    rate_limits.limit_email()
    return _send(me, kind, key)


@bp.route("/codes", methods=["GET", "POST"])
@web_session.sign_in_required
def second_factor() -> ResponseReturnValue:
    """Ask for a code at every sign-in, or no more."""
    me, form = _me(), ConfirmationForm()
    by = service.second_factor_address(me.id)
    if not form.validate_on_submit():
        return _show("second_factor", form, by=by)
    on = not me.account.mfa_enabled
    try:
        with rate_limits.limit_sign_in(me.id):
            service.set_second_factor(me.id, on=on, **form.proof)
    except NOT_THE_OWNER as refusal:
        _explain(form, refusal)
        return _show("second_factor", form, by=by)
    except service.NoProvedAddress:
        return _show("second_factor", form, by=by, problem="Confirm your e-mail address first: the codes go there.")
    return _done("From now on you are asked for a code as well." if on else "You are not asked for codes any more.")


@bp.post("/sessions/<id:session_id>/end")
@web_session.sign_in_required
def end_session(session_id: int) -> ResponseReturnValue:
    """Sign out another browser."""
    service.end_sessions_of(_me().id, only=session_id)
    return _done("That browser is signed out.")


@bp.post("/sessions/end")
@web_session.sign_in_required
def end_sessions() -> ResponseReturnValue:
    """Sign out everywhere but here."""
    me = _me()
    service.end_sessions_of(me.id, but=me.reference)
    return _done("Everywhere else you are signed out.")
