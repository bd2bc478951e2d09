"""Who is who: sign-in by password, the second factor, and passwords lost and changed."""

from __future__ import annotations

from sqlalchemy import delete, select, update

from storefront.accounts import identifiers, one_time_codes, passwords
from storefront.accounts.models import Identity, User
from storefront.accounts.sessions import account_of, revoke_statement
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
    """Who has this identifier and password; staff, and whoever asked for it, are sent a code to be entered as well.

    Wrong is wrong: it takes as long and reads the same whether there is such an account or not.

    :param identifier: e-mail address or phone number, as typed
    :raise WrongPassword: they fit no account
    :raise TooManyCodes: too many codes were sent to this account
    """
    return grant_or_challenge(_check(identifier, password))


def sign_in_with_code(identifier: str, password: str, digits: str) -> Account:
    """The same for who brings the second factor along with the password, as programs do.

    :param digits: the code that `sign_in` sent
    :raise WrongPassword: identifier and password fit no account
    :raise WrongCode: it is not the code that was sent, or none was
    :raise CodeExpired: it was, too long ago
    """
    user = _check(identifier, password)
    return pass_second_factor(UserId(user.id), digits)


def _check(identifier: str, password: str) -> User:
    user = _find(identifier)
    kept = user.password if user is not None else None
    if not passwords.fits(password, kept) or user is None or kept is None:
        security_event(SecurityEvent.SIGN_IN_REFUSED, account=user.id if user is not None else None, by="password")
        raise WrongPassword
    if passwords.is_outdated(kept):
        _keep_hash(user.id, kept, passwords.hashed_anew(password))
    return user


def _find(identifier: str) -> User | None:
    try:
        return identifiers.find_by_identifier(contact.parse_identifier(identifier))
    except (contact.NotAnEmail, contact.NotAPhoneNumber):
        return None


@retry_on_deadlock
def _keep_hash(user: int, old: str, new: str) -> None:
    with transaction("accounts") as session:
        session.execute(update(User).where(User.id == user, User.password == old).values(password=new))


def grant_or_challenge(user: User) -> Account | SecondFactorNeeded:
    """Let in whoever has shown the first factor, or send them the second one."""
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
    """Where the code of a sign-in went, but for most of its letters.

    :raise UnknownUser: there is no such account
    """
    return _masked(identifiers.code_recipient(identifiers.get_user(user)) or "")


def send_second_factor_again(user: UserId) -> None:
    """Send another code for a sign-in whose password was right.

    :raise TooManyCodes: one was sent a moment ago
    :raise UnknownUser: there is no such account
    """
    row = identifiers.get_user(user)
    address = identifiers.code_recipient(row)
    if address is None:
        raise NoProvedAddress
    one_time_codes.send(Purpose.SIGN_IN, address, user=user)


def pass_second_factor(user: UserId, digits: str) -> Account:
    """Enter the code of a sign-in whose password was right.

    :raise WrongCode: it is not the code that was sent
    :raise CodeExpired: it was, too long ago
    """
    row = read_session().get(User, user)
    address = identifiers.code_recipient(row) if row is not None else None
    if (
        row is None
        or address is None
        or one_time_codes.verify(Purpose.SIGN_IN, address, digits, account=user).user != user
    ):
        raise WrongCode
    return account_of(row)


# ------------------------------------------------------------------------------------ lost and changed


def request_reset(key: str) -> None:
    """Send a code to choose a new password by, to the address the account has; without one the same is done in vain.

    :param key: e-mail address or phone number, as `contact.read_key` makes it
    :raise TooManyCodes: codes were sent there a moment ago
    :raise NoTextMessages: it is a phone, and this shop sends no text messages
    """
    identifiers.require_sms(key)
    holder = identifiers.find_by_identifier(key)
    stored = (holder.email if contact.is_email(key) else holder.phone) if holder is not None else None
    # A phone that nobody proved may be somebody else's by a slip of the finger.
    if holder is None or stored is None or not (contact.is_email(key) or identifiers.is_proved(holder, key)):
        one_time_codes.send(Purpose.RESET, key, payload={"is_nobody": True})
    else:
        one_time_codes.send(Purpose.RESET, stored, user=UserId(holder.id))


def reset_password(key: str, digits: str, password: str) -> None:
    """Choose a new password by the code that was sent; whoever is signed in to the account is so no more.

    :raise WeakPassword: the password is not accepted
    :raise WrongCode: it is not the code that was sent
    :raise CodeExpired: it was, too long ago
    """
    kept = passwords.hashed(password)
    sent = one_time_codes.verify(Purpose.RESET, key, digits)
    if sent.user is None:
        raise WrongCode
    _reset(sent.user, key, kept)
    security_event(SecurityEvent.PASSWORD_CHANGED, account=sent.user, by="code")


@retry_on_deadlock
def _reset(user: UserId, key: str, kept: str) -> None:
    now = utc_now()
    with transaction("accounts") as session:
        row = session.scalar(select(User).where(User.id == user).with_for_update())
        if row is None or (row.email if contact.is_email(key) else row.phone) != key:
            raise WrongCode  # the address was changed since
        if contact.is_email(key) and row.email_verified_at is None:
            # Whoever opened the account never showed that the address is theirs: their other ways in are closed.
            row.phone, row.phone_verified_at, row.mfa_enabled = None, None, False
            session.execute(delete(Identity).where(Identity.user_id == user))
            row.email_verified_at = now
        row.password = kept
        one_time_codes.forget_sign_ins(session, user)
        session.execute(revoke_statement(user))
        identifiers.notify_owner(session, user, row.email, "password")


def change_password(user: UserId, old: str, new: str, *, current: str) -> None:
    """Choose another password; all other sign-ins end.

    :param current: reference of the session that asks
    :raise WrongPassword: the old one is another, or there is none
    :raise WeakPassword: the new one is not accepted
    """
    row = check_password(user, old)
    if row.password is None:
        raise WrongPassword
    _change_password(user, row.password, passwords.hashed(new), current)
    security_event(SecurityEvent.PASSWORD_CHANGED, account=user, by="password")


def check_password(user: UserId, password: str) -> User:
    """Ask for the password again before something that matters; an account without one has nothing to be asked for.

    :raise WrongPassword: it is another
    """
    row = identifiers.get_user(user)
    if row.password is not None and not passwords.fits(password, row.password):
        security_event(SecurityEvent.SIGN_IN_REFUSED, account=user, by="password asked again")
        raise WrongPassword
    return row


@retry_on_deadlock
def _change_password(user: UserId, old: str, new: str, current: str) -> None:
    with transaction("accounts") as session:
        changed = session.execute(update(User).where(User.id == user, User.password == old).values(password=new))
        if not rows_changed(changed):
            raise WrongPassword  # it was changed elsewhere a moment ago
        session.execute(revoke_statement(user, but=current))
        row = session.get_one(User, user)
        identifiers.notify_owner(session, user, row.email, "password")
