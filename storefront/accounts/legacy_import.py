"""Accounts of the old shop and what belonged to them, taken over batch by batch; what is here stays as it is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import TypeVar

from sqlalchemy import case, func, insert, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from storefront.accounts import identifiers, profile
from storefront.accounts.addresses import HOME_COUNTRY
from storefront.accounts.models import Address, ImportedRow, PaymentMethod, SignUp, User, WishlistItem
from storefront.accounts.payment_methods import is_same, read_method
from storefront.accounts.saved_values import MAX_ADDRESSES, MAX_METHODS, NewMethod, UnusableAvatar, UnusableMethod
from storefront.accounts.values import Role
from storefront.accounts.wishlist import MAX_WISHLIST_ITEMS
from storefront.core.addresses import PostalAddress
from storefront.core.card_numbers import CardNumberRejected
from storefront.db import import_log
from storefront.db.import_log import BatchResult
from storefront.db.session import read_session, retry_on_deadlock, transaction

Row = TypeVar("Row", "OldAddress", "OldMethod", "OldWish")

NOT_HERE = "its account is not here"
_USER, _ADDRESS, _METHOD, _WISH = "user", "address", "payment method", "wish"


@dataclass(frozen=True, slots=True)
class OldAccount:
    """An account as it was there.

    :ivar email: as accounts are known by it, as for `phone`
    :ivar password: a bcrypt hash; None: nobody signs in by it
    :ivar is_verified: a code proved that the e-mail address is theirs
    """

    id: int
    email: str | None
    phone: str | None
    password: str | None
    name: str | None
    avatar: str | None
    is_verified: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class OldAddress:
    id: int
    user_id: int
    where: PostalAddress
    is_default: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class OldMethod:
    """:ivar token: whatever the old client sent as one, also a whole card number, of which four digits are kept"""

    id: int
    user_id: int
    provider: str
    token: str
    is_default: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class OldWish:
    id: int
    user_id: int
    product_id: int
    created_at: datetime


def imported_accounts(ids: Collection[int]) -> set[int]:
    """Which accounts of the old shop are here: they came over, and were not deleted since."""
    came = select(ImportedRow.old_id).join(User, User.id == ImportedRow.old_id).where(ImportedRow.kind == _USER)
    return set(read_session().scalars(came.where(ImportedRow.old_id.in_(ids))))


@retry_on_deadlock
def import_accounts(batch: Sequence[OldAccount]) -> BatchResult:
    """Open accounts under the ids they had; nobody is written to.

    Of two that claim an e-mail address the first has it; of two that claim a phone number, too, and the second goes
    without.
    """
    landing = BatchResult()
    with transaction("accounts") as session:
        known = import_log.already_imported(ImportedRow, _USER, [account.id for account in batch])
        ids = set(session.scalars(select(User.id).where(User.id.in_([account.id for account in batch]))))
        emails = _taken(session, User.email, [account.email for account in batch])
        phones = _taken(session, User.phone, [account.phone for account in batch])
        rows: list[dict[str, object]] = []
        for account in batch:
            if account.id in known:
                landing.known.append(account.id)
            elif account.id in ids:
                landing.refused[account.id] = "another account here has its id"
            elif account.email in emails:
                landing.refused[account.id] = "another account has its e-mail address"
            elif account.phone in phones and account.email is None:
                landing.refused[account.id] = "another account has its phone number, and it has no e-mail address"
            else:
                phone = account.phone if account.phone not in phones else None
                if phone != account.phone:
                    landing.notes.append((account.id, "another account has its phone number: left out"))
                rows.append(_account_row(account, phone, landing))
                landing.added.append(account.id)
                emails |= {account.email} - {None}
                phones |= {phone} - {None}
        _write(session, User, rows)
        import_log.mark_imported(session, ImportedRow, _USER, landing.added)
        _forget_sign_ups(session, [row["email"] for row in rows])
    return landing


def _taken(session: Session, column: InstrumentedAttribute[str | None], keys: Sequence[str | None]) -> set[str | None]:
    return set(session.scalars(select(column).where(column.in_([key for key in keys if key]))))


def _account_row(account: OldAccount, phone: str | None, landing: BatchResult) -> dict[str, object]:
    try:
        avatar = profile.usable(account.avatar)
    except UnusableAvatar:
        avatar = None
        landing.notes.append((account.id, "the address of its picture is none: left out"))
    return {
        "id": account.id,
        "email": account.email,
        "phone": phone,
        "password": account.password,
        "name": account.name,
        "avatar": avatar,
        "mfa_enabled": False,
        "role": Role.CUSTOMER,
        "email_verified_at": account.created_at if account.is_verified and account.email else None,
        "created_at": account.created_at,
    }


def _forget_sign_ups(session: Session, emails: Sequence[object]) -> None:
    """Whoever had begun to sign up by such an address has an account now."""
    for email in session.scalars(select(SignUp.email).where(SignUp.email.in_(emails))).all():
        if email is not None:
            identifiers.forget_sign_up(session, email)


def _write(session: Session, table: type, rows: Sequence[dict[str, object]]) -> None:
    if rows:
        session.execute(insert(table), rows)


@retry_on_deadlock
def import_addresses(batch: Sequence[OldAddress]) -> BatchResult:
    """Put addresses into their owners' books; `settle_addresses` is called when all are in."""
    landing = BatchResult()
    with transaction("accounts") as session:
        waiting = _belongings(batch, _ADDRESS, landing)
        owners = {address.user_id for address in waiting}
        counts = _counts(session, Address, owners)
        has_default = set(
            session.scalars(select(Address.user_id).where(Address.user_id.in_(owners), Address.is_default))
        )
        rows = []
        for address in waiting:
            if counts[address.user_id] >= MAX_ADDRESSES:
                landing.refused[address.id] = f"the address book holds {MAX_ADDRESSES} already"
                continue
            counts[address.user_id] += 1
            is_default = address.is_default and address.user_id not in has_default
            has_default |= {address.user_id} if is_default else set()
            where = replace(address.where, country=address.where.country or HOME_COUNTRY)
            rows.append(
                {
                    "user_id": address.user_id,
                    "is_default": is_default,
                    "created_at": address.created_at,
                    **asdict(where),
                }
            )
            landing.added.append(address.id)
        _write(session, Address, rows)
        import_log.mark_imported(session, ImportedRow, _ADDRESS, landing.added)
    return landing


