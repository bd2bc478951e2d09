"""Saved payment methods: providers' tokens and what may be displayed of them, never a number that can be charged.

The legacy client sends tokens in several formats (contract/angular-api.md 2.2.3), which `read_method` normalises.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import timedelta

from flask import current_app
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from storefront.accounts.addresses import lock_owner
from storefront.accounts.models import PaymentMethod
from storefront.accounts.values import (
    MAX_METHODS,
    NewMethod,
    SavedMethod,
    TooManyMethods,
    UnknownMethod,
    UnusableMethod,
    UserId,
)
from storefront.core.card_numbers import CardNumberRejected, contains_card_number
from storefront.core.clock import utc_now
from storefront.core.payment_instruments import BNPL_PROVIDERS, is_upi_id, masked_upi_id
from storefront.db.session import read_session, retry_on_deadlock, transaction

FRESH = timedelta(minutes=30)  # contract 2.2.8: a blank card number in an order means a method saved within this time
MAX_PROVIDER_LENGTH = 40  # characters
MAX_HOLDER_LENGTH = 120

_KINDS = {"UPI": "upi", "COD": "cod", "BNPL": "bnpl"}  # every other provider is a card network
_MANY_DIGITS = re.compile(r"[0-9]{12}", re.ASCII)  # the shortest card numbers have 12 digits
_CARD_TOKEN = re.compile(r"card_(?P<stamp>[0-9]+)(?:_(?P<end>.{0,4}))?", re.ASCII)  # `end` of the typed number
_LAST4 = re.compile(r"[0-9]{4}", re.ASCII)
_UPI_TOKEN = re.compile(r"upi_(?P<stamp>[0-9]+)_(?P<mark>[A-Za-z0-9+/=_-]{1,32})", re.ASCII)
_CARD_PARTS = re.compile(r"(?P<holder>.*)\|(?P<number>[^|]*)\|(?P<expires>[^|]*)", re.DOTALL)
_EXPIRY = re.compile(r"(?P<month>0?[1-9]|1[0-2])/(?P<year>(?:20)?[0-9]{2})", re.ASCII)


def read_method(provider: str, token: str) -> NewMethod:
    """Parse a provider's name and a token of the legacy client into a payment method, without saving it.

    :raise CardNumberRejected: one of them contains a whole card number
    :raise UnusableMethod: they do not describe a payment method
    """
    provider, token = provider.strip(), token.strip()
    if not 0 < len(provider) <= MAX_PROVIDER_LENGTH or not provider.isprintable():
        raise UnusableMethod("Name the provider")
    _reject_card_number(provider)
    kind = _KINDS.get(provider.upper(), "card")
    if kind == "cod":
        return NewMethod(provider, "cod", kind)
    if not token:
        raise UnusableMethod("The token is missing")
    if kind == "upi":
        return _read_upi(provider, token)
    if kind == "bnpl":
        return _read_bnpl(provider, token)
    return _read_card(provider, token)


def _read_upi(provider: str, token: str) -> NewMethod:
    if (match := _UPI_TOKEN.fullmatch(token)) and _is_timestamp(match["stamp"]):
        return NewMethod(provider, token, "upi")
    if is_upi_id(token):
        return NewMethod(provider, f"upi_{_milliseconds()}_{_upi_fingerprint(token)}", "upi", masked_upi_id(token))
    _reject_card_number(token)
    raise UnusableMethod("A UPI id looks like asha@okbank")


def _read_bnpl(provider: str, token: str) -> NewMethod:
    name = token.removeprefix("bnpl_").casefold()
    bnpl_provider = next((known for known in BNPL_PROVIDERS if known.casefold() == name), None)
    if bnpl_provider is None:
        _reject_card_number(token)
        raise UnusableMethod(f"Pay later works with {', '.join(BNPL_PROVIDERS)}")
    return NewMethod(provider, f"bnpl_{bnpl_provider}", "bnpl", bnpl_provider)


def _read_card(provider: str, token: str) -> NewMethod:
    match = _CARD_TOKEN.fullmatch(token)
    if match and _is_timestamp(match["stamp"]):
        end = match["end"]
        is_canonical = end is None or _LAST4.fullmatch(end) is not None
        return NewMethod(provider, token if is_canonical else _card_token(""), "card", (is_canonical and end) or "")
    _reject_card_number(token)
    parts = _CARD_PARTS.fullmatch(token)
    number = (parts["number"] if parts else token).strip()[-4:]
    last4 = number if _LAST4.fullmatch(number) else ""
    holder = " ".join(parts["holder"].split())[:MAX_HOLDER_LENGTH] if parts else ""
    return NewMethod(provider, _card_token(last4), "card", last4, holder, _expiry(parts["expires"]) if parts else "")


def _card_token(last4: str) -> str:
    return f"card_{_milliseconds()}" + (f"_{last4}" if last4 else "")


def _expiry(text: str) -> str:
    match = _EXPIRY.fullmatch(text.strip())
    return f"{int(match['month']):02}/20{match['year'][-2:]}" if match else ""


def _is_timestamp(digits: str) -> bool:
    """Whether these digits can be a time in milliseconds; other digits of that length may be a card number.

    :raise CardNumberRejected: they may be a card number
    """
    if len(digits) >= 12 and not (len(digits) == 13 and digits.startswith("1")):
        raise CardNumberRejected
    return True


def _reject_card_number(text: str) -> None:
    if _MANY_DIGITS.search(text) or contains_card_number(text):
        raise CardNumberRejected


def _milliseconds() -> int:
    return int(utc_now().timestamp() * 1000)


def _upi_fingerprint(upi_id: str) -> str:
    """A keyed hash that identifies a UPI id without revealing it; the key prevents guessing by brute force."""
    key = b"upi marks\n" + current_app.config["SECRET_KEY"].encode()
    return hmac.new(key, upi_id.lower().encode(), hashlib.sha256).hexdigest()[:16]


def _saved(row: PaymentMethod) -> SavedMethod:
    return SavedMethod(
        id=row.id,
        provider=row.provider,
        token=row.token,
        kind=row.kind,
        details=row.details,
        holder=row.holder,
        expires=row.expires,
        is_default=row.is_default,
        created_at=row.created_at,
    )


def methods_of(user: UserId) -> list[SavedMethod]:
    """The saved payment methods of an account, the default first, then the newest."""
    query = select(PaymentMethod).where(PaymentMethod.user_id == user)
    newest = (PaymentMethod.is_default.desc(), PaymentMethod.created_at.desc(), PaymentMethod.id.desc())
    return [_saved(row) for row in read_session().scalars(query.order_by(*newest))]


def _get(session: Session, user: UserId, method: int) -> PaymentMethod:
    query = select(PaymentMethod).where(PaymentMethod.id == method, PaymentMethod.user_id == user)
    row = session.scalar(query)
    if row is None:
        raise UnknownMethod(method)
    return row


def find_fresh_method(user: UserId) -> SavedMethod | None:
    """The card or UPI id saved last, if it was saved within `FRESH`."""
    is_fresh = (PaymentMethod.kind.in_(("card", "upi")), PaymentMethod.created_at > utc_now() - FRESH)
    newest = (PaymentMethod.created_at.desc(), PaymentMethod.id.desc())
    row = read_session().scalar(
        select(PaymentMethod).where(PaymentMethod.user_id == user, *is_fresh).order_by(*newest).limit(1)
    )
    return _saved(row) if row else None


def match_method(
    user: UserId, kind: str, *, method: int | None = None, card_number: str | None = None
) -> SavedMethod | None:
    """Find the saved payment method that an order of the legacy client refers to (contract 2.2.8).

    The client sends the method's id together with no card number or a masked one. For a card or UPI id saved just
    before, it knows no id and sends a card with a blank number.

    :param kind: card, upi, cod or bnpl
    :param method: id of the saved method; None: not sent
    :param card_number: as sent; None: not sent
    :return: None when the order refers to no saved method
    """
    if method is not None and (card_number is None or "*" in card_number):
        conditions = (PaymentMethod.user_id == user, PaymentMethod.kind == kind)
        row = read_session().scalar(select(PaymentMethod).where(PaymentMethod.id == method, *conditions))
        return _saved(row) if row else None
    if kind == "card" and card_number is not None and not card_number.strip():
        return find_fresh_method(user)
    return None


@retry_on_deadlock
def add_method(user: UserId, provider: str, token: str, *, is_default: bool = False) -> SavedMethod:
    """Save a payment method. If the account has the same one already, only its creation time is updated.

    :param token: in any format that `read_method` accepts
    :raise CardNumberRejected: it contains a whole card number
    :raise UnusableMethod: provider and token do not describe a payment method
    :raise UnknownUser: there is no such account
    :raise TooManyMethods: the account has `MAX_METHODS` already
    """
    new = read_method(provider, token)
    with transaction("accounts") as session:
        lock_owner(session, user)
        saved = list(session.scalars(select(PaymentMethod).where(PaymentMethod.user_id == user)))
        row = next((row for row in saved if is_same(row, new)), None)
        if row is None:
            if len(saved) >= MAX_METHODS:
                raise TooManyMethods(user)
            row = PaymentMethod(
                user_id=user,
                provider=new.provider,
                token=new.token,
                kind=new.kind,
                details=new.details,
                holder=new.holder,
                expires=new.expires,
            )
            session.add(row)
        row.created_at = utc_now()
        if is_default:
            _unset_default(session, user)
            row.is_default = True
        session.flush()
        return _saved(row)


def is_same(row: PaymentMethod, new: NewMethod) -> bool:
    """Whether a saved payment method equals a new one. UPI ids are compared by fingerprint, without the timestamp."""
    if row.kind == new.kind == "upi":
        return row.token.split("_", 2)[-1] == new.token.split("_", 2)[-1]
    return row.kind == new.kind and row.token == new.token


def _unset_default(session: Session, user: UserId) -> None:
    # "fetch" also updates rows already loaded in the session: the caller's own row may be the default.
    session.execute(
        update(PaymentMethod)
        .where(PaymentMethod.user_id == user, PaymentMethod.is_default)
        .values(is_default=False)
        .execution_options(synchronize_session="fetch")
    )


@retry_on_deadlock
def set_default_method(user: UserId, method: int) -> None:
    """Make a payment method the default.

    :raise UnknownMethod: the account has no such payment method
    :raise UnknownUser: there is no such account
    """
    with transaction("accounts") as session:
        lock_owner(session, user)
        row = _get(session, user, method)
        _unset_default(session, user)
        session.execute(update(PaymentMethod).where(PaymentMethod.id == row.id).values(is_default=True))


@retry_on_deadlock
def remove_method(user: UserId, method: int) -> None:
    """Delete a payment method.

    :raise UnknownMethod: the account has no such payment method
    """
    with transaction("accounts") as session:
        row = _get(session, user, method)
        session.execute(delete(PaymentMethod).where(PaymentMethod.id == row.id))
