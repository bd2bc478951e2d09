"""Search for accounts, for the staff."""

from __future__ import annotations

from sqlalchemy import and_, or_, select

from storefront.accounts.models import User
from storefront.accounts.sessions import account_of
from storefront.accounts.values import Account
from storefront.core.search_terms import phone_digits, search_terms
from storefront.db.folding import contains_folded, has_phone
from storefront.db.session import read_session

MAX_FOUND = 50


def find_accounts(words: str) -> list[Account]:
    """Find accounts by parts of their e-mail address, name or phone number, newest first.

    :param words: search terms; all must match the same field, whatever their accents and case, and however the phone
        number is spelled
    :return: at most `MAX_FOUND`; none without search terms
    """
    terms = search_terms(words, len(words))
    if not terms:
        return []
    conditions = [and_(*(contains_folded(column, term) for term in terms)) for column in (User.email, User.name)]
    if digits := phone_digits(words):
        conditions.append(has_phone(User.phone, digits))
    matching = select(User).where(or_(*conditions)).order_by(User.id.desc()).limit(MAX_FOUND)
    return [account_of(user) for user in read_session().scalars(matching)]
