"""Sign-in, registration and lost passwords. What is under way stays in the signed cookie: whose, never a code."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import timedelta
from typing import Any, ParamSpec

from flask import Blueprint, flash, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response

from storefront.accounts import service
from storefront.accounts.service import Account, SecondFactorNeeded, UserId
from storefront.core.clock import utc_now
from storefront.core.errors import RetryLater
from storefront.core.urls import safe_next_path
from storefront.pages.sign_in import oidc_client
from storefront.pages.sign_in.forms import CodeForm, ForgottenForm, RegistrationForm, ResetForm, SignInForm
from storefront.web import rate_limits
from storefront.web import session as web_session
from storefront.web.responses import redirect_or_hx, render_page
from storefront.web.route_options import no_store

bp = no_store(Blueprint("sign_in", __name__))

# Keys of the browser's session.
REGISTERING = "registering"  # address and ticket of a registration whose code was sent
SECOND_FACTOR = "second-factor"  # whose password was right, and until when that counts

SECOND_FACTOR_WITHIN = timedelta(minutes=10)
WRONG = "This e-mail address or phone number and this password do not belong together. Check both and try again."
WRONG_CODE = "This is not the code we sent. After five tries it is worth nothing: then ask for another one."
EXPIRED = "This code was right, but its five minutes are over. Ask for another one."

P = ParamSpec("P")


def guests_only(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    """A page for who is not signed in; who is goes on to where they wanted."""

    @functools.wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        person = web_session.current_account()
        if person is None or web_session.needs_second_factor(person):
            return view(*args, **kwargs)
        return redirect_or_hx(_next() or url_for("catalog.home"))

    return guarded


def _next() -> str | None:
    """Where the visitor wanted to go, if that is one of our pages."""
    return safe_next_path(request.args.get("next"))


def welcome(
    account: Account, *, second_factor: bool = False, to: str | None = None, notice: str = ""
) -> ResponseReturnValue:
    """Sign somebody in and lead them on; what did not fit when their carts became one is said."""
    target = to or _next() or url_for("catalog.home")
    merge = web_session.sign_in(account.id, second_factor=second_factor)
    if notice:
        flash(notice, "notice")
    for words in web_session.shortened_lines(merge):
        flash(words, "notice")
    return redirect_or_hx(target)


def show(page: str, form: FlaskForm, *, problem: str = "", later: RetryLater | None = None, **context: Any) -> Response:
    """A form's page: as it is first, as it comes back (422), or with the time to wait (429)."""
    status = 429 if later is not None else 422 if problem or form.errors else 200
    if later is not None:
        problem = f"You can ask for another code in {later.wait}. The one sent last still counts for five minutes."
    response = render_page(page, status=status, form=form, problem=problem, next=_next(), **context)
    if later is not None:
        response.headers["Retry-After"] = str(later.seconds)
    return response


# ------------------------------------------------------------------------------------ sign in, sign out


@bp.route("/login", methods=["GET", "POST"])
@guests_only
def sign_in() -> ResponseReturnValue:
    """Sign in by password; some are asked for a code as well."""
    form = SignInForm()
    page = functools.partial(show, "sign_in/sign_in.html", form, provider=oidc_client.find_provider())
    if not form.validate_on_submit():
        return page()
    try:
        with rate_limits.limit_sign_in(form.identifier.data):
            found = service.sign_in(form.identifier.data or "", form.password.data or "")
    except service.WrongPassword:
        return page(problem=WRONG)
    return go_on(found)


def go_on(found: Account | SecondFactorNeeded, to: str | None = None) -> ResponseReturnValue:
    """In, or first to the page that asks for the code."""
    if isinstance(found, Account):
        return welcome(found, to=to)
    until = utc_now() + SECOND_FACTOR_WITHIN
    session[SECOND_FACTOR] = {"user": found.user, "until": int(until.timestamp())}
    return redirect_or_hx(url_for(".second_factor", next=to or _next()))


def _half_signed_in() -> UserId | None:
    """Whose password was right in this browser a moment ago."""
    pending = session.get(SECOND_FACTOR)
    if pending is None or pending["until"] <= utc_now().timestamp():
        return None
    return UserId(pending["user"])


def _to_sign_in() -> ResponseReturnValue:
    return redirect_or_hx(url_for(".sign_in", next=_next()))


@bp.route("/login/code", methods=["GET", "POST"])
@guests_only
def second_factor() -> ResponseReturnValue:
    """The code that some need beside the password."""
    user = _half_signed_in()
    if user is None:
        return _to_sign_in()
    form = CodeForm()
    if not form.validate_on_submit():
        return _show_second_factor(user, form)
    rate_limits.limit_code()
    try:
        account = service.pass_second_factor(user, form.digits)
    except service.WrongCode:
        return _show_second_factor(user, form, problem=WRONG_CODE)
    except service.CodeExpired:
        return _show_second_factor(user, form, problem=EXPIRED)
    return welcome(account, second_factor=True)


