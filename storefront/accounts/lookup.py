"""Search for accounts, for the staff."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, or_, select

from storefront.accounts.models import User
from storefront.accounts.sessions import account_of
from storefront.accounts.values import Account
from storefront.core.contact import NotAPhoneNumber, normalize_phone
from storefront.db.session import read_session

MAX_FOUND = 50
MIN_DIGITS = 4  # shortest part of a phone number that is searched for


def find_accounts(words: str) -> list[Account]:
    """Find accounts by parts of their e-mail address, name or phone number, newest first.

    :param words: search terms; all must match the same field
    :return: at most `MAX_FOUND`; none without search terms
    """
    terms = words.split()
    if not terms:
        return []
    by_text = [and_(*(column.icontains(term, autoescape=True) for term in terms)) for column in (User.email, User.name)]
    conditions = [*by_text, *_by_phone(words)]
    matching = select(User).where(or_(*conditions)).order_by(User.id.desc()).limit(MAX_FOUND)
    return [account_of(user) for user in read_session().scalars(matching)]


def _by_phone(words: str) -> list[ColumnElement[bool]]:
    """Conditions for a phone number. Stored numbers are in E.164 form, so the typed one is normalised first."""
    digits = "".join(filter(str.isdigit, words))
    if len(digits) < MIN_DIGITS or any(character.isalpha() for character in words):
        return []
    try:
        return [User.phone == normalize_phone(words)]
    except NotAPhoneNumber:
        return [User.phone.contains(digits, autoescape=True)]
