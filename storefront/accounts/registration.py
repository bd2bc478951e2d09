"""How an account comes to be: by a code that was sent to its address, or, for the old client, by halves."""

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
from storefront.db.session import read_session, retry_on_deadlock, transaction

UNFINISHED_KEPT = timedelta(hours=24)  # contract section 5.2, no. 6


def register(name: str, key: str, password: str) -> str:
    """Send the code that opens an account; until it is entered there is none.

    Where the address has an account, its owner gets a letter that says so, and who asked sees the same as else.

    :param key: e-mail address or phone number, as `contact.read_key` makes it
    :return: a ticket: only who brings it can enter the code, or another's code would open an account of theirs
    :raise WeakPassword: the password is not accepted
    :raise TooManyCodes: codes were sent there a moment ago
    :raise NoTextMessages: it is a phone, and this shop sends no text messages
    """
    identifiers.require_sms(key)
    kept, ticket = passwords.hashed(password), secrets.token_urlsafe(16)
    holder = identifiers.find_by_identifier(key)
    if holder is not None and identifiers.is_proved(holder, key):
        one_time_codes.send(Purpose.REGISTER, key, user=UserId(holder.id), payload={"ticket": ticket, "is_known": True})
    else:
        one_time_codes.send(Purpose.REGISTER, key, payload={"ticket": ticket, "name": name, "password": kept})
    return ticket


def send_registration_again(key: str, ticket: str) -> None:
    """Send another code for the same registration.

    :raise WrongCode: that registration is not the last one of this address any more, or too old
    :raise TooManyCodes: one was sent a moment ago
    """
    last = one_time_codes.find_last(Purpose.REGISTER, key)
    if last is None or not _fits(ticket, last):
        raise WrongCode
    one_time_codes.send(Purpose.REGISTER, key, user=last.user, payload=last.payload)


def _fits(ticket: str, sent: one_time_codes.SentCode) -> bool:
    return hmac.compare_digest(str(sent.payload.get("ticket", "")).encode(), ticket.encode())


def finish_registration(key: str, ticket: str, digits: str) -> Account:
    """Open the account, now that the code shows whose the address is.

    An account that claimed the address without proof loses it: its password opens nothing that is the owner's.

    :raise WrongCode: it is not the code of this registration
    :raise CodeExpired: it was, too long ago
    :raise EmailTaken: the address got an account in the meantime
    :raise PhoneTaken: the phone did
    """
    sent = one_time_codes.verify(Purpose.REGISTER, key, digits)
    if not _fits(ticket, sent) or "password" not in sent.payload:
        raise WrongCode
    try:
        return _open(key, sent.payload["name"], sent.payload["password"])
    except IntegrityError as error:
        raise (EmailTaken if is_email(key) else PhoneTaken) from error


@retry_on_deadlock
def _open(key: str, name: str, kept: str) -> Account:
    now = utc_now()
    proved = {"email": key, "email_verified_at": now} if is_email(key) else {"phone": key, "phone_verified_at": now}
    with transaction("accounts") as session:
        identifiers.release_unverified(session, key)
        identifiers.forget_sign_up(session, key)
        user = User(name=name or None, password=kept, created_at=now, **proved)
        session.add(user)
        session.flush()
        return account_of(user)


def register_unverified(email: str | None, phone: str | None, password: str, name: str | None) -> Account:
    """Open an account of addresses that nobody proved; for callers of the API.

    :raise WeakPassword: the password is not accepted
    :raise EmailTaken: the e-mail address has an account, or was proved by somebody
    :raise PhoneTaken: the phone has
    """
    kept = passwords.hashed(password)
    for key, taken in ((email, EmailTaken), (phone, PhoneTaken)):
        if key is not None and identifiers.find_by_identifier(key) is not None:
            raise taken
    try:
        return _open_unproved(email, phone, kept, name)
    except IntegrityError as error:  # somebody else did at the same moment, or the database takes é for e
        raise (EmailTaken if email is not None else PhoneTaken) from error


@retry_on_deadlock
def _open_unproved(email: str | None, phone: str | None, kept: str, name: str | None) -> Account:
    with transaction("accounts") as session:
        if email is not None:
            identifiers.forget_sign_up(session, email)
        user = User(name=name, email=email, phone=phone, password=kept, created_at=utc_now())
        session.add(user)
        session.flush()
        return account_of(user)


# ------------------------------------------------------------------------------------ the old client, by halves


def start_sign_up(email: str | None, phone: str | None = None) -> PendingUser:
    """Note that somebody wants an account; asked again for the same address it is the same one.

    :param email: None: the phone is the address
    :param phone: becomes theirs if nobody else has it when they finish
    :raise EmailTaken: the address has an account
    :raise PhoneTaken: the same of a phone alone
    :raise NoTextMessages: it is a phone alone, and this shop sends no text messages
    """
    key = email or phone or ""
    identifiers.require_sms(key)
    if identifiers.find_by_identifier(key) is not None:
        raise EmailTaken if email is not None else PhoneTaken
    with suppress(IntegrityError):  # it was asked twice at the same moment
        return _keep_sign_up(email, phone)
    return _keep_sign_up(email, phone)


