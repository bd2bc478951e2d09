"""The address book. An account with addresses has exactly one default, also under concurrent writes."""

from __future__ import annotations

from dataclasses import asdict

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from storefront.accounts.models import Address, User
from storefront.accounts.values import (
    MAX_ADDRESSES,
    SavedAddress,
    TooManyAddresses,
    UnknownAddress,
    UnknownUser,
    UserId,
)
from storefront.core.addresses import PostalAddress, checked_address
from storefront.core.clock import utc_now
from storefront.core.countries import country_name
from storefront.db.session import read_session, retry_on_deadlock, transaction


def _saved(row: Address) -> SavedAddress:
    where = PostalAddress(
        full_name=row.full_name,
        phone=row.phone,
        line1=row.line1,
        line2=row.line2,
        city=row.city,
        state=row.state,
        postal_code=row.postal_code,
        country=country_name(row.country),
    )
    return SavedAddress(row.id, where, row.is_default, row.created_at)


def addresses_of(user: UserId) -> list[SavedAddress]:
    """The addresses of an account, the default first, then in order of creation."""
    query = select(Address).where(Address.user_id == user).order_by(Address.is_default.desc(), Address.id)
    return [_saved(row) for row in read_session().scalars(query)]


def get_address(user: UserId, address: int) -> SavedAddress:
    """Return one address of an account.

    :raise UnknownAddress: the account has no such address
    """
    return _saved(_get(read_session(), user, address))


def _get(session: Session, user: UserId, address: int) -> Address:
    query = select(Address).where(Address.id == address, Address.user_id == user)
    row = session.scalar(query)
    if row is None:
        raise UnknownAddress(address)
    return row


def lock_owner(session: Session, user: UserId) -> None:
    """Serialise writes to an account's addresses and payment methods until the transaction ends.

    Takes a row lock on the user; SQLite has a single writer anyway.

    :raise UnknownUser: there is no such account
    """
    if session.scalar(select(User.id).where(User.id == user).with_for_update()) is None:
        raise UnknownUser(user)


@retry_on_deadlock
def add_address(user: UserId, where: PostalAddress, *, is_default: bool = False) -> SavedAddress:
    """Add an address, to India if it names no country. The first one always becomes the default.

    :raise UndeliverableAddress: it does not fit its country
    :raise UnknownUser: there is no such account
    :raise TooManyAddresses: the address book holds `MAX_ADDRESSES` already
    """
    where = checked_address(where)
    with transaction("accounts") as session:
        lock_owner(session, user)
        count = session.scalar(select(func.count()).where(Address.user_id == user)) or 0
        if count >= MAX_ADDRESSES:
            raise TooManyAddresses(user)
        is_default = is_default or count == 0
        if is_default:
            _unset_default(session, user)
        row = Address(user_id=user, is_default=is_default, created_at=utc_now(), **asdict(where))
        session.add(row)
        session.flush()
        return _saved(row)


def _unset_default(session: Session, user: UserId) -> None:
    session.execute(update(Address).where(Address.user_id == user, Address.is_default).values(is_default=False))


@retry_on_deadlock
def change_address(user: UserId, address: int, where: PostalAddress, *, is_default: bool = False) -> SavedAddress:
    """Replace an address. Orders placed before keep the old one.

    :param is_default: True makes it the default; False leaves the default as it is
    :raise UndeliverableAddress: the new one does not fit its country
    :raise UnknownAddress: the account has no such address
    :raise UnknownUser: there is no such account
    """
    where = checked_address(where)
    with transaction("accounts") as session:
        lock_owner(session, user)
        row = _get(session, user, address)
        if is_default and not row.is_default:
            _unset_default(session, user)
            row.is_default = True
        for name, text in asdict(where).items():
            setattr(row, name, text)
        session.flush()
        return _saved(row)


@retry_on_deadlock
def set_default_address(user: UserId, address: int) -> None:
    """Make an address the default in place of the previous one.

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
    """Delete an address. If it was the default, the oldest remaining address becomes the default.

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
