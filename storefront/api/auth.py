"""Sign-up, sign-in and passwords for the legacy client and for other API clients: docs/decisions/0012."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from flask import request, session

from storefront.accounts import service as accounts
from storefront.accounts import values as account_values
from storefront.accounts.service import SIGN_UP_LIFETIME, TOKEN_LIFETIME
from storefront.accounts.values import NoTextMessages, SecondFactorNeeded, TooManyCodes, UnknownUser, UserId, WrongCode
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

VERIFIED_SIGN_UP = "sign-up"  # session key: the pending user whose password may be set, and until when
COOKIE = {"Set-Cookie": "The session cookie; not sent for requests with a token or from another origin"}
CODE_SECONDS = int(accounts.CODE_LIFETIME.total_seconds())
TOKEN_SECONDS = int(TOKEN_LIFETIME.total_seconds())

# ------------------------------------------------------------------------------------ register, sign in, sign out


@operation(
    "POST /auth/register",
    "register",
    tag="auth",
    access=public,
    body=RegisterRequest,
    response=UserWithToken,
    errors=(409, 429),
    headers=COOKIE,
)
def register(body: RegisterRequest) -> UserWithToken:
    """Create an account with a password and sign in.

    Its e-mail address and phone number are not verified: an account that verifies one later takes it over.
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
    response=UserWithToken,
    errors=(401, 429),
    headers=COOKIE,
)
def login(body: LoginRequest) -> UserWithToken:
    """Sign in. This ends the session of the cookie or token that was sent.

    Staff, and accounts that turned it on, need a second factor: the right password alone answers 401
    SECOND_FACTOR_REQUIRED, and a code is sent; repeat the request with it as `otpCode`.
    """
    if not body.identifier_given:
        raise unacceptable("An e-mail or a phone number is required", "emailOrPhone")
    with rate_limits.limit_sign_in(body.identifier_given):
        if body.otp_code:
            rate_limits.limit_code()
            account = accounts.sign_in_with_code(body.identifier_given, body.password, body.otp_code)
            return _sign_in(account, second_factor=True)
        result = accounts.sign_in(body.identifier_given, body.password)
    if isinstance(result, SecondFactorNeeded):
        message = f"A code was sent to {result.hint}: sign in with it on the pages of the shop, or as otpCode"
        raise Refused(ApiError(401, "SECOND_FACTOR_REQUIRED", message))
    return _sign_in(result)


def _sign_in(account: account_values.Account, *, second_factor: bool = False) -> UserWithToken:
    is_browser = _is_browser()
    token = None
    # A browser on another origin can hold neither cookie nor token: it gets no session.
    if not (is_browser and is_cookieless(request)):
        web_session.sign_in(account.id, second_factor=second_factor)
        token = None if is_browser else accounts.issue_token(caller())
    return present.signed_in(_user_of(account), token, TOKEN_SECONDS)


def _is_browser() -> bool:
    """Whether a browser sent the request. It gets a cookie and no token: injected scripts could read a token."""
    return "Sec-Fetch-Site" in request.headers


def _user_of(account: account_values.Account) -> User:
    return present.user(
        account, accounts.addresses_of(account.id), accounts.methods_of(account.id), accounts.items_of(account.id)
    )


@operation("POST /auth/logout", "logout", tag="auth", access=signed_in)
def logout() -> None:
    """Sign out: the session's cookie and all its tokens become invalid."""
    web_session.sign_out()


@operation("GET /auth/me", "me", tag="auth", access=signed_in, response=User)
def me() -> User:
    """Get the signed-in account."""
    return _user_of(caller().account)


@operation("GET /auth/user/{userId}", "getUser", tag="auth", access=of_user, response=Account, errors=(404,))
def get_user(user_id: int) -> Account:
    """Get an account."""
    return present.account(accounts.get_account(UserId(user_id)))


# ------------------------------------------------------------------------------------ sign-up in steps


@operation(
    "POST /auth/register/stub",
    "registerStub",
    tag="auth",
    access=public,
    body=StubRequest,
    response=PendingUser,
    errors=(409, 429),
)
def register_stub(body: StubRequest) -> PendingUser:
    """Start a sign-up; repeated for the same e-mail address, it returns the same one.

    It reserves neither address nor number and expires after a day, unless a code and a password complete it.
    """
    if body.email is None and body.phone is None:
        raise unacceptable("An e-mail or a phone number is required", "email")
    rate_limits.limit_sign_up()
    try:
        pending = accounts.start_sign_up(body.email, body.phone)
    except NoTextMessages:
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
    response=OtpSent,
    errors=(429, 503),
)
def send_otp(body: OtpSendRequest) -> OtpSent:
    """Send the code of a sign-up, or one that verifies the caller's own e-mail address.

    Repeated within a minute, it sends no second e-mail: the first code is still valid.
    """
    rate_limits.limit_email()
    try:
        _send_code(body)
    except TooManyCodes:
        if _verified_sign_up() != body.user_id:  # else no new code is needed: this browser already entered one
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
    except UnknownUser:
        raise unacceptable("userId and email belong to no sign-up that waits for a code", "email") from None


