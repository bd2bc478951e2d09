"""The payment method of an order in one request: from what the client sends to an option that the shop offers."""

from __future__ import annotations

import re

from storefront.accounts import service as accounts
from storefront.accounts.values import SavedMethod, UserId
from storefront.checkout.values import PaymentNotOffered, RequestedPayment
from storefront.core.payment_instruments import BNPL_PROVIDERS, is_upi_id, masked_upi_id
from storefront.payments import service as payments
from storefront.payments.values import PaymentOption

NO_NAME = "Card Holder"  # sent by the old client when it knows no name

_LAST_FOUR = re.compile(r"([0-9]{4})\s*\Z", re.ASCII)


def payment_meant(user: UserId, requested: RequestedPayment) -> PaymentOption:
    """Find the payment option for a client's request: a saved method of the account that matches it, else as described.

    :raise PaymentNotOffered: the shop does not offer it, or not with this lender
    """
    saved = accounts.match_method(user, requested.kind, method=requested.method, card_number=requested.card_number)
    return _as_saved(saved) if saved else _as_described(requested)


def default_payment(user: UserId, kind: str) -> PaymentOption:
    """Find the payment option for a client that names only its kind.

    It is the account's first saved method of that kind, else an option without details.

    :param kind: card, upi, cod or bnpl
    :raise PaymentNotOffered: the shop does not offer it
    """
    saved = next((method for method in accounts.methods_of(user) if method.kind == kind), None)
    return _as_saved(saved) if saved else _as_described(RequestedPayment(kind, lender=BNPL_PROVIDERS[0]))


def _as_saved(saved: SavedMethod) -> PaymentOption:
    if saved.kind == "card":
        return _offline_option("card", _card(saved.details, saved.holder), saved=saved.id)
    if saved.kind == "bnpl":
        return _offline_option("bnpl", lender=saved.details, saved=saved.id)
    return _offline_option(saved.kind, saved.details, saved=saved.id)  # of a UPI id only the masked form is stored


def _as_described(requested: RequestedPayment) -> PaymentOption:
    if requested.kind == "card":
        digits = _LAST_FOUR.search(requested.card_number or "")
        holder = "" if requested.holder == NO_NAME else requested.holder
        return _offline_option("card", _card(digits[1] if digits else "", holder))
    if requested.kind == "upi":
        return _offline_option("upi", masked_upi_id(requested.upi_id) if is_upi_id(requested.upi_id) else "")
    return _offline_option(requested.kind, lender=requested.lender)


def _card(digits: str, holder: str) -> str:
    number = f"**** **** **** {digits}" if digits else "Card"
    return f"{number} - {holder}" if holder else number


def _offline_option(kind: str, details: str = "", lender: str = "", *, saved: int | None = None) -> PaymentOption:
    if kind == "bnpl":
        details = f"Buy Now Pay Later - {lender}"
    option = payments.offline_option(kind, details, lender if kind == "bnpl" else "", saved=saved)
    if option is None:
        raise PaymentNotOffered(kind)
    return option
