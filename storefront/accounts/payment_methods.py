"""Saved ways to pay: providers' tokens and what may be shown of them, never a number that can be charged.

What the old client sends as a token is a mixture (contract/angular-api.md 2.2.3); `read_method` makes one thing of it.
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
from storefront.accounts.saved_values import (
    MAX_METHODS,
    NewMethod,
    SavedMethod,
    TooManyMethods,
    UnknownMethod,
    UnusableMethod,
)
from storefront.accounts.values import UserId
from storefront.core.card_numbers import CardNumberRejected, contains_card_number
from storefront.core.clock import utc_now
from storefront.core.payment_instruments import BNPL_PROVIDERS, is_upi_id, masked_upi_id
from storefront.db.session import read_session, retry_on_deadlock, transaction

FRESH = timedelta(minutes=30)  # contract 2.2.8: an order with a blank card means what was saved so lately
MAX_PROVIDER_LENGTH = 40  # characters
MAX_HOLDER_LENGTH = 120

_KINDS = {"UPI": "upi", "COD": "cod", "BNPL": "bnpl"}  # every other provider is a card's
_MANY_DIGITS = re.compile(r"[0-9]{12}", re.ASCII)  # a card number has at least as many, whoever issued it
_CARD_TOKEN = re.compile(r"card_(?P<stamp>[0-9]+)(?:_(?P<end>.{0,4}))?", re.ASCII)  # the end of what was typed
_LAST4 = re.compile(r"[0-9]{4}", re.ASCII)
_UPI_TOKEN = re.compile(r"upi_(?P<stamp>[0-9]+)_(?P<mark>[A-Za-z0-9+/=_-]{1,32})", re.ASCII)
_CARD_PARTS = re.compile(r"(?P<holder>.*)\|(?P<number>[^|]*)\|(?P<expires>[^|]*)", re.DOTALL)
_EXPIRY = re.compile(r"(?P<month>0?[1-9]|1[0-2])/(?P<year>(?:20)?[0-9]{2})", re.ASCII)


def read_method(provider: str, token: str) -> NewMethod:
    """What a provider's name and whatever came as its token stand for; nothing is saved.

    :raise CardNumberGiven: one of them holds a whole card number
    :raise UnusableMethod: they stand for nothing that can be kept
    """
    provider, token = provider.strip(), token.strip()
    if not 0 < len(provider) <= MAX_PROVIDER_LENGTH or not provider.isprintable():
        raise UnusableMethod("Name the provider")
    _refuse_card_number(provider)
    kind = _KINDS.get(provider.upper(), "card")
    if kind == "cod":
        return NewMethod(provider, "cod", kind)
    if not token:
        raise UnusableMethod("The token is missing")
    if kind == "upi":
        return _read_upi(provider, token)
    if kind == "bnpl":
        return _read_lender(provider, token)
    return _read_card(provider, token)


def _read_upi(provider: str, token: str) -> NewMethod:
    if (known := _UPI_TOKEN.fullmatch(token)) and _is_stamp(known["stamp"]):
        return NewMethod(provider, token, "upi")
    if is_upi_id(token):
        return NewMethod(provider, f"upi_{_milliseconds()}_{_mark_of(token)}", "upi", masked_upi_id(token))
    _refuse_card_number(token)
    raise UnusableMethod("A UPI id looks like asha@okbank")


def _read_lender(provider: str, token: str) -> NewMethod:
    wanted = token.removeprefix("bnpl_").casefold()
    lender = next((lender for lender in BNPL_PROVIDERS if lender.casefold() == wanted), None)
    if lender is None:
        _refuse_card_number(token)
        raise UnusableMethod(f"Pay later works with {', '.join(BNPL_PROVIDERS)}")
    return NewMethod(provider, f"bnpl_{lender}", "bnpl", lender)


def _read_card(provider: str, token: str) -> NewMethod:
    known = _CARD_TOKEN.fullmatch(token)
    if known and _is_stamp(known["stamp"]):
        end = known["end"]
        is_canonical = end is None or _LAST4.fullmatch(end) is not None
        return NewMethod(provider, token if is_canonical else _card_token(""), "card", (is_canonical and end) or "")
    _refuse_card_number(token)
    parts = _CARD_PARTS.fullmatch(token)
    number = (parts["number"] if parts else token).strip()[-4:]
    last4 = number if _LAST4.fullmatch(number) else ""
    holder = " ".join(parts["holder"].split())[:MAX_HOLDER_LENGTH] if parts else ""
    return NewMethod(provider, _card_token(last4), "card", last4, holder, _expiry(parts["expires"]) if parts else "")


def _card_token(last4: str) -> str:
    return f"card_{_milliseconds()}" + (f"_{last4}" if last4 else "")


def _expiry(text: str) -> str:
    found = _EXPIRY.fullmatch(text.strip())
    return f"{int(found['month']):02}/20{found['year'][-2:]}" if found else ""


def _is_stamp(digits: str) -> bool:
    """Whether it can be a time in milliseconds: what is as long and begins otherwise may be a card number."""
    if len(digits) >= 12 and not (len(digits) == 13 and digits.startswith("1")):
        raise CardNumberRejected
    return True


def _refuse_card_number(text: str) -> None:
    if _MANY_DIGITS.search(text) or contains_card_number(text):
        raise CardNumberRejected


def _milliseconds() -> int:
    return int(utc_now().timestamp() * 1000)


def _mark_of(upi_id: str) -> str:
    """Tells one UPI id from another without telling what it is; the key keeps it from being found by trying."""
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
    """The ways to pay an account keeps, the default first, then the newest."""
    mine = select(PaymentMethod).where(PaymentMethod.user_id == user)
    newest = (PaymentMethod.is_default.desc(), PaymentMethod.created_at.desc(), PaymentMethod.id.desc())
    return [_saved(row) for row in read_session().scalars(mine.order_by(*newest))]


def _get(session: Session, user: UserId, method: int) -> PaymentMethod:
    mine = select(PaymentMethod).where(PaymentMethod.id == method, PaymentMethod.user_id == user)
    row = session.scalar(mine)
    if row is None:
        raise UnknownMethod(method)
    return row


def find_fresh_method(user: UserId) -> SavedMethod | None:
    """The card or UPI id saved last, if that was less than half an hour ago."""
    lately = (PaymentMethod.kind.in_(("card", "upi")), PaymentMethod.created_at > utc_now() - FRESH)
    newest = (PaymentMethod.created_at.desc(), PaymentMethod.id.desc())
    row = read_session().scalar(
        select(PaymentMethod).where(PaymentMethod.user_id == user, *lately).order_by(*newest).limit(1)
    )
    return _saved(row) if row else None


def match_method(
    user: UserId, kind: str, *, method: int | None = None, card_number: str | None = None
) -> SavedMethod | None:
    """The saved way to pay that an order of the old client means by what it sends (contract 2.2.8).

    It names one by its id and sends no number, or a masked one; of a card or UPI id saved a moment ago it knows no id
    and sends a card whose number is blank.

    :param kind: card, upi, cod or bnpl
    :param card_number: as it was sent, None when it was not
    :return: None when what was sent speaks for itself
    """
    if kind == "cod":
        return None
    if method is not None and (card_number is None or "*" in card_number):
        mine = (PaymentMethod.user_id == user, PaymentMethod.kind == kind)
        row = read_session().scalar(select(PaymentMethod).where(PaymentMethod.id == method, *mine))
        return _saved(row) if row else None
    if kind == "card" and card_number is not None and not card_number.strip():
        return find_fresh_method(user)
    return None


@retry_on_deadlock
def add_method(user: UserId, provider: str, token: str, *, is_default: bool = False) -> SavedMethod:
    """Keep a way to pay. One that is kept already is not kept twice: it counts as saved now.

    :param token: in any form that `read_method` knows
    :raise CardNumberGiven: a whole card number came
    :raise UnusableMethod: it stands for nothing that can be kept
    :raise UnknownUser: there is no such account
    :raise TooManyMethods: so many are kept already
    """
    new = read_method(provider, token)
    with transaction("accounts") as session:
        lock_owner(session, user)
        mine = list(session.scalars(select(PaymentMethod).where(PaymentMethod.user_id == user)))
        row = next((row for row in mine if is_same(row, new)), None)
        if row is None:
            if len(mine) >= MAX_METHODS:
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
    """Whether one that is kept is this one. A UPI id by its mark: what stands before is the time."""
    if row.kind == new.kind == "upi":
        return row.token.split("_", 2)[-1] == new.token.split("_", 2)[-1]
    return row.kind == new.kind and row.token == new.token


def _unset_default(session: Session, user: UserId) -> None:
    # Fetched: the row in the caller's hands may be the default itself, and is told that it is no longer.
    session.execute(
        update(PaymentMethod)
        .where(PaymentMethod.user_id == user, PaymentMethod.is_default)
        .values(is_default=False)
        .execution_options(synchronize_session="fetch")
    )


@retry_on_deadlock
def set_default_method(user: UserId, method: int) -> None:
    """Make a way to pay the one that is offered first.

    :raise UnknownMethod: the account keeps no such way to pay
    :raise UnknownUser: there is no such account
    """
    with transaction("accounts") as session:
        lock_owner(session, user)
        row = _get(session, user, method)
        _unset_default(session, user)
        session.execute(update(PaymentMethod).where(PaymentMethod.id == row.id).values(is_default=True))


@retry_on_deadlock
def remove_method(user: UserId, method: int) -> None:
    """Forget a way to pay.

    :raise UnknownMethod: the account keeps no such way to pay
    """
    with transaction("accounts") as session:
        row = _get(session, user, method)
        session.execute(delete(PaymentMethod).where(PaymentMethod.id == row.id))
