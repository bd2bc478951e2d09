"""Accounts as the staff look for them."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, or_, select

from storefront.accounts.models import User
from storefront.accounts.sessions import account_of
from storefront.accounts.values import Account
from storefront.core.contact import NotAPhoneNumber, normalize_phone
from storefront.db.session import read_session

MAX_FOUND = 50
MIN_DIGITS = 4  # of a phone number, below which its part says too little


def find_accounts(words: str) -> list[Account]:
    """Accounts by a part of their address, name or phone number, newest first; at most `MAX_FOUND`.

    :param words: each must stand in the same of the three; without any there is nothing
    """
    typed = words.split()
    if not typed:
        return []
    named = [and_(*(column.icontains(word, autoescape=True) for word in typed)) for column in (User.email, User.name)]
    alike = [*named, *_by_phone(words)]
    chosen = select(User).where(or_(*alike)).order_by(User.id.desc()).limit(MAX_FOUND)
    return [account_of(user) for user in read_session().scalars(chosen)]


def _by_phone(words: str) -> list[ColumnElement[bool]]:
    """Numbers are kept with their country's code and without blanks: however one is typed, it is found."""
    digits = "".join(filter(str.isdigit, words))
    if len(digits) < MIN_DIGITS or any(character.isalpha() for character in words):
        return []
    try:
        return [User.phone == normalize_phone(words)]
    except NotAPhoneNumber:
        return [User.phone.contains(digits, autoescape=True)]
