"""Sign-in by password, the second factor, password reset and password change."""

from __future__ import annotations

from sqlalchemy import delete, select, update

from storefront.accounts import identifiers, one_time_codes, passwords
from storefront.accounts.models import Identity, User
from storefront.accounts.sessions import account_of, renew, revoke_statement
from storefront.accounts.values import (
    Account,
    NoProvedAddress,
    Purpose,
    Role,
    SecondFactorNeeded,
    UserId,
    WrongCode,
    WrongPassword,
)
from storefront.core import contact
from storefront.core.clock import utc_now
from storefront.core.security_log import SecurityEvent, security_event
from storefront.db.session import read_session, retry_on_deadlock, rows_changed, transaction


def sign_in(identifier: str, password: str) -> Account | SecondFactorNeeded:
    """Check identifier and password. Staff and accounts with a second factor are sent a code to enter as well.

    A failure takes the same time and gives the same error whether the account exists or not.

    :param identifier: e-mail address or phone number, as typed
    :return: the account, or the pending second factor
    :raise WrongPassword: they match no account
    :raise TooManyCodes: too many codes were sent to this account
    :raise NoProvedAddress: a second factor is required and the account has no address to send it to
    """
    return grant_or_challenge(_check(identifier, password))


def sign_in_with_code(identifier: str, password: str, digits: str) -> Account:
    """Check identifier, password and second factor in one call, as API clients send them.

    :param identifier: e-mail address or phone number, as typed
    :param digits: the code that `sign_in` sent
    :raise WrongPassword: identifier and password match no account
    :raise WrongCode: it is not the code that was sent, or none was
    :raise CodeExpired: the code is correct but its lifetime is over
    """
    user = _check(identifier, password)
    return pass_second_factor(UserId(user.id), digits)


def _check(identifier: str, password: str) -> User:
    user = _find(identifier)
    password_hash = user.password if user is not None else None
    if not passwords.verify(password, password_hash) or user is None or password_hash is None:
        security_event(SecurityEvent.SIGN_IN_REFUSED, account=user.id if user is not None else None, by="password")
        raise WrongPassword
    if passwords.needs_rehash(password_hash, password):
        _store_hash(user.id, password_hash, passwords.hash_password(password))
    return user


def _find(identifier: str) -> User | None:
    try:
        return identifiers.find_by_identifier(contact.parse_identifier(identifier))
    except (contact.NotAnEmail, contact.NotAPhoneNumber):
        return None


def subject_of_attempts(identifier: str | int) -> str:
    """What attempts at a password are counted by: the account, however its address or number is spelled.

    :param identifier: as typed, or the account's id
    :return: for an unknown one its normalized spelling
    """
    if isinstance(identifier, int):
        return f"account {identifier}"
    user = _find(identifier)
    if user is not None:
        return f"account {user.id}"
    try:
        return contact.parse_identifier(identifier)
    except (contact.NotAnEmail, contact.NotAPhoneNumber):
        return contact.to_plain(identifier).casefold()


@retry_on_deadlock
def _store_hash(user: int, old: str, new: str) -> None:
    with transaction("accounts") as session:
        session.execute(update(User).where(User.id == user, User.password == old).values(password=new))


def grant_or_challenge(user: User) -> Account | SecondFactorNeeded:
    """After the first factor: return the account, or send the code of the second factor if one is required."""
    if not (Role(user.role).is_staff or user.mfa_enabled):
        return account_of(user)
    return SecondFactorNeeded(UserId(user.id), _masked(_send_second_factor(user)))


def _send_second_factor(user: User) -> str:
    address = identifiers.code_recipient(user)
    if address is None:
        raise NoProvedAddress
    identifiers.require_sms(address)
    if not one_time_codes.was_just_sent(Purpose.SIGN_IN, address, UserId(user.id)):
        one_time_codes.send(Purpose.SIGN_IN, address, user=UserId(user.id))
    return address


def _masked(address: str) -> str:
    """a***@example.com, or the last four digits of a phone."""
    name, at, host = address.partition("@")
    return f"{name[:1]}***{at}{host}" if at else f"*** {address[-4:]}"


def second_factor_hint(user: UserId) -> str:
    """The masked address that the code of a sign-in was sent to.

    :raise UnknownUser: there is no such account
    """
    return _masked(identifiers.code_recipient(identifiers.get_user(user)) or "")


def send_second_factor_again(user: UserId) -> None:
    """Send another code for a sign-in whose password was correct.

    :raise TooManyCodes: the rate limit for codes is reached
    :raise UnknownUser: there is no such account
    :raise NoProvedAddress: the account has no address to send it to
    """
    row = identifiers.get_user(user)
    address = identifiers.code_recipient(row)
    if address is None:
        raise NoProvedAddress
    one_time_codes.send(Purpose.SIGN_IN, address, user=user)


