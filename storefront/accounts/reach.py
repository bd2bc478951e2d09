"""Where an account can be reached: its e-mail address and phone, changed by proof only, and the second factor."""

from __future__ import annotations

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from storefront import contact, outbox
from storefront.accounts import codes, holders
from storefront.accounts.identity import check_password
from storefront.accounts.models import User
from storefront.accounts.values import (
    EmailTaken,
    NoProvedAddress,
    PhoneTaken,
    Purpose,
    UnknownUser,
    UserId,
    WrongCode,
)
from storefront.clock import utc_now
from storefront.database import retried, rows_changed, transaction


def _purpose(key: str) -> Purpose:
    return Purpose.EMAIL if contact.is_email(key) else Purpose.PHONE


def request_address(user: UserId, key: str, *, password: str) -> None:
    """Send a code to an e-mail address or phone that is to become an account's, or that it has without proof.

    Where the address has another account, its owner gets a letter that says so, and who asked sees the same as else.

    :param key: as `contact.read_key` makes it
    :param password: the account's own, where it has one
    :raise WrongPassword: it is another
    :raise TooManyCodes: codes were sent there a moment ago
    :raise NoTextMessages: it is a phone, and this shop sends no text messages
    """
    check_password(user, password)
    send_address_code(user, key)


def send_address_code(user: UserId, key: str) -> None:
    """The same without asking for the password: another code, or one for the address it has already."""
    holders.refuse_unreachable(key)
    holder = holders.find_holder(key)
    if holder is not None and holder.id != user and holders.is_proved(holder, key):
        codes.send(_purpose(key), key, user=UserId(holder.id), payload={"is_known": True})
    else:
        codes.send(_purpose(key), key, user=user)


def enter_address(user: UserId, key: str, digits: str) -> None:
    """Make an address the account's, now that the code shows whose it is; the address before hears of it.

    :raise WrongCode: it is not the code that was sent for this account
    :raise CodeExpired: it was, too long ago
    :raise EmailTaken: another account has it by now
    :raise PhoneTaken: the same, of a phone
    """
    sent = codes.use(_purpose(key), key, digits)
    if sent.user != user or sent.payload.get("is_known"):
        raise WrongCode
    try:
        _keep_address(user, key)
    except IntegrityError as error:
        raise (EmailTaken if contact.is_email(key) else PhoneTaken) from error
    outbox.hurry()


@retried
def _keep_address(user: UserId, key: str) -> None:
    now = utc_now()
    with transaction("accounts") as session:
        holders.release(session, key, but=user)
        row = session.scalar(select(User).where(User.id == user).with_for_update())
        if row is None:
            raise UnknownUser(user)
        if contact.is_email(key):
            holders.forget_sign_up(session, key)
            if row.email != key:
                holders.tell(session, user, row.email, "email")
            row.email, row.email_verified_at = key, now
        else:
            if row.phone != key:
                holders.tell(session, user, row.email, "phone")
            row.phone, row.phone_verified_at = key, now


def set_second_factor(user: UserId, *, on: bool, password: str) -> None:
    """Ask for a code at every sign-in, or no more. Of staff it is asked in any case.

    :param password: the account's own, where it has one
    :raise WrongPassword: it is another
    :raise NoProvedAddress: no address of theirs is proved, so that no code could be sent
    """
    row = check_password(user, password)
    address = holders.own_address(row)
    if on and (address is None or not holders.is_proved(row, address)):
        raise NoProvedAddress
    _set_second_factor(user, on)
    outbox.hurry()


@retried
def _set_second_factor(user: UserId, on: bool) -> None:
    with transaction("accounts") as session:
        changed = session.execute(
            update(User)
            .where(User.id == user, User.mfa_enabled != on)
            .values(mfa_enabled=on)
            .execution_options(synchronize_session=False)
        )
        if rows_changed(changed):
            row = session.get_one(User, user, populate_existing=True)
            holders.tell(session, user, row.email, "second-factor-on" if on else "second-factor-off")


def has_second_factor_by(user: UserId) -> str | None:
    """The address a second factor would go to; None while none is proved. :raise UnknownUser: no such account"""
    row = holders.get_user(user)
    address = holders.own_address(row)
    return address if address is not None and holders.is_proved(row, address) else None
