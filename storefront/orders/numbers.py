"""Order numbers as people type them: from an e-mail, a parcel or by telephone."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from sqlalchemy import func, select

from storefront.core.text import ascii_digits
from storefront.db.session import read_session
from storefront.orders.models import Order
from storefront.orders.values import MAX_ORDER_ID_LENGTH, OrderId

PREFIX = "ORD"  # of this shop's own numbers: ORD-261130123456
MAX_TYPED_LENGTH = MAX_ORDER_ID_LENGTH + 20  # characters: a number with blanks, a hash, "Order no."

_OWN = re.compile(rf"(?:{PREFIX})?([0-9]+)")
_LABEL = re.compile(rf"(?:ORDER)?(?:NUMBER|NO)?[.#:]*(?={PREFIX}-?[0-9]|[0-9])")  # "Order no. ORD-…"
_NO_SEPARATOR = re.compile(r"[^0-9A-Z]")
_MINUS = "\u2212"  # a dash to people, a mathematical symbol to Unicode


def clean(typed: str) -> str:
    """A number as orders have it: plain digits, letters and hyphens, in upper case, without blanks, "#" and full stop.

    A number of this shop is recognised whatever stands between its parts; one of another system keeps its own marks.
    """
    kept = _LABEL.sub("", _stripped(typed), count=1)
    own = _OWN.fullmatch(_NO_SEPARATOR.sub("", kept))
    return f"{PREFIX}-{own[1]}" if own and kept.startswith(PREFIX) else kept


def _stripped(typed: str) -> str:
    """Upper case, plain digits and hyphens, no blanks, and nothing around it that belongs to the sentence."""
    return "".join(map(_plain, ascii_digits(unicodedata.normalize("NFKC", typed)))).upper().strip("#.,;:!?'\"()[]<>")


def _plain(character: str) -> str:
    kind = unicodedata.category(character)
    if kind == "Pd" or character == _MINUS:
        return "-"
    return "" if kind in {"Zs", "Cf", "Cc"} else character


def search_part(word: str) -> str:
    """What to look for in order numbers for a word of a search: the digits alone of a number of this shop."""
    cleaned = clean(word)
    own = _OWN.fullmatch(_NO_SEPARATOR.sub("", cleaned))
    return (own[1] if own else cleaned) or word


def find_orders(typed: str) -> Sequence[Order]:
    """Find the orders whose number somebody may mean: digits alone may be a number of this shop or of an older one.

    :return: the order with exactly this number alone, if there is one
    """
    cleaned = clean(typed)
    own = _OWN.fullmatch(_NO_SEPARATOR.sub("", cleaned))
    candidates = {typed.strip(), _stripped(typed), cleaned, *((own[1], f"{PREFIX}-{own[1]}") if own else ())} - {""}
    session = read_session()
    found = session.scalars(select(Order).where(Order.order_id.in_(candidates)).order_by(Order.id)).all()
    if not found:  # numbers of an older shop may have small letters, which SQLite tells apart
        lowered = {candidate.lower() for candidate in candidates}
        found = session.scalars(select(Order).where(func.lower(Order.order_id).in_(lowered)).order_by(Order.id)).all()
    exact = [order for order in found if order.order_id == typed.strip()]
    return exact or found


def find_number(typed: str) -> OrderId | None:
    """The number of the order that somebody means; None when no order or more than one can be meant."""
    found = find_orders(typed)
    return OrderId(found[0].order_id) if len(found) == 1 else None