@operation(
    "POST /auth/mfa/verify",
    "verifyOtp",
    tag="auth",
    access=public,
    body=OtpVerifyRequest,
    response=OtpVerified,
    errors=(429,),
)
@operation(
    "POST /auth/verify-otp",
    "verifyOtpAlias",
    tag="auth",
    access=public,
    body=OtpVerifyRequest,
    response=OtpVerified,
    errors=(429,),
)
def verify_otp(body: OtpVerifyRequest) -> OtpVerified:
    """Verify a code.

    For ten minutes this browser, or a client with the `signupToken`, may set the password of the sign-up. For a
    signed-in account it verifies the account's e-mail address.
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
    session[VERIFIED_SIGN_UP] = {"user": user, "until": int(until.timestamp())}
    token = None if _is_browser() else accounts.issue_sign_up_token(user)
    return OtpVerified(verified=True, user_id=user, signup_token=token)


def _confirm_own(body: OtpVerifyRequest) -> UserId | None:
    """Verify the caller's own e-mail address, if the request names the caller by id or that address.

    :return: the caller's id; None if the request is about a sign-up
    """
    person = web_session.current_account()
    if person is None or person.account.email is None or body.phone is not None:
        return None
    if body.user_id not in {None, person.id} or body.email not in {None, person.account.email}:
        return None
    accounts.confirm_contact(person.id, person.account.email, body.digits)
    return person.id


def _verify_sign_up(body: OtpVerifyRequest) -> UserId:
    identifiers: dict[str, Any] = {"user": body.user_id, "email": body.email, "phone": body.phone}
    try:
        return accounts.verify_sign_up(body.digits, **identifiers)
    except WrongCode:
        # The legacy client sends a used code again after the password was refused: accepted from the same browser.
        verified, pending = _verified_sign_up(), accounts.find_pending(**identifiers)
        if pending is None or pending.id != verified or not accounts.is_sign_up_code(verified, body.digits):
            raise
        return pending.id


def _verified_sign_up() -> int | None:
    """Return the id of the pending user whose password this caller may set, None if there is none.

    An Authorization header overrides the session.
    """
    if "Authorization" in request.headers:
        sent = request.authorization
        is_token = sent is not None and sent.type == "bearer" and sent.token is not None
        return accounts.sign_up_of(sent.token) if is_token else None  # type: ignore[union-attr,arg-type]
    verified = session.get(VERIFIED_SIGN_UP)
    return verified["user"] if verified is not None and verified["until"] > utc_now().timestamp() else None


def sign_up_verified(path: Mapping[str, Any]) -> None:
    """Allow callers who verified the code of a sign-up in the last ten minutes.

    :raise Unauthorized: the token is invalid or expired
    :raise Refused: no code was verified; 403
    """
    if _verified_sign_up() is None:
        public(path)
        raise _code_required()


def _code_required() -> Refused:
    return Refused(ApiError(403, "PASSWORD_PROOF_REQUIRED", "Enter the code that was sent for this sign-up first"))


@operation(
    "POST /auth/set-password",
    "setPassword",
    tag="auth",
    access=sign_up_verified,
    security=("cookieAuth", "signupToken"),
    body=SetPasswordRequest,
    response=PasswordSet,
    errors=(409, 429),
    headers=COOKIE,
)
def set_password(body: SetPasswordRequest) -> PasswordSet:
    """Set the password of a sign-up whose code was verified. This completes the sign-up and signs in."""
    if body.user_id != _verified_sign_up():
        raise _code_required()
    rate_limits.limit_sign_up()
    try:
        account = accounts.finish_sign_up(UserId(body.user_id), body.password)
    except UnknownUser:
        raise _code_required() from None
    if not is_cookieless(request):
        web_session.sign_in(account.id)
    return PasswordSet(id=account.id, message="Password set")


# ------------------------------------------------------------------------------------ password reset


@operation(
    "POST /auth/password/reset",
    "requestPasswordReset",
    tag="auth",
    access=public,
    body=PasswordResetRequest,
    response=Message,
    errors=(429,),
)
def request_password_reset(body: PasswordResetRequest) -> Message:
    """Send a code for setting a new password on the shop's page /password/code.

    The response does not reveal whether the account exists.
    """
    key = body.email or body.phone
    if key is None:
        raise unacceptable("An e-mail or a phone number is required", "email")
    rate_limits.limit_email()
    with suppress(TooManyCodes, NoTextMessages):
        accounts.request_reset(key)
    session[web_session.PASSWORD_RESET] = key
    return Message(message="If the account exists, a mail is on its way")
