"""Sign-up, sign-in and passwords, as the old client and programs go about them: docs/decisions/0012."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from flask import request, session

from storefront.accounts import service as accounts
from storefront.accounts.service import SIGN_UP_LIFETIME, TOKEN_LIFETIME, SecondFactorNeeded, UserId
from storefront.api.errors import ApiError, Refused, unacceptable
from storefront.api.guards import caller, of_user, public, signed_in
from storefront.api.operations import operation
from storefront.api.presenters import users as present
from storefront.api.schemas.auth import (
    Account,
    LoginRequest,
    Message,
    OtpSendRequest,
    OtpSent,
    OtpVerified,
    OtpVerifyRequest,
    PasswordResetRequest,
    PasswordSet,
    PendingUser,
    RegisterRequest,
    SetPasswordRequest,
    StubRequest,
    User,
    UserWithToken,
)
from storefront.core.clock import utc_now
from storefront.web import rate_limits
from storefront.web import session as web_session
from storefront.web.same_origin import is_cookieless

SIGN_UP = "sign-up"  # in the browser's session: whose password may be chosen, and until when
COOKIE = {"Set-Cookie": "The session cookie; none to who brings a token, or comes from another origin"}
CODE_SECONDS = int(accounts.CODE_LIFETIME.total_seconds())
TOKEN_SECONDS = int(TOKEN_LIFETIME.total_seconds())

# ------------------------------------------------------------------------------------ in at once, and out


@operation(
    "POST /auth/register",
    "register",
    tag="auth",
    access=public,
    body=RegisterRequest,
    answer=UserWithToken,
    refusals=(409, 429),
    headers=COOKIE,
)
def register(body: RegisterRequest) -> UserWithToken:
    """Open an account with a password, and sign in.

    Its addresses are not proved: who proves later that one is theirs takes it from the account.
    """
    if body.email is None and body.phone is None:
        raise unacceptable("An e-mail or a phone number is required", "email")
    rate_limits.limit_sign_up()
    account = accounts.register_unverified(body.email, body.phone, body.password, body.name)
    return _sign_in(account)


@operation(
    "POST /auth/login",
    "login",
    tag="auth",
    access=public,
    body=LoginRequest,
    answer=UserWithToken,
    refusals=(401, 429),
    headers=COOKIE,
)
def login(body: LoginRequest) -> UserWithToken:
    """Sign in; whoever was signed in by this cookie or token is so no more.

    Staff, and who asked for it, need a second factor: the right password alone is answered with 401
    SECOND_FACTOR_REQUIRED, and a code is sent, to be given as `otpCode` at the next try.
    """
    if not body.whom:
        raise unacceptable("An e-mail or a phone number is required", "emailOrPhone")
    with rate_limits.limit_sign_in(body.whom):
        if body.otp_code:
            rate_limits.limit_code()
            account = accounts.sign_in_with_code(body.whom, body.password, body.otp_code)
            return _sign_in(account, second_factor=True)
        found = accounts.sign_in(body.whom, body.password)
    if isinstance(found, SecondFactorNeeded):
        message = f"A code was sent to {found.hint}: sign in with it on the pages of the shop, or as otpCode"
        raise Refused(ApiError(401, "SECOND_FACTOR_REQUIRED", message))
    return _sign_in(found)


def _sign_in(account: accounts.Account, *, second_factor: bool = False) -> UserWithToken:
    is_browser = _is_browser()
    token = None
    if not (is_browser and is_cookieless(request)):  # else nothing would be left to know them by
        web_session.sign_in(account.id, second_factor=second_factor)
        token = None if is_browser else accounts.issue_token(caller())
    return present.signed_in(_told(account), token, TOKEN_SECONDS)


def _is_browser() -> bool:
    """A browser has the cookie; where scripts of a page could read a token, other scripts could."""
    return "Sec-Fetch-Site" in request.headers


def _told(account: accounts.Account) -> User:
    return present.user(
        account, accounts.addresses_of(account.id), accounts.methods_of(account.id), accounts.items_of(account.id)
    )


@operation("POST /auth/logout", "logout", tag="auth", access=signed_in)
def logout() -> None:
    """Sign out: the cookie and every token of this sign-in are worth nothing any more."""
    web_session.sign_out()


@operation("GET /auth/me", "me", tag="auth", access=signed_in, answer=User)
def me() -> User:
    """Who calls."""
    return _told(caller().account)


@operation("GET /auth/user/{userId}", "getUser", tag="auth", access=of_user, answer=Account, refusals=(404,))
def get_user(user_id: int) -> Account:
    """An account."""
    return present.account(accounts.get_account(UserId(user_id)))


# ------------------------------------------------------------------------------------ sign-up by halves


@operation(
    "POST /auth/register/stub",
    "registerStub",
    tag="auth",
    access=public,
    body=StubRequest,
    answer=PendingUser,
    refusals=(409, 429),
)
def register_stub(body: StubRequest) -> PendingUser:
    """Begin a sign-up; begun again for the same e-mail address it is the same one.

    It stands in nobody's way and is forgotten after a day, unless a code and a password finish it.
    """
    if body.email is None and body.phone is None:
        raise unacceptable("An e-mail or a phone number is required", "email")
    rate_limits.limit_sign_up()
    try:
        pending = accounts.start_sign_up(body.email, body.phone)
    except accounts.NoTextMessages:
        raise unacceptable("An e-mail address is required: this shop sends no text messages", "email") from None
    return PendingUser(
        id=pending.id,
        email=pending.email,
        phone=pending.phone,
        name=None,
        mfa_enabled=False,
        status="pending_verification",
    )


@operation(
    "POST /auth/mfa/send",
    "sendOtp",
    tag="auth",
    access=public,
    body=OtpSendRequest,
    answer=OtpSent,
    refusals=(429, 503),
)
def send_otp(body: OtpSendRequest) -> OtpSent:
    """Send the code of a sign-up, or one that proves the caller's own e-mail address.

    Asked again within a minute there is no second letter: the code sent is still good.
    """
    rate_limits.limit_email()
    try:
        _send_code(body)
    except accounts.TooManyCodes:
        if _right() != body.user_id:  # else the code they entered is good for this browser, until it is over
            raise
    return OtpSent(sent=True, expires_in_seconds=CODE_SECONDS)


def _send_code(body: OtpSendRequest) -> None:
    person = web_session.current_account()
    if (
        body.email is not None
        and person is not None
        and (person.id, person.account.email) == (body.user_id, body.email)
    ):
        accounts.send_address_code(person.id, body.email)
        return
    try:
        accounts.send_sign_up_code(body.user_id, body.email)
    except accounts.UnknownUser:
        raise unacceptable("userId and email belong to no sign-up that waits for a code", "email") from None


@operation(
    "POST /auth/mfa/verify",
    "verifyOtp",
    tag="auth",
    access=public,
    body=OtpVerifyRequest,
    answer=OtpVerified,
    refusals=(429,),
)
@operation(
    "POST /auth/verify-otp",
    "verifyOtpAlias",
    tag="auth",
    access=public,
    body=OtpVerifyRequest,
    answer=OtpVerified,
    refusals=(429,),
)
def verify_otp(body: OtpVerifyRequest) -> OtpVerified:
    """Enter a code.

    For ten minutes this browser, or who brings the `signupToken`, may choose the password of the sign-up. Who is signed
    in proves their own e-mail address.
    """
    if body.user_id is None and body.email is None and body.phone is None:
        raise unacceptable("userId, email or phone is required", "userId")
    if not body.digits:
        raise unacceptable("otpCode is required", "otpCode")
    rate_limits.limit_code()
    if (confirmed := _confirm_own(body)) is not None:
        return OtpVerified(verified=True, user_id=confirmed, signup_token=None)
    user = _verify_sign_up(body)
    until = utc_now() + SIGN_UP_LIFETIME
    session[SIGN_UP] = {"user": user, "until": int(until.timestamp())}
    token = None if _is_browser() else accounts.issue_sign_up_token(user)
    return OtpVerified(verified=True, user_id=user, signup_token=token)


def _confirm_own(body: OtpVerifyRequest) -> UserId | None:
    """The caller, if they named themselves by id or e-mail address; the code is one for that address."""
    person = web_session.current_account()
    if person is None or person.account.email is None or body.phone is not None:
        return None
    if body.user_id not in {None, person.id} or body.email not in {None, person.account.email}:
        return None
    accounts.confirm_contact(person.id, person.account.email, body.digits)
    return person.id


def _verify_sign_up(body: OtpVerifyRequest) -> UserId:
    asked: dict[str, Any] = {"user": body.user_id, "email": body.email, "phone": body.phone}
    try:
        return accounts.verify_sign_up(body.digits, **asked)
    except accounts.WrongCode:
        known, pending = _right(), accounts.find_pending(**asked)
        if pending is None or pending.id != known or not accounts.is_sign_up_code(known, body.digits):
            raise
        return pending.id  # the client sends it again when the password was refused


def _right() -> int | None:
    """The sign-up whose password this caller may choose."""
    if "Authorization" in request.headers:
        given = request.authorization
        is_token = given is not None and given.type == "bearer" and given.token is not None
        return accounts.sign_up_of(given.token) if is_token else None  # type: ignore[union-attr,arg-type]
    right = session.get(SIGN_UP)
    return right["user"] if right is not None and right["until"] > utc_now().timestamp() else None


def proved(path: Mapping[str, Any]) -> None:
    """Whoever entered the code of a sign-up lately.

    :raise Unauthorized: the token is none of ours, or over
    :raise Refused: no code was entered
    """
    if _right() is None:
        public(path)
        raise _unproved()


def _unproved() -> Refused:
    return Refused(ApiError(403, "PASSWORD_PROOF_REQUIRED", "Enter the code that was sent for this sign-up first"))


@operation(
    "POST /auth/set-password",
    "setPassword",
    tag="auth",
    access=proved,
    security=("cookieAuth", "signupToken"),
    body=SetPasswordRequest,
    answer=PasswordSet,
    refusals=(409, 429),
    headers=COOKIE,
)
def set_password(body: SetPasswordRequest) -> PasswordSet:
    """Choose the password of a sign-up whose code was entered, once; this finishes it and signs in."""
    if body.user_id != _right():
        raise _unproved()
    rate_limits.limit_sign_up()
    try:
        account = accounts.finish_sign_up(UserId(body.user_id), body.password)
    except accounts.UnknownUser:
        raise _unproved() from None
    if not is_cookieless(request):
        web_session.sign_in(account.id)
    return PasswordSet(id=account.id, message="Password set")


# ------------------------------------------------------------------------------------ lost passwords


@operation(
    "POST /auth/password/reset",
    "requestPasswordReset",
    tag="auth",
    access=public,
    body=PasswordResetRequest,
    answer=Message,
    refusals=(429,),
)
def request_password_reset(body: PasswordResetRequest) -> Message:
    """Have a code sent by which a new password is chosen, on the shop's page /password/code.

    The answer is the same whether there is such an account or not.
    """
    key = body.email or body.phone
    if key is None:
        raise unacceptable("An e-mail or a phone number is required", "email")
    rate_limits.limit_email()
    with suppress(accounts.TooManyCodes, accounts.NoTextMessages):
        accounts.request_reset(key)
    session[web_session.PASSWORD_RESET] = key
    return Message(message="If the account exists, a mail is on its way")
