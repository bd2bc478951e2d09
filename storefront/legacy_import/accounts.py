"""Accounts, and what belongs to them."""

from __future__ import annotations

import re
from functools import partial

from storefront.accounts import service as accounts
from storefront.catalog import service as catalog
from storefront.core import contact
from storefront.core.addresses import PostalAddress
from storefront.legacy_import import column_names
from storefront.legacy_import.import_run import Run, grouped, identity, number, numbers, with_owners
from storefront.legacy_import.source import Row
from storefront.legacy_import.values import Notes, UnusableValue, flag, line, safe, street, text

USERS, ADDRESSES, METHODS, WISHES = "users", "addresses", "payment methods", "wishlist"
MAX_TOKEN_LENGTH = 500  # characters that are looked at

# As Spring Security's BCryptPasswordEncoder writes them, with or without the prefix of its delegating one.
_BCRYPT = re.compile(r"(?:\{bcrypt\})?(?P<hash>\$2[aby]\$(?:0[4-9]|1[0-6])\$[./A-Za-z0-9]{53})", re.ASCII)
_CUSTOMERS = frozenset({"", "CUSTOMER", "USER", "ROLE_USER", "ROLE_CUSTOMER", "NULL"})


def import_users(run: Run) -> None:
    """Accounts with the ids they had."""
    profiles, roles = run.system.find(column_names.PROFILES), run.system.find(column_names.ROLES)
    for rows in run.batches(USERS, column_names.USERS):
        ids = numbers(rows, "id")
        shown = grouped(profiles.rows_of("user_id", ids), "user_id") if profiles else {}
        held = grouped(roles.rows_of("user_id", ids), "user_id") if roles else {}
        whole = [
            {**row, "_profiles": shown.get(str(row["id"]), ()), "_roles": held.get(str(row["id"]), ())} for row in rows
        ]
        made = run.build(USERS, whole, partial(_account, run))
        run.report_batch(USERS, accounts.legacy_import.import_accounts(made))


def _account(run: Run, row: Row, notes: Notes) -> accounts.legacy_import.OldAccount:
    email, phone = _email(row, notes), _phone(row, notes)
    if email is None and phone is None:
        raise UnusableValue("it has neither an e-mail address nor a phone number that can be used")
    _note_roles(row, notes)
    profile: Row = next(iter(row["_profiles"]), {})
    both = f"{text(row.get('first_name'))} {text(row.get('last_name'))}"
    name = text(row.get("name")) or text(profile.get("name")) or text(both)
    return accounts.legacy_import.OldAccount(
        id=identity(row),
        email=email,
        phone=phone,
        password=_password(row, notes),
        name=safe(name, notes)[: contact.MAX_NAME_LENGTH] or None,
        avatar=text(row.get("avatar")) or text(profile.get("avatar")) or None,
        is_verified=flag(row.get("verified")) or flag(row.get("mfa")),
        created_at=run.at(row, "created_at"),
    )


def _email(row: Row, notes: Notes) -> str | None:
    typed = text(row.get("email"))
    if not typed:
        return None
    try:
        key = contact.normalize_email(typed)
    except contact.NotAnEmail:
        key = ""
    if not key or len(key) > contact.MAX_EMAIL_LENGTH:
        notes.append("no letter can reach its e-mail address: left out")
        return None
    return key


def _phone(row: Row, notes: Notes) -> str | None:
    typed = text(row.get("phone"))
    if not typed:
        return None
    try:
        return contact.normalize_phone(typed)
    except contact.NotAPhoneNumber:
        notes.append("its phone number is none: left out")
        return None


def _password(row: Row, notes: Notes) -> str | None:
    kept = text(row.get("password"))
    found = _BCRYPT.fullmatch(kept)
    if found is None:
        notes.append("its password is not a bcrypt hash: it needs a new one" if kept else "it has no password")
        return None
    return found["hash"]


def _note_roles(row: Row, notes: Notes) -> None:
    said = {text(row.get("role")).upper(), *(text(held["role"]).upper() for held in row["_roles"])}
    for role in sorted(said - _CUSTOMERS):
        notes.append(f"it was {role[:40]} there; rights are given by: flask --app wsgi staff role")


def import_addresses(run: Run) -> None:
    for rows in run.batches(ADDRESSES, column_names.ADDRESSES):
        made = run.build(ADDRESSES, rows, partial(_address, run))
        run.report_batch(ADDRESSES, accounts.legacy_import.import_addresses(made))
    accounts.legacy_import.settle_addresses()


def _address(run: Run, row: Row, notes: Notes) -> accounts.legacy_import.OldAddress:
    where = PostalAddress(
        full_name=line(row.get("full_name"), contact.MAX_NAME_LENGTH, "name", notes),
        phone=line(row.get("phone"), contact.MAX_PHONE_LENGTH, "phone number", notes),
        **street(row, notes),
    )
    if not (where.line1 and where.city and where.state and where.postal_code):
        raise UnusableValue("it lacks street, city, state or postal code")
    user, created_at = number(row, "user_id"), run.at(row, "created_at")
    return accounts.legacy_import.OldAddress(identity(row), user, where, flag(row.get("is_default")), created_at)


def import_methods(run: Run) -> None:
    """Saved ways to pay, of which nothing can be charged any more."""
    for rows in run.batches(METHODS, column_names.METHODS):
        made = run.build(METHODS, rows, partial(_method, run))
        run.report_batch(METHODS, accounts.legacy_import.import_methods(made))


def _method(run: Run, row: Row, notes: Notes) -> accounts.legacy_import.OldMethod:
    return accounts.legacy_import.OldMethod(
        id=identity(row),
        user_id=number(row, "user_id"),
        provider=text(row.get("provider")),
        token=text(row.get("token"))[:MAX_TOKEN_LENGTH],
        is_default=flag(row.get("is_default")),
        created_at=run.at(row, "created_at"),
    )


def import_wishes(run: Run) -> None:
    """Wishlists: users and products in one table, or in two."""
    lists = run.system.find(column_names.WISHLISTS)
    for rows in run.batches(WISHES, column_names.WISHES):
        there = catalog.legacy_import.arrived_products(numbers(rows, "product_id"))
        owned = with_owners(rows, lists, "wishlist_id")
        made = run.build(WISHES, owned, partial(_wish, run, there))
        run.report_batch(WISHES, accounts.legacy_import.import_wishlist_items(made))


def _wish(run: Run, there: set[int], row: Row, notes: Notes) -> accounts.legacy_import.OldWishlistItem:
    product = number(row, "product_id")
    if product not in there:
        raise UnusableValue("its product is not here")
    return accounts.legacy_import.OldWishlistItem(
        identity(row), number(row, "user_id"), product, run.at(row, "created_at")
    )
