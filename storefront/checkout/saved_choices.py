"""The saved addresses and payment methods of an account, as choices of the checkout."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from storefront.accounts import service as accounts
from storefront.accounts.values import Account, SavedAddress, SavedMethod, TooManyAddresses, UserId
from storefront.checkout.values import CheckoutDraft
from storefront.core.addresses import PostalAddress
from storefront.payments.values import PaymentOption

NEW = "new"  # the choice of an address that is not saved
_PREFIX = "saved-"


def delivery_to(address: SavedAddress, account: Account, phone: str) -> PostalAddress:
    """Convert a saved address to an order's; where it has no name, the account's name is used.

    :param phone: for the courier's questions
    """
    where = address.where
    return replace(where, phone=phone, full_name=where.full_name or account.name or "")


def chosen_address(draft: CheckoutDraft, book: Sequence[SavedAddress], account: Account) -> str:
    """The choice to preselect: the saved address that the draft has, else `NEW`; the first one for a new draft.

    :param book: the account's saved addresses, at least one
    """
    if draft.address is None:
        return str(book[0].id)
    same = (one for one in book if delivery_to(one, account, draft.address.phone) == draft.address)
    return next((str(one.id) for one in same), NEW)


def keep_address(user: UserId, address: PostalAddress) -> bool:
    """Save an address to the account, unless it is saved already.

    :return: False when the address book is full
    """
    known = [replace(one.where, phone="") for one in accounts.addresses_of(user)]
    if replace(address, phone="") in known:
        return True
    with suppress(TooManyAddresses):
        accounts.add_address(user, address)
        return True
    return False


def usable_methods(methods: Sequence[SavedMethod], offered: Sequence[PaymentOption]) -> list[SavedMethod]:
    """Saved payment methods that the checkout can offer: UPI ids and lenders of a kind that the shop offers.

    Cash has nothing to save, and cards are chosen on the page of their provider.
    """
    kinds = {option.kind for option in offered} & {"upi", "bnpl"}
    return [method for method in methods if method.kind in kinds and method.details]


def code_of(method: SavedMethod) -> str:
    """The form value of a saved payment method."""
    return f"{_PREFIX}{method.id}"


def find_chosen(code: str, methods: Sequence[SavedMethod]) -> SavedMethod | None:
    """The saved payment method with this form value; None when there is none."""
    return next((method for method in methods if code_of(method) == code), None)


def chosen_method(draft: CheckoutDraft, methods: Sequence[SavedMethod]) -> str | None:
    """The form value to preselect: the draft's, else the account's default; None when that is missing or a card."""
    if draft.payment is None:
        default = next((method for method in methods if method.is_default), None)
        if default is None or default.kind == "card":
            return None
        return "cod" if default.kind == "cod" else code_of(default)
    same = (one for one in methods if (one.kind, one.details) == (draft.payment, draft.payment_entry))
    return next((code_of(one) for one in same), draft.payment)