@retry_on_deadlock
def settle_addresses() -> None:
    """Every book has a default: where none is marked, the oldest address is it. Safe to repeat."""
    marked = func.max(case((Address.is_default, 1), else_=0))
    with transaction("accounts") as session:
        oldest = select(func.min(Address.id)).group_by(Address.user_id).having(marked == 0)
        ids = session.scalars(oldest).all()
        for start in range(0, len(ids), 500):
            chosen = update(Address).where(Address.id.in_(ids[start : start + 500])).values(is_default=True)
            session.execute(chosen)


@retry_on_deadlock
def import_methods(batch: Sequence[OldMethod]) -> BatchResult:
    """Keep ways to pay. Of a card number the last four digits are kept, and it is noted that there was one."""
    landing = BatchResult()
    with transaction("accounts") as session:
        waiting = _belongings(batch, _METHOD, landing)
        owners = {method.user_id for method in waiting}
        kept: dict[int, list[PaymentMethod]] = defaultdict(list)
        for row in session.scalars(select(PaymentMethod).where(PaymentMethod.user_id.in_(owners))):
            kept[row.user_id].append(row)
        for method in waiting:
            mine = kept[method.user_id]
            new = _read(method, landing)
            if new is None:
                continue
            if any(is_same(row, new) for row in mine):
                landing.refused[method.id] = "the account keeps the same already"
            elif len(mine) >= MAX_METHODS:
                landing.refused[method.id] = f"the account keeps {MAX_METHODS} ways to pay already"
            else:
                is_default = method.is_default and not any(row.is_default for row in mine)
                row = PaymentMethod(
                    user_id=method.user_id, is_default=is_default, created_at=method.created_at, **_columns(new)
                )
                session.add(row)
                mine.append(row)
                landing.added.append(method.id)
        import_log.mark_imported(session, ImportedRow, _METHOD, landing.added)
    return landing


