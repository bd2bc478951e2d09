"""What the checkout offers of what an account keeps: its addresses and its ways to pay."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from storefront.accounts import service as accounts
from storefront.accounts.service import Account, SavedAddress, SavedMethod, UserId
from storefront.checkout.values import CheckoutDraft
from storefront.core.addresses import PostalAddress
from storefront.payments.service import PaymentOption

NEW = "new"  # the choice of an address that is in no book
_PREFIX = "saved-"


def delivery_to(address: SavedAddress, account: Account, phone: str) -> PostalAddress:
    """A saved address as an order has it; who left their name out of it is called as in the account.

    :param phone: of whom the courier asks
    """
    where = address.where
    return replace(where, phone=phone, full_name=where.full_name or account.name or "")


def chosen_address(draft: CheckoutDraft, book: Sequence[SavedAddress], account: Account) -> str:
    """The choice that stands for what was entered before: an address of the book, or another one."""
    if draft.address is None:
        return str(book[0].id)
    same = (one for one in book if delivery_to(one, account, draft.address.phone) == draft.address)
    return next((str(one.id) for one in same), NEW)


def keep_address(user: UserId, address: PostalAddress) -> bool:
    """Put an address into the book, unless it is there.

    :return: whether it is there now
    """
    known = [replace(one.where, phone="") for one in accounts.addresses_of(user)]
    if replace(address, phone="") in known:
        return True
    with suppress(accounts.TooManyAddresses):
        accounts.add_address(user, address)
        return True
    return False


def usable_methods(methods: Sequence[SavedMethod], offered: Sequence[PaymentOption]) -> list[SavedMethod]:
    """The saved ways to pay that can be paid by here: a UPI id or a lender of which the shop offers the kind.

    Cash needs no saving, and cards are chosen on the page of their provider.
    """
    kinds = {option.kind for option in offered} & {"upi", "bnpl"}
    return [method for method in methods if method.kind in kinds and method.details]


def code_of(method: SavedMethod) -> str:
    """What the form sends for a saved way to pay."""
    return f"{_PREFIX}{method.id}"


def find_chosen(code: str, methods: Sequence[SavedMethod]) -> SavedMethod | None:
    """The saved way to pay that a form chose, None when it chose another."""
    return next((method for method in methods if code_of(method) == code), None)


def chosen_method(draft: CheckoutDraft, methods: Sequence[SavedMethod]) -> str | None:
    """The choice that stands for what was entered before; at first the account's default."""
    if draft.payment is None:
        default = next((method for method in methods if method.is_default), None)
        if default is None or default.kind == "card":
            return None
        return "cod" if default.kind == "cod" else code_of(default)
    same = (one for one in methods if (one.kind, one.details) == (draft.payment, draft.payment_entry))
    return next((code_of(one) for one in same), draft.payment)
