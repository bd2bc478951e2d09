"""Imports accounts, addresses, payment methods and wishlists."""

from __future__ import annotations

import re
from functools import partial

from storefront.accounts import service as accounts
from storefront.catalog import service as catalog
from storefront.core import contact
from storefront.core.addresses import AddressProblem, PostalAddress, UndeliverableAddress, checked_address
from storefront.legacy_import import column_names
from storefront.legacy_import.import_run import Run, grouped, identity, number, numbers, with_owners
from storefront.legacy_import.source import Row
from storefront.legacy_import.values import Notes, UnusableValue, flag, line, street, text, words

USERS, ADDRESSES, METHODS, WISHLIST_ITEMS = "users", "addresses", "payment methods", "wishlist"
MAX_TOKEN_LENGTH = 500  # characters; longer tokens are cut

# Hashes of Spring Security's BCryptPasswordEncoder, also with the prefix of its delegating encoder.
_BCRYPT = re.compile(r"(?:\{bcrypt\})?(?P<hash>\$2[aby]\$(?:0[4-9]|1[0-6])\$[./A-Za-z0-9]{53})", re.ASCII)
_CUSTOMERS = frozenset({"", "CUSTOMER", "USER", "ROLE_USER", "ROLE_CUSTOMER", "NULL"})


def import_users(run: Run) -> None:
    """Import accounts, keeping their ids."""
    profiles, roles = run.system.find(column_names.PROFILES), run.system.find(column_names.ROLES)
    for rows in run.batches(USERS, column_names.USERS):
        ids = numbers(rows, "id")
        by_user = grouped(profiles.rows_of("user_id", ids), "user_id") if profiles else {}
        roles_of = grouped(roles.rows_of("user_id", ids), "user_id") if roles else {}
        users = [
            {**row, "_profiles": by_user.get(str(row["id"]), ()), "_roles": roles_of.get(str(row["id"]), ())}
            for row in rows
        ]
        made = run.build(USERS, users, partial(_account, run))
        run.report_batch(USERS, accounts.legacy_import.import_accounts(made))


def _account(run: Run, row: Row, notes: Notes) -> accounts.legacy_import.OldAccount:
    email, phone = _email(row, notes), _phone(row, notes)
    if email is None and phone is None:
        raise UnusableValue("it has no valid e-mail address or phone number")
    _note_roles(row, notes)
    profile: Row = next(iter(row["_profiles"]), {})
    both = f"{text(row.get('first_name'))} {text(row.get('last_name'))}"
    name = words(row.get("name"), notes) or words(profile.get("name"), notes) or words(both, notes)
    return accounts.legacy_import.OldAccount(
        id=identity(row),
        email=email,
        phone=phone,
        password=_password(row, notes),
        name=name[: contact.MAX_NAME_LENGTH] or None,
        avatar=text(row.get("avatar")) or text(profile.get("avatar")) or None,
        is_verified=flag(row.get("verified"), "verified", notes) or flag(row.get("mfa"), "verified", notes),
        created_at=run.at(row, notes, "created_at"),
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
        notes.append("its e-mail address is invalid: left out")
        return None
    return key


def _phone(row: Row, notes: Notes) -> str | None:
    typed = text(row.get("phone"))
    if not typed:
        return None
    try:
        return contact.normalize_phone(typed)
    except contact.NotAPhoneNumber:
        notes.append("its phone number is invalid: left out")
        return None


def _password(row: Row, notes: Notes) -> str | None:
    stored = text(row.get("password"))
    match = _BCRYPT.fullmatch(stored)
    if match is None:
        notes.append("its password is not a bcrypt hash: it needs a new one" if stored else "it has no password")
        return None
    return match["hash"]


def _note_roles(row: Row, notes: Notes) -> None:
    roles = {text(row.get("role")).upper(), *(text(held["role"]).upper() for held in row["_roles"])}
    for role in sorted(roles - _CUSTOMERS):
        notes.append(f"its role {role[:40]} was not imported: use flask --app wsgi staff role")


def import_addresses(run: Run) -> None:
    """Import address books."""
    for rows in run.batches(ADDRESSES, column_names.ADDRESSES):
        made = run.build(ADDRESSES, rows, partial(_address, run))
        run.report_batch(ADDRESSES, accounts.legacy_import.import_addresses(made))
    accounts.legacy_import.settle_addresses()


def _address(run: Run, row: Row, notes: Notes) -> accounts.legacy_import.OldAddress:
    address = PostalAddress(
        full_name=line(row.get("full_name"), contact.MAX_NAME_LENGTH, "name", notes),
        phone=line(row.get("phone"), contact.MAX_PHONE_LENGTH, "phone number", notes),
        **street(row, notes),
    )
    _check_address(address, notes)
    user, created_at = number(row, "user_id"), run.at(row, notes, "created_at")
    return accounts.legacy_import.OldAddress(
        identity(row), user, address, flag(row.get("is_default"), "the default", notes), created_at
    )


def _check_address(address: PostalAddress, notes: Notes) -> None:
    """Note what keeps an address from being used for an order until its owner mends it.

    :raise UnusableValue: a part of it is missing
    """
    try:
        checked_address(address)
    except UndeliverableAddress as refused:
        if AddressProblem.MISSING in refused.problems.values():
            raise UnusableValue("it lacks street, city, state or postal code") from refused
        what = " and ".join(name.replace("_", " ") for name in refused.problems)
        notes.append(f"its {what} must be corrected before it can be used for an order")


def import_methods(run: Run) -> None:
    """Import saved payment methods, which cannot be charged any more."""
    for rows in run.batches(METHODS, column_names.METHODS):
        made = run.build(METHODS, rows, partial(_method, run))
        run.report_batch(METHODS, accounts.legacy_import.import_methods(made))


def _method(run: Run, row: Row, notes: Notes) -> accounts.legacy_import.OldMethod:
    return accounts.legacy_import.OldMethod(
        id=identity(row),
        user_id=number(row, "user_id"),
        provider=text(row.get("provider")),
        token=text(row.get("token"))[:MAX_TOKEN_LENGTH],
        is_default=flag(row.get("is_default"), "the default", notes),
        created_at=run.at(row, notes, "created_at"),
    )


def import_wishlists(run: Run) -> None:
    """Import wishlists, stored in one table or in two."""
    lists = run.system.find(column_names.WISHLISTS)
    for rows in run.batches(WISHLIST_ITEMS, column_names.WISHES):
        imported = catalog.legacy_import.arrived_products(numbers(rows, "product_id"))
        owned = with_owners(rows, lists, "wishlist_id")
        made = run.build(WISHLIST_ITEMS, owned, partial(_wishlist_item, run, imported))
        run.report_batch(WISHLIST_ITEMS, accounts.legacy_import.import_wishlist_items(made))


def _wishlist_item(run: Run, imported: set[int], row: Row, notes: Notes) -> accounts.legacy_import.OldWishlistItem:
    product = number(row, "product_id")
    if product not in imported:
        raise UnusableValue("its product was not imported")
    return accounts.legacy_import.OldWishlistItem(
        identity(row), number(row, "user_id"), product, run.at(row, notes, "created_at")
    )
