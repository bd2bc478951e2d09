"""Security settings: password, e-mail address, phone number, second factor and active sessions."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, flash, session, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from storefront.accounts import service
from storefront.accounts.values import (
    CodeExpired,
    EmailTaken,
    NoProvedAddress,
    PhoneTaken,
    SignedIn,
    TooManyCodes,
    WeakPassword,
    WrongCode,
    WrongPassword,
)
from storefront.core.contact import is_email
from storefront.core.errors import RetryLater
from storefront.messaging import sms
from storefront.pages.sign_in.forms import CodeForm, ConfirmationForm, EmailForm, PasswordForm, PhoneForm
from storefront.pages.sign_in.views import EXPIRED, WRONG_CODE, show
from storefront.web import rate_limits
from storefront.web import session as web_session
from storefront.web.form_fields import PageForm
from storefront.web.responses import redirect_or_hx, render_page
from storefront.web.route_options import no_store

bp = no_store(Blueprint("security", __name__, url_prefix="/account/security"))

NEW_ADDRESS = "new-address"  # session key of the address that a code was sent to

WRONG_PASSWORD = "The password is wrong"  # noqa: S105
REAUTHENTICATION_ERRORS = (WrongPassword, WrongCode, CodeExpired)
KINDS: dict[str, type[EmailForm] | type[PhoneForm]] = {"email": EmailForm, "phone": PhoneForm}


def _me() -> SignedIn:
    person = web_session.current_account()
    if person is None:
        abort(401)
    return person


@bp.get("")
@web_session.sign_in_required
def overview() -> ResponseReturnValue:
    """Show the security settings and the active sessions."""
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
    """Change the password."""
    me, form = _me(), PasswordForm()
    if not form.validate_on_submit():
        return _show("password", form)
    try:
        with rate_limits.limit_sign_in(me.id):
            reference = service.change_password(me.id, form.old.data or "", form.new.data or "", current=me.reference)
    except WrongPassword:
        form.old.errors = [WRONG_PASSWORD]
        return _show("password", form)
    except WeakPassword as error:
        form.new.errors = [error.reason]
        return _show("password", form)
    web_session.go_on_as(reference)
    return _done("Password changed. You are signed out on all other devices.")


def _show(page: str, form: PageForm, *, problem: str = "", later: RetryLater | None = None, **more: Any) -> Response:
    account = _me().account
    reauthentication_address = None if account.has_password else service.reauthentication_address_of(account.id)
    context = {"account": account, "reauthentication_address": reauthentication_address, **more}
    return show(f"sign_in/security/{page}.html", form, problem=problem, later=later, **context)


def _show_reauthentication_error(form: ConfirmationForm, error: Exception) -> None:
    if isinstance(error, WrongPassword):
        form.password.errors = [WRONG_PASSWORD]
    else:
        form.code.errors = [EXPIRED if isinstance(error, CodeExpired) else WRONG_CODE]


@bp.post("/<any(email, phone, codes):part>/proof")
@web_session.sign_in_required
def send_reauthentication_code(part: str) -> ResponseReturnValue:
    """Send the reauthentication code for a settings page, to an account without a password."""
    rate_limits.limit_email()
    try:
        address = service.send_reauthentication_code(_me().id)
    except TooManyCodes as error:
        flash(f"We have just sent a code. You can request another in {error.wait}.", "problem")
    except NoProvedAddress:
        flash("You do not need a code here.", "notice")
    else:
        flash(f"We sent a code to {address}. It is valid for five minutes.", "notice")
    return redirect_or_hx(url_for(".second_factor") if part == "codes" else url_for(".address", kind=part))


def _done(notice: str) -> ResponseReturnValue:
    flash(notice, "notice")
    return redirect_or_hx(url_for(".overview"))


@bp.route("/<any(email, phone):kind>", methods=["GET", "POST"])
@web_session.sign_in_required
def address(kind: str) -> ResponseReturnValue:
    """Change the e-mail address or phone number: send a code to the new one."""
    me, form = _me(), KINDS[kind]()
    if not form.validate_on_submit():
        return _show("address", form, kind=kind)
    rate_limits.limit_email()
    try:
        with rate_limits.limit_sign_in(me.id):
            service.request_contact_change(me.id, form.key, **form.reauthentication)
    except REAUTHENTICATION_ERRORS as error:
        _show_reauthentication_error(form, error)
        return _show("address", form, kind=kind)
    except TooManyCodes as error:
        if session.get(NEW_ADDRESS) != form.key:
            return _show("address", form, kind=kind, later=error)
    session[NEW_ADDRESS] = form.key
    return redirect_or_hx(url_for(".address_code", kind=kind))


@bp.post("/<any(email, phone):kind>/confirmation")
@web_session.sign_in_required
def confirmation(kind: str) -> ResponseReturnValue:
    """Send a code to verify the account's present e-mail address or phone number."""
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
    except TooManyCodes as error:
        return _show("code", CodeForm(formdata=None), kind=kind, address=key, later=error)
    flash("We sent you a code.", "notice")
    return redirect_or_hx(url_for(".address_code", kind=kind))


