"""Batch import of the legacy shop's accounts, addresses, payment methods and wishlists. Existing rows are kept."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import TypeVar

from sqlalchemy import case, func, insert, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from storefront.accounts import identifiers, profile
from storefront.accounts.models import Address, ImportedRow, PaymentMethod, SignUp, User, WishlistItem
from storefront.accounts.payment_methods import is_same, read_method
from storefront.accounts.values import MAX_ADDRESSES, MAX_METHODS, NewMethod, Role, UnusableAvatar, UnusableMethod
from storefront.accounts.wishlist import MAX_WISHLIST_ITEMS
from storefront.core.addresses import PostalAddress
from storefront.core.card_numbers import CardNumberRejected
from storefront.core.countries import HOME_COUNTRY
from storefront.db import import_log
from storefront.db.import_log import BatchResult
from storefront.db.session import read_session, retry_on_deadlock, transaction

Row = TypeVar("Row", "OldAddress", "OldMethod", "OldWishlistItem")

NOT_HERE = "its account is not here"
_USER, _ADDRESS, _METHOD, _WISH = "user", "address", "payment method", "wish"


@dataclass(frozen=True, slots=True)
class OldAccount:
    """An account of the legacy shop.

    :ivar email: normalised, like `phone`
    :ivar password: a bcrypt hash; None: no password sign-in
    :ivar is_verified: the e-mail address was verified by a code
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
    """An address of the legacy shop."""

    id: int
    user_id: int
    where: PostalAddress
    is_default: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class OldMethod:
    """A payment method of the legacy shop.

    :ivar token: as the legacy client sent it; may be a whole card number, of which four digits are stored
    """

    id: int
    user_id: int
    provider: str
    token: str
    is_default: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class OldWishlistItem:
    """A wishlist item of the legacy shop."""

    id: int
    user_id: int
    product_id: int
    created_at: datetime


def imported_accounts(ids: Collection[int]) -> set[int]:
    """Which of these legacy accounts were imported and not deleted since."""
    imported = select(ImportedRow.old_id).join(User, User.id == ImportedRow.old_id).where(ImportedRow.kind == _USER)
    return set(read_session().scalars(imported.where(ImportedRow.old_id.in_(ids))))


@retry_on_deadlock
def import_accounts(batch: Sequence[OldAccount]) -> BatchResult:
    """Create accounts under their legacy ids, without sending e-mails.

    Of two accounts with the same e-mail address only the first is imported. Of two with the same phone number the
    second is imported without it.
    """
    result = BatchResult()
    with transaction("accounts") as session:
        known = import_log.already_imported(ImportedRow, _USER, [account.id for account in batch])
        ids = set(session.scalars(select(User.id).where(User.id.in_([account.id for account in batch]))))
        emails = _taken(session, User.email, [account.email for account in batch])
        phones = _taken(session, User.phone, [account.phone for account in batch])
        rows: list[dict[str, object]] = []
        for account in batch:
            if account.id in known:
                result.known.append(account.id)
            elif account.id in ids:
                result.refused[account.id] = "another account here has its id"
            elif account.email in emails:
                result.refused[account.id] = "another account has its e-mail address"
            elif account.phone in phones and account.email is None:
                result.refused[account.id] = "another account has its phone number, and it has no e-mail address"
            else:
                phone = account.phone if account.phone not in phones else None
                if phone != account.phone:
                    result.notes.append((account.id, "another account has its phone number: left out"))
                rows.append(_account_row(account, phone, result))
                result.added.append(account.id)
                emails |= {account.email} - {None}
                phones |= {phone} - {None}
        _write(session, User, rows)
        import_log.mark_imported(session, ImportedRow, _USER, result.added)
        _forget_sign_ups(session, [row["email"] for row in rows])
    return result


def _taken(session: Session, column: InstrumentedAttribute[str | None], keys: Sequence[str | None]) -> set[str | None]:
    return set(session.scalars(select(column).where(column.in_([key for key in keys if key]))))


def _account_row(account: OldAccount, phone: str | None, result: BatchResult) -> dict[str, object]:
    try:
        avatar = profile.clean_avatar_url(account.avatar)
    except UnusableAvatar:
        avatar = None
        result.notes.append((account.id, "its avatar's URL is not valid: left out"))
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
    """Delete unfinished sign-ups of addresses that have an account now."""
    for email in session.scalars(select(SignUp.email).where(SignUp.email.in_(emails))).all():
        if email is not None:
            identifiers.delete_sign_up(session, email)


def _write(session: Session, table: type, rows: Sequence[dict[str, object]]) -> None:
    if rows:
        session.execute(insert(table), rows)


@retry_on_deadlock
def import_addresses(batch: Sequence[OldAddress]) -> BatchResult:
    """Import addresses. Call `settle_addresses` after the last batch."""
    result = BatchResult()
    with transaction("accounts") as session:
        importable = _importable(batch, _ADDRESS, result)
        owners = {address.user_id for address in importable}
        counts = _counts(session, Address, owners)
        has_default = set(
            session.scalars(select(Address.user_id).where(Address.user_id.in_(owners), Address.is_default))
        )
        rows = []
        for address in importable:
            if counts[address.user_id] >= MAX_ADDRESSES:
                result.refused[address.id] = f"the address book holds {MAX_ADDRESSES} already"
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
            result.added.append(address.id)
        _write(session, Address, rows)
        import_log.mark_imported(session, ImportedRow, _ADDRESS, result.added)
    return result


