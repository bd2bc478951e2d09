"""C11: under which name everybody sees a review."""

from __future__ import annotations

import pytest
from flask import Flask

from storefront.catalog import products, reviews
from storefront.catalog import service as catalog
from storefront.catalog.models import Review
from storefront.catalog.reviews import Author, ReviewDraft, moderation
from storefront.catalog.reviews.moderation import ReviewCriteria
from storefront.catalog.values.reviews import ANONYMOUS, FORMER, public_name
from storefront.db.session import transaction
from tests.factories.accounts import make_account
from tests.factories.catalog import make_product

NAMES = [
    ("Asha Rao", "Asha R."),
    ("Asha Meera rao", "Asha R."),
    ("  Asha   Rao ", "Asha R."),
    ("Asha", "Asha"),
    ("राम किशोर", "राम कि."),
    ("山田 太郎", "山田 太."),
    ("asha.rao@example.com", ANONYMOUS),
    ("Asha asha.rao@example.com", "Asha"),
    ("asha\uff20example.com", ANONYMOUS),
    ("+91 98765 43210", ANONYMOUS),
    ("Asha 9876543210", "Asha"),
    ("\u200b", ANONYMOUS),
    ("", ANONYMOUS),
    (None, ANONYMOUS),
    (ANONYMOUS, ANONYMOUS),
    (FORMER, FORMER),
    ("x" * 200, "x" * 40),
]


@pytest.mark.parametrize(("name", "shown"), NAMES)
def test_the_first_name_and_an_initial_are_shown(name: str | None, shown: str) -> None:
    """C11: never an e-mail address; and a name that is public already stays as it is."""
    assert public_name(name) == shown
    assert public_name(shown) == shown


def test_reviews_of_older_versions_are_shown_alike_everywhere(app: Flask) -> None:
    """C11: on the product page, by API, in the list of staff and in the author's own data."""
    mug, author = make_product(), make_account()
    review = reviews.write_review(
        mug.id, Author(author.id, "Asha Rao"), ReviewDraft(5, "Good", "Holds tea."), is_verified=False
    )
    assert review.author == "Asha R."
    with transaction("catalog") as session:
        session.get_one(Review, review.id).user_name = "asha.rao@example.com"
    page = catalog.get_product(mug.id, viewer_id=author.id)
    assert page.own_review is not None
    shown = [catalog.get_product(mug.id).reviews[0], page.own_review, products.reviews_of(mug.id, most=9)[0]]
    shown += [reviews.get_review(review.id), reviews.reviews_by(author.id)[0][1]]
    assert {one.author for one in shown} == {ANONYMOUS}
    assert moderation.get_review(review.id).author == ANONYMOUS
    assert {one.author for one in moderation.list_reviews(ReviewCriteria(words=mug.sku)).reviews} == {ANONYMOUS}
