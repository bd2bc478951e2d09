"""Registration: by a code sent to the address or, for the legacy client, as a sign-up that is completed in steps."""

from __future__ import annotations

import hmac
import secrets
from contextlib import suppress
from datetime import timedelta

from sqlalchemy import and_, delete, select, update
from sqlalchemy.exc import IntegrityError

from storefront.accounts import identifiers, one_time_codes, passwords
from storefront.accounts.models import SignUp, User
from storefront.accounts.sessions import account_of
from storefront.accounts.values import (
    Account,
    EmailTaken,
    PendingUser,
    PhoneTaken,
    Purpose,
    TooManyCodes,
    UnknownUser,
    UserId,
    WrongCode,
)
from storefront.core.clock import utc_now
from storefront.core.contact import is_email
from storefront.db.session import read_session, retry_on_conflict, retry_on_deadlock, transaction

SIGN_UP_RETENTION = timedelta(hours=24)  # contract section 5.2, no. 6


def register(name: str, key: str, password: str) -> str:
    """Send the code that completes a registration. The account is created when the code is entered.

    If the address has an account, its owner is informed by e-mail; the caller cannot tell the difference.

    :param key: e-mail address or phone number, as `contact.parse_identifier` returns it
    :return: a ticket that must be presented with the code. It ties the code to the browser that registered, so that
        nobody completes a stranger's registration, with the stranger's password, by entering its code
    :raise WeakPassword: the password is not accepted
    :raise TooManyCodes: the rate limit for codes is reached
    :raise NoTextMessages: it is a phone number, and this shop has no SMS transport
    """
    identifiers.require_sms(key)
    password_hash, ticket = passwords.hash_new_password(password), secrets.token_urlsafe(16)
    owner = identifiers.find_by_identifier(key)
    if owner is not None and identifiers.is_verified(owner, key):
        one_time_codes.send(Purpose.REGISTER, key, user=UserId(owner.id), payload={"ticket": ticket, "is_known": True})
    else:
        one_time_codes.send(Purpose.REGISTER, key, payload={"ticket": ticket, "name": name, "password": password_hash})
    return ticket


def send_registration_again(key: str, ticket: str) -> None:
    """Send another code for the same registration.

    :raise WrongCode: the registration expired, or a later one for the same address replaced it
    :raise TooManyCodes: the rate limit for codes is reached
    """
    last = one_time_codes.find_last(Purpose.REGISTER, key)
    if last is None or not _has_ticket(ticket, last):
        raise WrongCode
    one_time_codes.send(Purpose.REGISTER, key, user=last.user, payload=last.payload)


def _has_ticket(ticket: str, sent: one_time_codes.SentCode) -> bool:
    return hmac.compare_digest(str(sent.payload.get("ticket", "")).encode(), ticket.encode())


def finish_registration(key: str, ticket: str, digits: str) -> Account:
    """Verify the code of a registration and create the account.

    An account that has the same address unverified loses it.

    :param ticket: as `register` returned it
    :raise WrongCode: it is not the code of this registration
    :raise CodeExpired: the code is correct but its lifetime is over
    :raise EmailTaken: another account has the e-mail address by now
    :raise PhoneTaken: another account has the phone number by now
    """
    sent = one_time_codes.verify(Purpose.REGISTER, key, digits)
    if not _has_ticket(ticket, sent) or "password" not in sent.payload:
        raise WrongCode
    try:
        return _create_account(key, sent.payload["name"], sent.payload["password"])
    except IntegrityError as error:
        raise (EmailTaken if is_email(key) else PhoneTaken) from error


@retry_on_deadlock
def _create_account(key: str, name: str, password_hash: str) -> Account:
    now = utc_now()
    verified = {"email": key, "email_verified_at": now} if is_email(key) else {"phone": key, "phone_verified_at": now}
    with transaction("accounts") as session:
        identifiers.release_unverified(session, key)
        identifiers.delete_sign_up(session, key)
        user = User(name=name or None, password=password_hash, created_at=now, **verified)
        session.add(user)
        session.flush()
        return account_of(user)


def register_unverified(email: str | None, phone: str | None, password: str, name: str | None) -> Account:
    """Create an account with unverified addresses at once, for API clients.

    :raise WeakPassword: the password is not accepted
    :raise EmailTaken: the e-mail address has an account
    :raise PhoneTaken: the phone number has an account
    """
    password_hash = passwords.hash_new_password(password)
    for key, error_type in ((email, EmailTaken), (phone, PhoneTaken)):
        if key is not None and identifiers.find_by_identifier(key) is not None:
            raise error_type
    try:
        return _create_unverified(email, phone, password_hash, name)
    except IntegrityError as error:  # a concurrent request was first, or the collation takes é for e
        raise (EmailTaken if email is not None else PhoneTaken) from error


@retry_on_deadlock
def _create_unverified(email: str | None, phone: str | None, password_hash: str, name: str | None) -> Account:
    with transaction("accounts") as session:
        if email is not None:
            identifiers.delete_sign_up(session, email)
        user = User(name=name, email=email, phone=phone, password=password_hash, created_at=utc_now())
        session.add(user)
        session.flush()
        return account_of(user)


# ------------------------------------------------------------------------------------ sign-ups of the legacy client


def start_sign_up(email: str | None, phone: str | None = None) -> PendingUser:
    """Start a sign-up. Starting it again for the same address returns the same sign-up.

    :param email: None: the sign-up is by phone number
    :param phone: assigned to the account unless another account has it at completion
    :raise EmailTaken: the e-mail address has an account
    :raise PhoneTaken: the sign-up is by phone number, and the number has an account
    :raise NoTextMessages: the sign-up is by phone number, and this shop has no SMS transport
    """
    key = email or phone or ""
    identifiers.require_sms(key)
    if identifiers.find_by_identifier(key) is not None:
        raise EmailTaken if email is not None else PhoneTaken
    return _store_sign_up(email, phone)