@retry_on_deadlock
def settle_addresses() -> None:
    """Make the oldest address the default of every account that has addresses but no default. Idempotent."""
    has_default = func.max(case((Address.is_default, 1), else_=0))
    with transaction("accounts") as session:
        oldest = select(func.min(Address.id)).group_by(Address.user_id).having(has_default == 0)
        ids = session.scalars(oldest).all()
        for start in range(0, len(ids), 500):
            statement = update(Address).where(Address.id.in_(ids[start : start + 500])).values(is_default=True)
            session.execute(statement)


@retry_on_deadlock
def import_methods(batch: Sequence[OldMethod]) -> BatchResult:
    """Import payment methods. Of a card number only the last four digits are stored, and the report mentions it."""
    result = BatchResult()
    with transaction("accounts") as session:
        importable = _importable(batch, _METHOD, result)
        owners = {method.user_id for method in importable}
        saved: dict[int, list[PaymentMethod]] = defaultdict(list)
        for row in session.scalars(select(PaymentMethod).where(PaymentMethod.user_id.in_(owners))):
            saved[row.user_id].append(row)
        for method in importable:
            of_owner = saved[method.user_id]
            new = _read(method, result)
            if new is None:
                continue
            if any(is_same(row, new) for row in of_owner):
                result.refused[method.id] = "the account has the same payment method already"
            elif len(of_owner) >= MAX_METHODS:
                result.refused[method.id] = f"the account has {MAX_METHODS} payment methods already"
            else:
                is_default = method.is_default and not any(row.is_default for row in of_owner)
                row = PaymentMethod(
                    user_id=method.user_id, is_default=is_default, created_at=method.created_at, **_columns(new)
                )
                session.add(row)
                of_owner.append(row)
                result.added.append(method.id)
        import_log.mark_imported(session, ImportedRow, _METHOD, result.added)
    return result


def _columns(new: NewMethod) -> dict[str, str]:
    return {
        "provider": new.provider,
        "token": new.token,
        "kind": new.kind,
        "details": new.details,
        "holder": new.holder,
        "expires": new.expires,
    }


def _read(method: OldMethod, result: BatchResult) -> NewMethod | None:
    """Return what can be stored of a payment method. Its digits never appear in the report."""
    try:
        return read_method(method.provider, method.token)
    except UnusableMethod as error:
        result.refused[method.id] = error.reason
        return None
    except CardNumberRejected:
        pass
    try:
        new = read_method(method.provider, _with_last_four(method.token))
    except (UnusableMethod, CardNumberRejected):
        result.refused[method.id] = "it contains a card number outside the number field"
        return None
    result.notes.append((method.id, "it held a whole card number: the last four digits are kept"))
    return new


def _with_last_four(token: str) -> str:
    """A token, alone or as holder|number|expiry, with the number reduced to its last four digits."""
    parts = token.strip().rsplit("|", 2)
    place = 1 if len(parts) == 3 else 0
    parts[place] = "".join(character for character in parts[place] if character.isdecimal())[-4:]
    return "|".join(parts)


@retry_on_deadlock
def import_wishlist_items(batch: Sequence[OldWishlistItem]) -> BatchResult:
    """Import wishlist items. The caller checks that the products exist."""
    result = BatchResult()
    with transaction("accounts") as session:
        importable = _importable(batch, _WISH, result)
        owners = {item.user_id for item in importable}
        counts = _counts(session, WishlistItem, owners)
        items = select(WishlistItem.user_id, WishlistItem.product_id).where(WishlistItem.user_id.in_(owners))
        existing = {(user, product) for user, product in session.execute(items)}
        rows = []
        for item in importable:
            if (item.user_id, item.product_id) in existing:
                result.refused[item.id] = "the product is on the list already"
            elif counts[item.user_id] >= MAX_WISHLIST_ITEMS:
                result.refused[item.id] = f"the list holds {MAX_WISHLIST_ITEMS} products already"
            else:
                counts[item.user_id] += 1
                existing.add((item.user_id, item.product_id))
                result.added.append(item.id)
                row = {"user_id": item.user_id, "product_id": item.product_id, "created_at": item.created_at}
                rows.append({**row, "variant": "", "quantity": 1})
        _write(session, WishlistItem, rows)
        import_log.mark_imported(session, ImportedRow, _WISH, result.added)
    return result


def _importable(batch: Sequence[Row], kind: str, result: BatchResult) -> list[Row]:
    """The rows not imported before whose account is here; the others are added to the result."""
    known = import_log.already_imported(ImportedRow, kind, [row.id for row in batch])
    owners = imported_accounts({row.user_id for row in batch})
    result.known += [row.id for row in batch if row.id in known]
    result.refused |= {row.id: NOT_HERE for row in batch if row.id not in known and row.user_id not in owners}
    return [row for row in batch if row.id not in known and row.user_id in owners]


def _counts(session: Session, table: type[Address] | type[WishlistItem], owners: Collection[int]) -> dict[int, int]:
    by_user = select(table.user_id, func.count()).where(table.user_id.in_(owners)).group_by(table.user_id)
    counts: dict[int, int] = defaultdict(int)
    counts.update({user: count for user, count in session.execute(by_user) if user is not None})
    return counts
