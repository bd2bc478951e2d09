"""How an order in one request is paid: from what a client says to a way to pay that the shop offers."""

from __future__ import annotations

import re

from storefront.accounts import service as accounts
from storefront.accounts.service import SavedMethod, UserId
from storefront.checkout.values import PaymentNotOffered, RequestedPayment
from storefront.core.payment_instruments import BNPL_PROVIDERS, is_upi_id, masked_upi_id
from storefront.payments import service as payments
from storefront.payments.service import PaymentOption

NO_NAME = "Card Holder"  # what the old client sends where it knows no name

_LAST_FOUR = re.compile(r"([0-9]{4})\s*\Z", re.ASCII)


def payment_meant(user: UserId, wish: RequestedPayment) -> PaymentOption:
    """The way to pay that a client means: one that was saved, or what it describes.

    :raise PaymentNotOffered: the shop does not offer it, or not with this lender
    """
    saved = accounts.match_method(user, wish.kind, method=wish.method, card_number=wish.card_number)
    return _as_saved(saved) if saved else _as_described(wish)


def default_payment(user: UserId, kind: str) -> PaymentOption:
    """The way to pay of a client that names no more than its kind: the first one saved of it, as the account lists
    them, else one without particulars.

    :raise PaymentNotOffered: the shop does not offer it
    """
    saved = next((method for method in accounts.methods_of(user) if method.kind == kind), None)
    return _as_saved(saved) if saved else _as_described(RequestedPayment(kind, lender=BNPL_PROVIDERS[0]))


def _as_saved(saved: SavedMethod) -> PaymentOption:
    if saved.kind == "card":
        return _promised("card", _card(saved.details, saved.holder))
    if saved.kind == "bnpl":
        return _promised("bnpl", lender=saved.details)
    return _promised(saved.kind, saved.details)  # of a UPI id only the masked form was kept


def _as_described(wish: RequestedPayment) -> PaymentOption:
    if wish.kind == "card":
        digits = _LAST_FOUR.search(wish.card_number or "")
        return _promised("card", _card(digits[1] if digits else "", "" if wish.holder == NO_NAME else wish.holder))
    if wish.kind == "upi":
        return _promised("upi", masked_upi_id(wish.upi_id) if is_upi_id(wish.upi_id) else "")
    return _promised(wish.kind, lender=wish.lender)


def _card(digits: str, holder: str) -> str:
    number = f"**** **** **** {digits}" if digits else "Card"
    return f"{number} - {holder}" if holder else number


def _promised(kind: str, details: str = "", lender: str = "") -> PaymentOption:
    if kind == "bnpl":
        details = f"Buy Now Pay Later - {lender}"
    option = payments.offline_option(kind, details, lender if kind == "bnpl" else "")
    if option is None:
        raise PaymentNotOffered(kind)
    return option
