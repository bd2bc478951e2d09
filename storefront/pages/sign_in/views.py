"""Sign-in, registration and password reset. Pending steps are kept in the signed session cookie, without codes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec

from flask import Blueprint, flash, request, session, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from storefront.accounts import service
from storefront.accounts.values import (
    Account,
    CodeExpired,
    EmailTaken,
    PhoneTaken,
    SecondFactorNeeded,
    TooManyCodes,
    UserId,
    WeakPassword,
    WrongCode,
    WrongPassword,
)
from storefront.core.errors import RetryLater
from storefront.core.urls import safe_next_path
from storefront.pages.sign_in import oidc_client
from storefront.pages.sign_in.forms import CodeForm, ForgottenForm, RegistrationForm, ResetForm, SignInForm
from storefront.web import rate_limits
from storefront.web import session as web_session
from storefront.web.form_fields import PageForm
from storefront.web.responses import redirect_or_hx, render_page
from storefront.web.route_options import no_store

bp = no_store(Blueprint("sign_in", __name__))

# Session keys.
REGISTERING = "registering"  # address and ticket of a registration whose code was sent
SECOND_FACTOR = "second-factor"  # reference of the sign-in whose password was correct and whose code is awaited

WRONG_CREDENTIALS = "The e-mail address or phone number and the password do not match. Check both and try again."
WRONG_CODE = "This is not the code we sent. After five wrong attempts you need a new code."
EXPIRED = "This code has expired. Request a new one."

P = ParamSpec("P")


def guests_only(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    """Decorate a view for visitors who are not signed in. Others are redirected to the page they wanted, or home."""

    @functools.wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        person = web_session.current_account()
        if person is None or web_session.needs_second_factor(person):
            return view(*args, **kwargs)
        return redirect_or_hx(_next() or url_for("catalog.home"))

    return guarded


def _next() -> str | None:
    """The page to go to after sign-in, if it is one of this shop's."""
    return safe_next_path(request.args.get("next"))


def complete_sign_in(
    account: Account, *, second_factor: bool = False, next_path: str | None = None, notice: str = ""
) -> ResponseReturnValue:
    """Start the session, merge the carts and redirect. Quantities that had to be reduced are shown as notices.

    :param next_path: where to redirect to; None: the page the visitor wanted, or home
    """
    target = next_path or _next() or url_for("catalog.home")
    merge = web_session.sign_in(account.id, second_factor=second_factor)
    if notice:
        flash(notice, "notice")
    for message in web_session.shortened_lines(merge):
        flash(message, "notice")
    return redirect_or_hx(target)


def show(page: str, form: PageForm, *, problem: str = "", later: RetryLater | None = None, **context: Any) -> Response:
    """Render the page of a form, with status 422 if it has errors, or 429 if the rate limit for codes is reached.

    :param problem: error shown above the form
    :param later: the rate limit error
    """
    status = 429 if later is not None else 422 if problem or form.errors else 200
    if later is not None:
        problem = f"You can request another code in {later.wait}. Each code is valid for five minutes."
    response = render_page(page, status=status, form=form, problem=problem, next=_next(), **context)
    if later is not None:
        response.headers["Retry-After"] = str(later.seconds)
    return response


# ------------------------------------------------------------------------------------ sign in, sign out


@bp.route("/login", methods=["GET", "POST"])
@guests_only
def sign_in() -> ResponseReturnValue:
    """Sign in by password; some accounts need a code as well."""
    form = SignInForm()
    page = functools.partial(show, "sign_in/sign_in.html", form, provider=oidc_client.find_provider())
    if not form.validate_on_submit():
        return page()
    try:
        with rate_limits.limit_sign_in(form.identifier.data or ""):
            outcome = service.sign_in(form.identifier.data or "", form.password.data or "")
    except WrongPassword:
        return page(problem=WRONG_CREDENTIALS)
    return continue_sign_in(outcome)


def continue_sign_in(outcome: Account | SecondFactorNeeded, next_path: str | None = None) -> ResponseReturnValue:
    """After the first factor: complete the sign-in, or redirect to the page that asks for the code."""
    if isinstance(outcome, Account):
        return complete_sign_in(outcome, next_path=next_path)
    session[SECOND_FACTOR] = service.open_pending_sign_in(outcome.user)
    return redirect_or_hx(url_for("sign_in.second_factor", next=next_path or _next()))


def _pending_second_factor() -> UserId | None:
    """The account whose password was entered correctly in this browser a moment ago."""
    pending = session.get(SECOND_FACTOR)
    return service.find_pending_sign_in(pending) if isinstance(pending, str) else None


def _to_sign_in() -> ResponseReturnValue:
    return redirect_or_hx(url_for(".sign_in", next=_next()))


@bp.route("/login/code", methods=["GET", "POST"])
@guests_only
def second_factor() -> ResponseReturnValue:
    """Enter the code of the second factor."""
    user = _pending_second_factor()
    if user is None:
        return _to_sign_in()
    form = CodeForm()
    if not form.validate_on_submit():
        return _show_second_factor(user, form)
    rate_limits.limit_code()
    try:
        account = service.pass_second_factor(user, form.digits)
    except WrongCode:
        return _show_second_factor(user, form, problem=WRONG_CODE)
    except CodeExpired:
        return _show_second_factor(user, form, problem=EXPIRED)
    service.end_session(session[SECOND_FACTOR])
    return complete_sign_in(account, second_factor=True)


def _show_second_factor(user: UserId, form: CodeForm, **more: Any) -> ResponseReturnValue:
    return show("sign_in/second_factor.html", form, hint=service.second_factor_hint(user), **more)


