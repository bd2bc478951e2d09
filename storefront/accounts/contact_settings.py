"""Where an account can be reached: its e-mail address and phone, changed by proof only, and the second factor.

All of it is asked of the owner: by the password, or, where the account has none, by a code sent to where it is reached.
"""

from __future__ import annotations

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from storefront.accounts import identifiers, one_time_codes
from storefront.accounts.authentication import check_password
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
from storefront.core import contact
from storefront.core.clock import utc_now
from storefront.db.session import retry_on_deadlock, rows_changed, transaction


def _purpose(key: str) -> Purpose:
    return Purpose.EMAIL if contact.is_email(key) else Purpose.PHONE


def reauthentication_address_of(user: UserId) -> str | None:
    """Where a code goes that stands for the password of an account without one; None: it has one, or no address."""
    row = identifiers.get_user(user)
    return identifiers.code_recipient(row) if row.password is None else None


def send_reauthentication_code(user: UserId) -> str:
    """Send the code that stands for the password of an account without one. :return: where it went

    :raise NoProvedAddress: it has a password, or nowhere could a code be sent
    :raise TooManyCodes: one was sent a moment ago
    """
    address = reauthentication_address_of(user)
    if address is None:
        raise NoProvedAddress(user)
    one_time_codes.send(_purpose(address), address, user=user, payload={"is_proof": True})
    return address


def _check_owner(user: UserId, password: str, code: str) -> User:
    """Ask again for what the owner has: the password, or a code; who has neither password nor address has nothing."""
    row = check_password(user, password)
    address = identifiers.code_recipient(row)
    if row.password is None and address is not None:
        sent = one_time_codes.verify(_purpose(address), address, code)
        if sent.user != user or not sent.payload.get("is_proof"):
            raise WrongCode
    return row


def request_contact_change(user: UserId, key: str, *, password: str = "", code: str = "") -> None:
    """Send a code to an e-mail address or phone that is to become an account's, or that it has without proof.

    Where the address has another account, its owner gets a letter that says so, and who asked sees the same as else.

    :param key: as `contact.read_key` makes it
    :param password: the account's own, where it has one
    :param code: of `send_proof_code`, where it has none
    :raise WrongPassword: the password is another
    :raise WrongCode: the code is not the one that was sent
    :raise CodeExpired: it was, too long ago
    :raise TooManyCodes: codes were sent there a moment ago
    :raise NoTextMessages: it is a phone, and this shop sends no text messages
    """
    _check_owner(user, password, code)
    send_address_code(user, key)


def send_address_code(user: UserId, key: str) -> None:
    """The same without asking for the password: another code, or one for the address it has already."""
    identifiers.require_sms(key)
    holder = identifiers.find_by_identifier(key)
    if holder is not None and holder.id != user and identifiers.is_proved(holder, key):
        one_time_codes.send(_purpose(key), key, user=UserId(holder.id), payload={"is_known": True})
    else:
        one_time_codes.send(_purpose(key), key, user=user)


def confirm_contact(user: UserId, key: str, digits: str) -> None:
    """Make an address the account's, now that the code shows whose it is; the address before hears of it.

    :raise WrongCode: it is not the code that was sent for this account
    :raise CodeExpired: it was, too long ago
    :raise EmailTaken: another account has it by now
    :raise PhoneTaken: the same, of a phone
    """
    sent = one_time_codes.verify(_purpose(key), key, digits)
    if sent.user != user or sent.payload.get("is_known"):
        raise WrongCode
    try:
        _keep_address(user, key)
    except IntegrityError as error:
        raise (EmailTaken if contact.is_email(key) else PhoneTaken) from error


@retry_on_deadlock
def _keep_address(user: UserId, key: str) -> None:
    now = utc_now()
    with transaction("accounts") as session:
        identifiers.release_unverified(session, key, but=user)
        row = session.scalar(select(User).where(User.id == user).with_for_update())
        if row is None:
            raise UnknownUser(user)
        if contact.is_email(key):
            identifiers.forget_sign_up(session, key)
            if row.email != key:
                identifiers.notify_owner(session, user, row.email, "email")
            row.email, row.email_verified_at = key, now
        else:
            if row.phone != key:
                identifiers.notify_owner(session, user, row.email, "phone")
            row.phone, row.phone_verified_at = key, now


def set_second_factor(user: UserId, *, on: bool, password: str = "", code: str = "") -> None:
    """Ask for a code at every sign-in, or no more. Of staff it is asked in any case.

    :param password: the account's own, where it has one
    :param code: of `send_proof_code`, where it has none
    :raise WrongPassword: the password is another
    :raise WrongCode: the code is not the one that was sent
    :raise CodeExpired: it was, too long ago
    :raise NoProvedAddress: no address of theirs is proved, so that no code could be sent
    """
    row = _check_owner(user, password, code)
    address = identifiers.code_recipient(row)
    if on and (address is None or not identifiers.is_proved(row, address)):
        raise NoProvedAddress
    _set_second_factor(user, on)


@retry_on_deadlock
def _set_second_factor(user: UserId, on: bool) -> None:
    with transaction("accounts") as session:
        changed = session.execute(update(User).where(User.id == user, User.mfa_enabled != on).values(mfa_enabled=on))
        if rows_changed(changed):
            row = session.get_one(User, user)
            identifiers.notify_owner(session, user, row.email, "second-factor-on" if on else "second-factor-off")


def second_factor_address(user: UserId) -> str | None:
    """The address a second factor would go to; None while none is proved.

    :raise UnknownUser: no such account
    """
    row = identifiers.get_user(user)
    address = identifiers.code_recipient(row)
    return address if address is not None and identifiers.is_proved(row, address) else None