def _new_address(kind: str) -> str | None:
    key: str | None = session.get(NEW_ADDRESS)
    return key if key is not None and is_email(key) == (kind == "email") else None


@bp.route("/<any(email, phone):kind>/code", methods=["GET", "POST"])
@web_session.sign_in_required
def address_code(kind: str) -> ResponseReturnValue:
    """Enter the code that was sent to the new address."""
    me, key, form = _me(), _new_address(kind), CodeForm()
    if key is None:
        return redirect_or_hx(url_for(".address", kind=kind))
    if not form.validate_on_submit():
        return _show("code", form, kind=kind, address=key)
    rate_limits.limit_code()
    try:
        service.confirm_contact(me.id, key, form.digits)
    except WrongCode:
        return _show("code", form, kind=kind, address=key, problem=WRONG_CODE)
    except CodeExpired:
        return _show("code", form, kind=kind, address=key, problem=EXPIRED)
    except (EmailTaken, PhoneTaken):
        return _show("code", form, kind=kind, address=key, problem="Another account uses this address.")
    session.pop(NEW_ADDRESS)
    return _done("E-mail address confirmed." if kind == "email" else "Phone number confirmed.")


@bp.post("/<any(email, phone):kind>/code/letter")
@web_session.sign_in_required
def resend_address_code(kind: str) -> ResponseReturnValue:
    """Send another code to the new address."""
    me, key = _me(), _new_address(kind)
    if key is None:
        return redirect_or_hx(url_for(".address", kind=kind))
    rate_limits.limit_email()
    return _send(me, kind, key)


@bp.route("/codes", methods=["GET", "POST"])
@web_session.sign_in_required
def second_factor() -> ResponseReturnValue:
    """Turn two-step sign-in on or off."""
    me, form = _me(), ConfirmationForm()
    address = service.second_factor_address(me.id)
    if not form.validate_on_submit():
        return _show("second_factor", form, address=address)
    on = not me.account.mfa_enabled
    try:
        with rate_limits.limit_sign_in(me.id):
            service.set_second_factor(me.id, on=on, **form.reauthentication)
    except REAUTHENTICATION_ERRORS as error:
        _show_reauthentication_error(form, error)
        return _show("second_factor", form, address=address)
    except NoProvedAddress:
        problem = "Confirm your e-mail address first. We send the codes there."
        return _show("second_factor", form, address=address, problem=problem)
    return _done("Two-step sign-in is on." if on else "Two-step sign-in is off.")


@bp.post("/sessions/<id:session_id>/end")
@web_session.sign_in_required
def end_session(session_id: int) -> ResponseReturnValue:
    """Sign out another device."""
    service.end_sessions_of(_me().id, only=session_id)
    return _done("The device is signed out.")


@bp.post("/sessions/end")
@web_session.sign_in_required
def end_sessions() -> ResponseReturnValue:
    """Sign out all other devices."""
    me = _me()
    web_session.go_on_as(service.end_other_sessions(me.id, me.reference))
    return _done("You are signed out on all other devices.")