def pass_second_factor(user: UserId, digits: str) -> Account:
    """Verify the code of a sign-in whose password was correct.

    :raise WrongCode: it is not the code that was sent
    :raise CodeExpired: the code is correct but its lifetime is over
    """
    row = read_session().get(User, user)
    address = identifiers.code_recipient(row) if row is not None else None
    if row is None or address is None:
        raise WrongCode
    if one_time_codes.verify(Purpose.SIGN_IN, address, digits, account=user).user != user:
        raise WrongCode
    return account_of(row)


# ------------------------------------------------------------------------------------ reset and change


def request_reset(key: str) -> None:
    """Send a code for a password reset. For an unknown address a decoy is stored, so that both cases look the same.

    :param key: e-mail address or phone number, as `contact.parse_identifier` returns it
    :raise TooManyCodes: the rate limit for codes is reached
    :raise NoTextMessages: it is a phone number, and this shop has no SMS transport
    """
    identifiers.require_sms(key)
    user = identifiers.find_by_identifier(key)
    stored = (user.email if contact.is_email(key) else user.phone) if user is not None else None
    # An unverified phone number may be mistyped and belong to somebody else.
    if user is None or stored is None or not (contact.is_email(key) or identifiers.is_verified(user, key)):
        one_time_codes.send(Purpose.RESET, key, payload={"is_nobody": True})
    else:
        one_time_codes.send(Purpose.RESET, stored, user=UserId(user.id))


def reset_password(key: str, digits: str, password: str) -> None:
    """Set a new password by the code that was sent, and end all sessions of the account.

    :param key: the address the code was requested for
    :raise WeakPassword: the password is not accepted
    :raise WrongCode: it is not the code that was sent
    :raise CodeExpired: the code is correct but its lifetime is over
    """
    password_hash = passwords.hash_new_password(password)
    sent = one_time_codes.verify(Purpose.RESET, key, digits)
    if sent.user is None:
        raise WrongCode
    _reset(sent.user, key, password_hash)
    security_event(SecurityEvent.PASSWORD_CHANGED, account=sent.user, by="code")


@retry_on_deadlock
def _reset(user: UserId, key: str, password_hash: str) -> None:
    now = utc_now()
    with transaction("accounts") as session:
        row = session.scalar(select(User).where(User.id == user).with_for_update())
        if row is None or (row.email if contact.is_email(key) else row.phone) != key:
            raise WrongCode  # the address was changed after the code was sent
        if contact.is_email(key) and row.email_verified_at is None:
            # The account was opened with an unverified address, perhaps by somebody else: remove every other way in.
            row.phone, row.phone_verified_at, row.mfa_enabled = None, None, False
            session.execute(delete(Identity).where(Identity.user_id == user))
            row.email_verified_at = now
        row.password = password_hash
        one_time_codes.delete_sign_in_codes(session, user)
        session.execute(revoke_statement(user))
        identifiers.notify_owner(session, row, "password")


def change_password(user: UserId, old: str, new: str, *, current: str) -> str:
    """Change the password and end all other sessions of the account.

    :param current: reference of the session that stays signed in
    :return: its new reference: copies of its cookie are nobody's
    :raise WrongPassword: the old password is wrong, or the account has none
    :raise WeakPassword: the new password is not accepted
    """
    row = check_password(user, old)
    if row.password is None:
        raise WrongPassword
    reference = _change_password(user, row.password, passwords.hash_new_password(new), current)
    security_event(SecurityEvent.PASSWORD_CHANGED, account=user, by="password")
    return reference


def check_password(user: UserId, password: str) -> User:
    """Reauthenticate by password. An account without a password passes.

    :return: the account's row
    :raise WrongPassword: the password is wrong
    """
    row = identifiers.get_user(user)
    if row.password is not None and not passwords.verify(password, row.password):
        security_event(SecurityEvent.SIGN_IN_REFUSED, account=user, by="password asked again")
        raise WrongPassword
    return row


@retry_on_deadlock
def _change_password(user: UserId, old: str, new: str, current: str) -> str:
    with transaction("accounts") as session:
        changed = session.execute(update(User).where(User.id == user, User.password == old).values(password=new))
        if not rows_changed(changed):
            raise WrongPassword  # changed by a concurrent request
        session.execute(revoke_statement(user, but=current))
        row = session.get_one(User, user)
        identifiers.notify_owner(session, row, "password")
        return renew(session, current)