def _show_second_factor(user: UserId, form: CodeForm, **more: Any) -> ResponseReturnValue:
    return show("sign_in/second_factor.html", form, hint=service.second_factor_hint(user), **more)


@bp.post("/login/code/letter")
@guests_only
def second_factor_letter() -> ResponseReturnValue:
    """Another code for the same sign-in."""
    user = _half_signed_in()
    if user is None:
        return _to_sign_in()
    rate_limits.limit_email()
    try:
        service.send_second_factor_again(user)
    except service.TooManyCodes as error:
        return _show_second_factor(user, CodeForm(formdata=None), later=error)
    flash("Another code is on its way.", "notice")
    return redirect_or_hx(url_for(".second_factor", next=_next()))


@bp.post("/logout")
def sign_out() -> ResponseReturnValue:
    """End the session; the browser forgets what it knew."""
    web_session.sign_out()
    flash("You are signed out.", "notice")
    return redirect_or_hx(url_for("catalog.home"))


# ------------------------------------------------------------------------------------ registration


@bp.route("/register", methods=["GET", "POST"])
@guests_only
def register() -> ResponseReturnValue:
    """Ask for an account: a code goes to its address."""
    form = RegistrationForm()
    page = functools.partial(show, "sign_in/register.html", form, provider=oidc_client.find_provider())
    if not form.validate_on_submit():
        return page()
    rate_limits.limit_email()
    try:
        ticket = service.register(form.name.data or "", form.key, form.password.data or "")
    except service.WeakPassword as error:
        form.password.errors = [error.reason]
        return page()
    except service.TooManyCodes as error:
        if session.get(REGISTERING, {}).get("key") != form.key:
            return page(later=error)  # else the button was pressed twice: the code is on its way
    else:
        session[REGISTERING] = {"key": form.key, "ticket": ticket}
    return redirect_or_hx(url_for(".registration_code", next=_next()))


@bp.route("/register/code", methods=["GET", "POST"])
@guests_only
def registration_code() -> ResponseReturnValue:
    """The code that opens the account."""
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
    except service.WrongCode:
        return page(problem=WRONG_CODE)
    except service.CodeExpired:
        return page(problem=EXPIRED)
    except (service.EmailTaken, service.PhoneTaken):
        return page(problem="This address got an account in the meantime: sign in instead.")
    return welcome(account, notice="Your account is open.")


@bp.post("/register/code/letter")
@guests_only
def registration_letter() -> ResponseReturnValue:
    """Another code for the same registration."""
    pending = session.get(REGISTERING)
    if pending is None:
        return redirect_or_hx(url_for(".register", next=_next()))
    rate_limits.limit_email()
    try:
        service.send_registration_again(pending["key"], pending["ticket"])
    except service.TooManyCodes as error:
        form = CodeForm(formdata=None)
        return show("sign_in/registration_code.html", form, address=pending["key"], later=error)
    except service.WrongCode:
        session.pop(REGISTERING)
        flash("This registration is too old or was begun again elsewhere. Begin it anew here.", "problem")
        return redirect_or_hx(url_for(".register", next=_next()))
    flash("Another code is on its way.", "notice")
    return redirect_or_hx(url_for(".registration_code", next=_next()))


# ------------------------------------------------------------------------------------ lost passwords


@bp.route("/password/forgotten", methods=["GET", "POST"])
def forgotten() -> ResponseReturnValue:
    """Ask for a code by which a new password is chosen."""
    form = ForgottenForm()
    if not form.validate_on_submit():
        return show("sign_in/forgotten.html", form)
    rate_limits.limit_email()
    try:
        service.request_reset(form.key)
    except service.TooManyCodes as error:
        if session.get(web_session.PASSWORD_RESET) != form.key:
            return show("sign_in/forgotten.html", form, later=error)
    session[web_session.PASSWORD_RESET] = form.key
    return redirect_or_hx(url_for(".reset"))


@bp.route("/password/code", methods=["GET", "POST"])
def reset() -> ResponseReturnValue:
    """The code, and the new password with it."""
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
    except service.WeakPassword as error:
        form.password.errors = [error.reason]
        return page()
    except service.WrongCode:
        return page(problem=WRONG_CODE)
    except service.CodeExpired:
        return page(problem=EXPIRED)
    session.pop(web_session.PASSWORD_RESET)
    flash("Your new password counts from now on. Sign in with it.", "notice")
    return redirect_or_hx(url_for(".sign_in"))


@bp.post("/password/code/letter")
def reset_letter() -> ResponseReturnValue:
    """Another code for the same new password."""
    key = session.get(web_session.PASSWORD_RESET)
    if key is None:
        return redirect_or_hx(url_for(".forgotten"))
    rate_limits.limit_email()
    try:
        service.request_reset(key)
    except service.TooManyCodes as error:
        return show("sign_in/reset.html", ResetForm(formdata=None), address=key, later=error)
    flash("If there is such an account, another code is on its way.", "notice")
    return redirect_or_hx(url_for(".reset"))