@retry_on_deadlock
def _keep_sign_up(email: str | None, phone: str | None) -> PendingUser:
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
    """An unfinished sign-up by all that is given of it; None when that fits several, or nothing is given."""
    asked = select(SignUp).where(SignUp.created_at > utc_now() - UNFINISHED_KEPT)
    if user is None and email is None and phone is None:
        return None
    if user is not None:
        asked = asked.where(SignUp.user_id == user)
    if email is not None:
        asked = asked.where(SignUp.email == email)
    if phone is not None:
        asked = asked.where(SignUp.phone == phone)
    found = read_session().scalars(asked.limit(2)).all()
    if len(found) != 1 or (email is not None and found[0].email != email):
        return None
    return PendingUser(UserId(found[0].user_id), found[0].email, found[0].phone)


def send_sign_up_code(user: int, email: str | None) -> None:
    """Send the code that proves a sign-up's own address; a moment later there is no second letter.

    :param email: its own; None for one of a phone alone
    :raise UnknownUser: there is no such sign-up, or its address is another
    :raise TooManyCodes: too many were sent there
    """
    pending = find_pending(user=user, email=email)
    if pending is None or pending.email != email:
        raise UnknownUser(user)
    if one_time_codes.was_just_sent(Purpose.REGISTER, pending.address, pending.id):
        return
    try:
        one_time_codes.send(Purpose.REGISTER, pending.address, user=pending.id, payload={"is_sign_up": True})
    except TooManyCodes:
        if not one_time_codes.was_just_sent(
            Purpose.REGISTER, pending.address, pending.id
        ):  # else asked twice at a time
            raise


def verify_sign_up(
    digits: str, *, user: int | None = None, email: str | None = None, phone: str | None = None
) -> UserId:
    """Enter the code of a sign-up, which is found as `find_pending` does.

    :return: who may now choose a password, by `finish_sign_up`
    :raise WrongCode: it is not the code, or there is no such sign-up
    :raise CodeExpired: it was the code, too long ago
    """
    pending = find_pending(user=user, email=email, phone=phone)
    if pending is None:
        raise WrongCode
    sent = one_time_codes.verify(Purpose.REGISTER, pending.address, digits)
    if sent.user != pending.id or not sent.payload.get("is_sign_up"):
        raise WrongCode
    return pending.id


def is_sign_up_code(user: int, digits: str) -> bool:
    """Whether this is the code sent last for a sign-up, used up or not: for who entered it and does so again."""
    pending = find_pending(user=user)
    last = one_time_codes.find_last(Purpose.REGISTER, pending.address) if pending is not None else None
    if last is None or last.user != user or not last.payload.get("is_sign_up"):
        return False
    return hmac.compare_digest(last.digits.encode(), digits.strip().encode())


def finish_sign_up(user: UserId, password: str) -> Account:
    """Make an account of a sign-up whose address was proved: the caller saw to that.

    :raise WeakPassword: the password is not accepted
    :raise UnknownUser: there is no such sign-up any more; it may have a password already
    :raise EmailTaken: its address got an account in the meantime
    :raise PhoneTaken: the same of a phone alone
    """
    kept = passwords.hashed(password)
    for with_phone in (True, False):
        with suppress(IntegrityError):  # the phone has an account
            return _finish_sign_up(user, kept, with_phone=with_phone)
    pending = find_pending(user=user)
    raise PhoneTaken if pending is not None and pending.email is None else EmailTaken


@retry_on_deadlock
def _finish_sign_up(user: UserId, kept: str, *, with_phone: bool) -> Account:
    now = utc_now()
    with transaction("accounts") as session:
        sign_up = session.scalar(select(SignUp).where(SignUp.user_id == user).with_for_update())
        if sign_up is None or sign_up.created_at <= now - UNFINISHED_KEPT:
            raise UnknownUser(user)
        if sign_up.email is None:
            proved = {"phone": sign_up.phone, "phone_verified_at": now}
        else:
            proved = {"email": sign_up.email, "email_verified_at": now, "phone": sign_up.phone if with_phone else None}
        identifiers.release_unverified(session, sign_up.email or sign_up.phone or "")
        session.execute(update(User).where(User.id == user).values(password=kept, **proved))
        session.delete(sign_up)
        session.flush()
        return account_of(session.get_one(User, user))


@retry_on_deadlock
def forget_unfinished() -> None:
    """Delete sign-ups that nobody finished within a day; the worker asks for it."""
    with transaction("accounts") as session:
        over = select(SignUp.user_id).where(SignUp.created_at <= utc_now() - UNFINISHED_KEPT)
        session.execute(delete(User).where(User.id.in_(over)))
