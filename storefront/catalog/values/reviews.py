"""Reviews as a product page shows them."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime

from storefront.core.text import first_letter, or_blank

MAX_FIRST_NAME_LENGTH = 40  # characters
ANONYMOUS = "Anonymous User"  # contract/angular-api.md 5.2, no. 14
FORMER = "A former customer"


def public_name(name: str | None) -> str:
    """The name under which everybody sees a review: first name and initial, never an e-mail address or a number.

    :param name: of the account, or a public name
    :return: "Asha R." for Asha Rao; `ANONYMOUS` where no word is left that can be shown
    """
    if name in {ANONYMOUS, FORMER}:
        return name
    words = [word for word in unicodedata.normalize("NFC", name or "").split() if _is_name(word)]
    if not words:
        return ANONYMOUS
    first, last = words[0][:MAX_FIRST_NAME_LENGTH], words[-1]
    return f"{first} {first_letter(last).upper()}." if len(words) > 1 else first


def _is_name(word: str) -> bool:
    plain = unicodedata.normalize("NFKC", word)
    return plain[0].isalpha() and bool(or_blank(plain)) and "@" not in plain


@dataclass(frozen=True, slots=True)
class ReviewView:
    """A review as one viewer sees it.

    :ivar user_id: the account of the author
    :ivar author: the public name, whatever name it is made with
    :ivar is_verified: whether the author had received the product from this shop
    :ivar is_hidden: whether staff hid it; only its author still sees it
    :ivar has_voted: whether the viewer voted it helpful
    """

    id: int
    product_id: int
    user_id: int
    author: str
    rating: int
    title: str
    comment: str
    is_verified: bool
    helpful_count: int
    created_at: datetime
    is_hidden: bool = False
    has_voted: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "author", public_name(self.author))


@dataclass(frozen=True, slots=True)
class RatingBar:
    """One bar of the rating histogram: how many reviews gave `stars`.

    :ivar share: of all reviews, in whole percent
    """

    stars: int
    count: int
    share: int