def _columns(new: NewMethod) -> dict[str, str]:
    return {
        "provider": new.provider,
        "token": new.token,
        "kind": new.kind,
        "details": new.details,
        "holder": new.holder,
        "expires": new.expires,
    }


def _read(method: OldMethod, landing: BatchResult) -> NewMethod | None:
    """What can be kept of it; its digits are in nothing that is said of it."""
    try:
        return read_method(method.provider, method.token)
    except UnusableMethod as error:
        landing.refused[method.id] = error.reason
        return None
    except CardNumberRejected:
        pass
    try:
        new = read_method(method.provider, _with_last_four(method.token))
    except (UnusableMethod, CardNumberRejected):
        landing.refused[method.id] = "it holds a card number where none may stand"
        return None
    landing.notes.append((method.id, "it held a whole card number: the last four digits are kept"))
    return new


def _with_last_four(token: str) -> str:
    """A token, alone or as holder|number|expiry, with the end of the number for the number."""
    parts = token.strip().rsplit("|", 2)
    place = 1 if len(parts) == 3 else 0
    parts[place] = "".join(character for character in parts[place] if character.isdecimal())[-4:]
    return "|".join(parts)


@retry_on_deadlock
def import_wishes(batch: Sequence[OldWish]) -> BatchResult:
    """Put products on wishlists; that they are on sale here is the caller's to know."""
    landing = BatchResult()
    with transaction("accounts") as session:
        waiting = _belongings(batch, _WISH, landing)
        owners = {wish.user_id for wish in waiting}
        counts = _counts(session, WishlistItem, owners)
        asked = select(WishlistItem.user_id, WishlistItem.product_id).where(WishlistItem.user_id.in_(owners))
        there = {(user, product) for user, product in session.execute(asked)}
        rows = []
        for wish in waiting:
            if (wish.user_id, wish.product_id) in there:
                landing.refused[wish.id] = "the product is on the list already"
            elif counts[wish.user_id] >= MAX_WISHLIST_ITEMS:
                landing.refused[wish.id] = f"the list holds {MAX_WISHLIST_ITEMS} products already"
            else:
                counts[wish.user_id] += 1
                there.add((wish.user_id, wish.product_id))
                landing.added.append(wish.id)
                row = {"user_id": wish.user_id, "product_id": wish.product_id, "created_at": wish.created_at}
                rows.append({**row, "variant": "", "quantity": 1})
        _write(session, WishlistItem, rows)
        import_log.mark_imported(session, ImportedRow, _WISH, landing.added)
    return landing


def _belongings(batch: Sequence[Row], kind: str, landing: BatchResult) -> list[Row]:
    """Those that did not come before and whose owner did; the others are said of."""
    known = import_log.already_imported(ImportedRow, kind, [row.id for row in batch])
    owners = imported_accounts({row.user_id for row in batch})
    landing.known += [row.id for row in batch if row.id in known]
    landing.refused |= {row.id: NOT_HERE for row in batch if row.id not in known and row.user_id not in owners}
    return [row for row in batch if row.id not in known and row.user_id in owners]


def _counts(session: Session, table: type[Address] | type[WishlistItem], owners: Collection[int]) -> dict[int, int]:
    asked = select(table.user_id, func.count()).where(table.user_id.in_(owners)).group_by(table.user_id)
    found: dict[int, int] = defaultdict(int)
    found.update({user: count for user, count in session.execute(asked) if user is not None})
    return found
