"""Changes of an account's e-mail address and phone, each verified by a code, and of its second factor.

All of them require reauthentication: by the password or, for accounts without one, by a code sent to its address.
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
    """The address for the reauthentication code of an account without a password.

    :return: None if the account has a password, or no address
    """
    row = identifiers.get_user(user)
    return identifiers.code_recipient(row) if row.password is None else None


def send_reauthentication_code(user: UserId) -> str:
    """Send the reauthentication code of an account without a password.

    :return: the address it was sent to
    :raise NoProvedAddress: the account has a password, or no address to send a code to
    :raise TooManyCodes: the rate limit for codes is reached
    """
    address = reauthentication_address_of(user)
    if address is None:
        raise NoProvedAddress(user)
    one_time_codes.send(_purpose(address), address, user=user, payload={"is_proof": True})
    return address


def _check_owner(user: UserId, password: str, code: str) -> User:
    """Reauthenticate by password or code. An account with neither a password nor an address passes."""
    row = check_password(user, password)
    address = identifiers.code_recipient(row)
    if row.password is None and address is not None:
        sent = one_time_codes.verify(_purpose(address), address, code)
        if sent.user != user or not sent.payload.get("is_proof"):
            raise WrongCode
    return row


def request_contact_change(user: UserId, key: str, *, password: str = "", code: str = "") -> None:
    """Reauthenticate, then send a code to the new e-mail address or phone number of an account.

    If the address belongs to another account, its owner is informed by e-mail; the caller cannot tell the difference.

    :param key: e-mail address or phone number, as `contact.parse_identifier` returns it
    :param password: the account's password, if it has one
    :param code: the code of `send_reauthentication_code`, if it has none
    :raise WrongPassword: the password is wrong
    :raise WrongCode: the reauthentication code is not the one that was sent
    :raise CodeExpired: the reauthentication code is correct but its lifetime is over
    :raise TooManyCodes: the rate limit for codes is reached
    :raise NoTextMessages: it is a phone number, and this shop has no SMS transport
    """
    _check_owner(user, password, code)
    send_address_code(user, key)


def send_address_code(user: UserId, key: str) -> None:
    """Send a code to an address without reauthentication: another code, or one to verify the account's own address.

    :raise TooManyCodes: the rate limit for codes is reached
    :raise NoTextMessages: it is a phone number, and this shop has no SMS transport
    """
    identifiers.require_sms(key)
    owner = identifiers.find_by_identifier(key)
    if owner is not None and owner.id != user and identifiers.is_verified(owner, key):
        one_time_codes.send(_purpose(key), key, user=UserId(owner.id), payload={"is_known": True})
    else:
        one_time_codes.send(_purpose(key), key, user=user)


def confirm_contact(user: UserId, key: str, digits: str) -> None:
    """Verify the code sent to an address and make it the account's. The previous e-mail address is notified.

    :raise WrongCode: it is not the code that was sent for this account
    :raise CodeExpired: the code is correct but its lifetime is over
    :raise EmailTaken: another account has the e-mail address by now
    :raise PhoneTaken: another account has the phone number by now
    """
    sent = one_time_codes.verify(_purpose(key), key, digits)
    if sent.user != user or sent.payload.get("is_known"):
        raise WrongCode
    try:
        _store_contact(user, key)
    except IntegrityError as error:
        raise (EmailTaken if contact.is_email(key) else PhoneTaken) from error


@retry_on_deadlock
def _store_contact(user: UserId, key: str) -> None:
    now = utc_now()
    with transaction("accounts") as session:
        identifiers.release_unverified(session, key, but=user)
        row = session.scalar(select(User).where(User.id == user).with_for_update())
        if row is None:
            raise UnknownUser(user)
        if contact.is_email(key):
            identifiers.delete_sign_up(session, key)
            if row.email != key:
                identifiers.notify_owner(session, row, "email")
            row.email, row.email_verified_at = key, now
        else:
            if row.phone != key:
                identifiers.notify_owner(session, row, "phone")
            row.phone, row.phone_verified_at = key, now


def set_second_factor(user: UserId, *, on: bool, password: str = "", code: str = "") -> None:
    """Turn the second factor on or off. For staff it is always required.

    :param password: the account's password, if it has one
    :param code: the code of `send_reauthentication_code`, if it has none
    :raise WrongPassword: the password is wrong
    :raise WrongCode: the code is not the one that was sent
    :raise CodeExpired: the code is correct but its lifetime is over
    :raise NoProvedAddress: the account has no verified address to send codes to
    """
    row = _check_owner(user, password, code)
    address = identifiers.code_recipient(row)
    if on and (address is None or not identifiers.is_verified(row, address)):
        raise NoProvedAddress
    _set_second_factor(user, on)


@retry_on_deadlock
def _set_second_factor(user: UserId, on: bool) -> None:
    with transaction("accounts") as session:
        changed = session.execute(update(User).where(User.id == user, User.mfa_enabled != on).values(mfa_enabled=on))
        if rows_changed(changed):
            row = session.get_one(User, user)
            identifiers.notify_owner(session, row, "second-factor-on" if on else "second-factor-off")


def second_factor_address(user: UserId) -> str | None:
    """The verified address that sign-in codes are sent to; None if the account has none.

    :raise UnknownUser: there is no such account
    """
    row = identifiers.get_user(user)
    address = identifiers.code_recipient(row)
    return address if address is not None and identifiers.is_verified(row, address) else None
