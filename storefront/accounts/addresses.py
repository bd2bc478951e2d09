"""The address book. An account that has addresses has one default, whoever writes at the same time."""

from __future__ import annotations

from dataclasses import asdict, replace

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from storefront.accounts.models import Address, User
from storefront.accounts.saved_values import MAX_ADDRESSES, SavedAddress, TooManyAddresses, UnknownAddress
from storefront.accounts.values import UnknownUser, UserId
from storefront.core.addresses import PostalAddress
from storefront.core.clock import utc_now
from storefront.db.session import read_session, retry_on_deadlock, transaction

HOME_COUNTRY = "India"  # of an address that names none


def _saved(row: Address) -> SavedAddress:
    where = PostalAddress(
        full_name=row.full_name,
        phone=row.phone,
        line1=row.line1,
        line2=row.line2,
        city=row.city,
        state=row.state,
        postal_code=row.postal_code,
        country=row.country,
    )
    return SavedAddress(row.id, where, row.is_default, row.created_at)


def addresses_of(user: UserId) -> list[SavedAddress]:
    """The address book, the default first."""
    mine = select(Address).where(Address.user_id == user).order_by(Address.is_default.desc(), Address.id)
    return [_saved(row) for row in read_session().scalars(mine)]


def get_address(user: UserId, address: int) -> SavedAddress:
    """One address of an account.

    :raise UnknownAddress: the account has no such address
    """
    return _saved(_get(read_session(), user, address))


def _get(session: Session, user: UserId, address: int) -> Address:
    mine = select(Address).where(Address.id == address, Address.user_id == user)
    row = session.scalar(mine)
    if row is None:
        raise UnknownAddress(address)
    return row


def lock_owner(session: Session, user: UserId) -> None:
    """Let nobody else write what the same account owns until the transaction ends.

    SQLite has one writer at a time anyway; elsewhere the row of the user is what they queue for.

    :raise UnknownUser: there is no such account
    """
    if session.scalar(select(User.id).where(User.id == user).with_for_update()) is None:
        raise UnknownUser(user)


@retry_on_deadlock
def add_address(user: UserId, where: PostalAddress, *, is_default: bool = False) -> SavedAddress:
    """Put an address into the book. The first is the default, whatever is asked for.

    :raise UnknownUser: there is no such account
    :raise TooManyAddresses: the book is full
    """
    with transaction("accounts") as session:
        lock_owner(session, user)
        count = session.scalar(select(func.count()).where(Address.user_id == user)) or 0
        if count >= MAX_ADDRESSES:
            raise TooManyAddresses(user)
        is_default = is_default or count == 0
        if is_default:
            _unset_default(session, user)
        row = Address(user_id=user, is_default=is_default, created_at=utc_now(), **asdict(_completed(where)))
        session.add(row)
        session.flush()
        return _saved(row)


def _completed(where: PostalAddress) -> PostalAddress:
    return replace(where, country=where.country or HOME_COUNTRY)


def _unset_default(session: Session, user: UserId) -> None:
    session.execute(update(Address).where(Address.user_id == user, Address.is_default).values(is_default=False))


@retry_on_deadlock
def change_address(user: UserId, address: int, where: PostalAddress, *, is_default: bool = False) -> SavedAddress:
    """Write an address anew; orders placed before keep what they were sent to.

    :param is_default: makes it the default; an address that is the default stays it
    :raise UnknownAddress: the account has no such address
    :raise UnknownUser: there is no such account
    """
    with transaction("accounts") as session:
        lock_owner(session, user)
        row = _get(session, user, address)
        if is_default and not row.is_default:
            _unset_default(session, user)
            row.is_default = True
        for name, text in asdict(_completed(where)).items():
            setattr(row, name, text)
        session.flush()
        return _saved(row)


@retry_on_deadlock
def set_default_address(user: UserId, address: int) -> None:
    """Make an address the default; the one that was is it no longer.

    :raise UnknownAddress: the account has no such address
    :raise UnknownUser: there is no such account
    """
    with transaction("accounts") as session:
        lock_owner(session, user)
        row = _get(session, user, address)
        _unset_default(session, user)
        session.execute(update(Address).where(Address.id == row.id).values(is_default=True))


@retry_on_deadlock
def remove_address(user: UserId, address: int) -> None:
    """Take an address out of the book. When it was the default, the oldest left is.

    :raise UnknownAddress: the account has no such address
    :raise UnknownUser: there is no such account
    """
    with transaction("accounts") as session:
        lock_owner(session, user)
        was_default = _get(session, user, address).is_default
        session.execute(delete(Address).where(Address.id == address, Address.user_id == user))
        if was_default:
            oldest = session.scalar(select(func.min(Address.id)).where(Address.user_id == user))
            if oldest is not None:
                session.execute(update(Address).where(Address.id == oldest).values(is_default=True))