@bp.post("/login/code/letter")
@guests_only
def resend_second_factor() -> ResponseReturnValue:
    """Send another code for the same sign-in."""
    user = _pending_second_factor()
    if user is None:
        return _to_sign_in()
    rate_limits.limit_email()
    try:
        service.send_second_factor_again(user)
    except TooManyCodes as error:
        return _show_second_factor(user, CodeForm(formdata=None), later=error)
    flash("We sent you another code.", "notice")
    return redirect_or_hx(url_for(".second_factor", next=_next()))


@bp.post("/logout")
def sign_out() -> ResponseReturnValue:
    """End the session and clear the session cookie, that of a guest as well."""
    was_signed_in = web_session.current_account() is not None
    web_session.sign_out()
    flash("You are signed out." if was_signed_in else "Your orders and cart are cleared from this device.", "notice")
    return redirect_or_hx(url_for("catalog.home"))


# ------------------------------------------------------------------------------------ registration


@bp.route("/register", methods=["GET", "POST"])
@guests_only
def register() -> ResponseReturnValue:
    """Register: send a code to the address."""
    form = RegistrationForm()
    page = functools.partial(show, "sign_in/register.html", form, provider=oidc_client.find_provider())
    if not form.validate_on_submit():
        return page()
    rate_limits.limit_email()
    try:
        ticket = service.register(form.name.data or "", form.key, form.password.data or "")
    except WeakPassword as error:
        form.password.errors = [error.reason]
        return page()
    except TooManyCodes as error:
        if session.get(REGISTERING, {}).get("key") != form.key:
            return page(later=error)  # otherwise the form was sent twice, and the first one sent the code
    else:
        session[REGISTERING] = {"key": form.key, "ticket": ticket}
    return redirect_or_hx(url_for(".registration_code", next=_next()))


@bp.route("/register/code", methods=["GET", "POST"])
@guests_only
def registration_code() -> ResponseReturnValue:
    """Enter the code that completes the registration."""
    pending = session.get(REGISTERING)
    if pending is None:
        return redirect_or_hx(url_for(".register", next=_next()))
    form = CodeForm()
    page = functools.partial(show, "sign_in/registration_code.html", form, address=pending["key"])
    if not form.validate_on_submit():
        return page()
    rate_limits.limit_code()
    try:
        account = service.finish_registration(pending["key"], pending["ticket"], form.digits)
    except WrongCode:
        return page(problem=WRONG_CODE)
    except CodeExpired:
        return page(problem=EXPIRED)
    except (EmailTaken, PhoneTaken):
        return page(problem="This address already has an account. Sign in instead.")
    return complete_sign_in(account, notice="Your account is ready.")


@bp.post("/register/code/letter")
@guests_only
def resend_registration_code() -> ResponseReturnValue:
    """Send another code for the same registration."""
    pending = session.get(REGISTERING)
    if pending is None:
        return redirect_or_hx(url_for(".register", next=_next()))
    rate_limits.limit_email()
    try:
        service.send_registration_again(pending["key"], pending["ticket"])
    except TooManyCodes as error:
        form = CodeForm(formdata=None)
        return show("sign_in/registration_code.html", form, address=pending["key"], later=error)
    except WrongCode:
        session.pop(REGISTERING)
        flash("This registration has expired or was started again elsewhere. Start again.", "problem")
        return redirect_or_hx(url_for(".register", next=_next()))
    flash("We sent you another code.", "notice")
    return redirect_or_hx(url_for(".registration_code", next=_next()))


# ------------------------------------------------------------------------------------ password reset


@bp.route("/password/forgotten", methods=["GET", "POST"])
def forgotten() -> ResponseReturnValue:
    """Request the code for a password reset."""
    form = ForgottenForm()
    if not form.validate_on_submit():
        return show("sign_in/forgotten.html", form)
    rate_limits.limit_email()
    try:
        service.request_reset(form.key)
    except TooManyCodes as error:
        if session.get(web_session.PASSWORD_RESET) != form.key:
            return show("sign_in/forgotten.html", form, later=error)
    session[web_session.PASSWORD_RESET] = form.key
    return redirect_or_hx(url_for(".reset"))


@bp.route("/password/code", methods=["GET", "POST"])
def reset() -> ResponseReturnValue:
    """Enter the code and a new password."""
    key = session.get(web_session.PASSWORD_RESET)
    if key is None:
        return redirect_or_hx(url_for(".forgotten"))
    form = ResetForm()
    page = functools.partial(show, "sign_in/reset.html", form, address=key)
    if not form.validate_on_submit():
        return page()
    rate_limits.limit_code()
    try:
        service.reset_password(key, form.digits, form.password.data or "")
    except WeakPassword as error:
        form.password.errors = [error.reason]
        return page()
    except WrongCode:
        return page(problem=WRONG_CODE)
    except CodeExpired:
        return page(problem=EXPIRED)
    session.pop(web_session.PASSWORD_RESET)
    web_session.renew_guest()
    flash("Password changed. Sign in with your new password.", "notice")
    return redirect_or_hx(url_for(".sign_in"))


@bp.post("/password/code/letter")
def resend_reset_code() -> ResponseReturnValue:
    """Send another code for the same password reset."""
    key = session.get(web_session.PASSWORD_RESET)
    if key is None:
        return redirect_or_hx(url_for(".forgotten"))
    rate_limits.limit_email()
    try:
        service.request_reset(key)
    except TooManyCodes as error:
        return show("sign_in/reset.html", ResetForm(formdata=None), address=key, later=error)
    flash("If the account exists, we sent another code.", "notice")
    return redirect_or_hx(url_for(".reset"))