@retry_on_conflict
@retry_on_deadlock
def _store_sign_up(email: str | None, phone: str | None) -> PendingUser:
    now = utc_now()
    same = (SignUp.email == email) if email is not None else and_(SignUp.email.is_(None), SignUp.phone == phone)
    with transaction("accounts") as session:
        sign_up = session.scalar(select(SignUp).where(same).order_by(SignUp.user_id).limit(1).with_for_update())
        if sign_up is None:
            user = User(created_at=now)
            session.add(user)
            session.flush()
            sign_up = SignUp(user_id=user.id, email=email)
            session.add(sign_up)
        sign_up.phone, sign_up.created_at = phone, now
        session.flush()
        return PendingUser(UserId(sign_up.user_id), sign_up.email, sign_up.phone)


def find_pending(*, user: int | None = None, email: str | None = None, phone: str | None = None) -> PendingUser | None:
    """Find the unfinished sign-up that matches all given values.

    :return: None when several match, or no value is given
    """
    query = select(SignUp).where(SignUp.created_at > utc_now() - SIGN_UP_RETENTION)
    if user is None and email is None and phone is None:
        return None
    if user is not None:
        query = query.where(SignUp.user_id == user)
    if email is not None:
        query = query.where(SignUp.email == email)
    if phone is not None:
        query = query.where(SignUp.phone == phone)
    rows = read_session().scalars(query.limit(2)).all()
    if len(rows) != 1 or (email is not None and rows[0].email != email):
        return None
    return PendingUser(UserId(rows[0].user_id), rows[0].email, rows[0].phone)


def send_sign_up_code(user: int, email: str | None) -> None:
    """Send the code that verifies the address of a sign-up. Nothing is sent if a code was sent just before.

    :param email: the sign-up's e-mail address; None for a sign-up by phone number
    :raise UnknownUser: there is no such sign-up, or it has another address
    :raise TooManyCodes: the rate limit for codes is reached
    """
    pending = find_pending(user=user, email=email)
    if pending is None or pending.email != email:
        raise UnknownUser(user)
    if one_time_codes.was_just_sent(Purpose.REGISTER, pending.address, pending.id):
        return
    try:
        one_time_codes.send(Purpose.REGISTER, pending.address, user=pending.id, payload={"is_sign_up": True})
    except TooManyCodes:
        # A concurrent request may have sent the code after the first check.
        if not one_time_codes.was_just_sent(Purpose.REGISTER, pending.address, pending.id):
            raise


def verify_sign_up(
    digits: str, *, user: int | None = None, email: str | None = None, phone: str | None = None
) -> UserId:
    """Verify the code of a sign-up, which is found as by `find_pending`.

    :return: the user whose password may now be set with `finish_sign_up`
    :raise WrongCode: it is not the code that was sent, or there is no such sign-up
    :raise CodeExpired: the code is correct but its lifetime is over
    """
    pending = find_pending(user=user, email=email, phone=phone)
    if pending is None:
        raise WrongCode
    sent = one_time_codes.verify(Purpose.REGISTER, pending.address, digits)
    if sent.user != pending.id or not sent.payload.get("is_sign_up"):
        raise WrongCode
    return pending.id


def is_sign_up_code(user: int, digits: str) -> bool:
    """Whether this is the code sent last for a sign-up, even if used: lets a client repeat the verification."""
    pending = find_pending(user=user)
    last = one_time_codes.find_last(Purpose.REGISTER, pending.address) if pending is not None else None
    if last is None or last.user != user or not last.payload.get("is_sign_up"):
        return False
    return hmac.compare_digest(last.digits.encode(), digits.strip().encode())


def finish_sign_up(user: UserId, password: str) -> Account:
    """Complete a sign-up: set the password and assign the address. The caller has verified the address.

    :raise WeakPassword: the password is not accepted
    :raise UnknownUser: there is no such sign-up, or it was completed already
    :raise EmailTaken: another account has the e-mail address by now
    :raise PhoneTaken: the sign-up is by phone number, and another account has it by now
    """
    password_hash = passwords.hash_new_password(password)
    for with_phone in (True, False):
        with suppress(IntegrityError):  # another account has the phone number: complete without it
            return _finish_sign_up(user, password_hash, with_phone=with_phone)
    pending = find_pending(user=user)
    raise PhoneTaken if pending is not None and pending.email is None else EmailTaken


@retry_on_deadlock
def _finish_sign_up(user: UserId, password_hash: str, *, with_phone: bool) -> Account:
    now = utc_now()
    with transaction("accounts") as session:
        sign_up = session.scalar(select(SignUp).where(SignUp.user_id == user).with_for_update())
        if sign_up is None or sign_up.created_at <= now - SIGN_UP_RETENTION:
            raise UnknownUser(user)
        if sign_up.email is None:
            verified = {"phone": sign_up.phone, "phone_verified_at": now}
        else:
            phone = sign_up.phone if with_phone else None
            verified = {"email": sign_up.email, "email_verified_at": now, "phone": phone}
        identifiers.release_unverified(session, sign_up.email or sign_up.phone or "")
        session.execute(update(User).where(User.id == user).values(password=password_hash, **verified))
        session.delete(sign_up)
        session.flush()
        return account_of(session.get_one(User, user))


@retry_on_deadlock
def forget_unfinished() -> None:
    """Delete sign-ups that were not completed within `SIGN_UP_RETENTION`. Run by the worker."""
    with transaction("accounts") as session:
        expired = select(SignUp.user_id).where(SignUp.created_at <= utc_now() - SIGN_UP_RETENTION)
        session.execute(delete(User).where(User.id.in_(expired)))
