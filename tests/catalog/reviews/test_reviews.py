"""Reviews: one for each account and product; a product's rating always follows from its visible reviews."""

from __future__ import annotations

import random
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from storefront.catalog import products, reviews
from storefront.catalog import service as catalog
from storefront.catalog.models import BrowseEntry, Product, Review, ReviewVote
from storefront.catalog.reviews import Author, CannotVoteOnOwnReview, ReviewDraft, UnknownReview
from storefront.catalog.values import ReviewView, UnknownProduct
from storefront.catalog.values.reviews import FORMER
from storefront.cli.consistency import violations
from storefront.core.clock import utc_now
from storefront.db.session import db, read_session, transaction
from tests.conftest import ENGINES
from tests.factories.catalog import make_product
from tests.fakes import Clock
from tests.isolated_shop import at_once, own_shop

ASHA, RAVI, MEERA = 7001, 7002, 7003  # accounts, which the catalogue does not look up


def write(
    product: int, user: int = ASHA, rating: int = 4, *, name: str | None = "Asha Rao", is_verified: bool = False
) -> ReviewView:
    draft = ReviewDraft(rating, "Good mug", "Holds tea.")
    return reviews.write_review(product, Author(user, name), draft, is_verified=is_verified)


def stored_rating(product: int) -> tuple[Decimal, int]:
    """Return the rating of the product, which must be the same in listings."""
    read_session().rollback()
    average, count = (
        read_session()
        .execute(sa.select(Product.average_rating, Product.review_count).where(Product.id == product))
        .one()
    )
    listed = set(read_session().scalars(sa.select(BrowseEntry.rating).where(BrowseEntry.product_id == product)))
    assert listed == {average}
    return average, count


def computed_rating(product: int) -> tuple[Decimal, int]:
    """Compute the rating from the reviews, independently of the shop's code."""
    read_session().rollback()
    shown = sa.select(Review.rating).where(Review.product_id == product, Review.is_hidden.is_(False))
    stars = list(read_session().scalars(shown))
    average = Decimal(sum(stars)) / len(stars) if stars else Decimal(0)
    return average.quantize(Decimal("0.01"), ROUND_HALF_UP), len(stars)


def test_a_review_is_shown_and_counted(app: Flask) -> None:
    mug = make_product()
    write(mug.id, ASHA, 4, is_verified=True)
    write(mug.id, RAVI, 5, name="Ravi")
    write(mug.id, MEERA, 4, name="Meera")
    page = catalog.get_product(mug.id)
    assert {(review.author, review.is_verified) for review in page.reviews} == {
        ("Asha R.", True),
        ("Ravi", False),
        ("Meera", False),
    }
    assert (page.rating, page.review_count) == (Decimal("4.33"), 3)
    assert stored_rating(mug.id) == computed_rating(mug.id)


@pytest.mark.parametrize("name", [None, "", "   "])
def test_an_author_without_a_name_is_anonymous(app: Flask, name: str | None) -> None:
    assert write(make_product().id, name=name).author == "Anonymous User"


def test_a_long_author_name_is_shortened(app: Flask) -> None:
    assert write(make_product().id, name="A" * 120).author == "A" * 40


def test_a_second_review_replaces_the_first_and_its_votes(app: Flask, now: Clock) -> None:
    mug = make_product()
    first = write(mug.id, ASHA, 1)
    reviews.vote(first.id, RAVI)
    now.advance(days=1)
    second = write(mug.id, ASHA, 5)
    assert (second.id, second.helpful_count, second.created_at) == (first.id, 0, utc_now())
    assert stored_rating(mug.id) == (Decimal(5), 1)
    assert reviews.vote(second.id, RAVI).helpful_count == 1


@pytest.mark.parametrize("product", [0, 10**9])
def test_an_unknown_product_cannot_be_reviewed(app: Flask, product: int) -> None:
    with pytest.raises(UnknownProduct):
        write(product)


def test_a_withdrawn_product_cannot_be_reviewed(app: Flask) -> None:
    mug = make_product()
    with transaction("catalog") as session:
        session.execute(sa.update(Product).where(Product.id == mug.id).values(active=False))
    with pytest.raises(UnknownProduct):
        write(mug.id)


def test_a_deleted_review_does_not_count(app: Flask) -> None:
    mug = make_product()
    review = write(mug.id, ASHA, 1)
    write(mug.id, RAVI, 5)
    reviews.vote(review.id, RAVI)
    for _ in range(2):
        reviews.delete_review(mug.id, ASHA)
    assert reviews.own_review(mug.id, ASHA) is None
    assert stored_rating(mug.id) == (Decimal(5), 1)
    reviews.delete_review(mug.id, RAVI)
    assert stored_rating(mug.id) == (Decimal(0), 0)


# ------------------------------------------------------------------------------------------------ hiding


def test_a_hidden_review_does_not_count_and_only_its_author_sees_it(app: Flask) -> None:
    mug = make_product()
    review = write(mug.id, ASHA, 1)
    write(mug.id, RAVI, 5)
    reviews.set_review_hidden(review.id, True, actor="tests")
    assert stored_rating(mug.id) == (Decimal(5), 1)
    for viewer_id in (None, RAVI, MEERA):
        page = catalog.get_product(mug.id, viewer_id=viewer_id)
        assert review.id not in {shown.id for shown in page.reviews}
        assert [bar.count for bar in page.histogram] == [1, 0, 0, 0, 0]
    own = catalog.get_product(mug.id, viewer_id=ASHA).own_review
    assert own is not None
    assert own.is_hidden
    assert review.id not in {record.id for record in products.reviews_of(mug.id, most=9)}
    reviews.set_review_hidden(review.id, False, actor="tests")
    assert stored_rating(mug.id) == (Decimal(3), 2)


def test_a_hidden_review_stays_hidden_when_rewritten(app: Flask) -> None:
    mug = make_product()
    reviews.set_review_hidden(write(mug.id).id, True, actor="tests")
    assert write(mug.id, rating=5).is_hidden
    assert stored_rating(mug.id) == (Decimal(0), 0)


def test_an_unknown_review_cannot_be_hidden(app: Flask) -> None:
    with pytest.raises(UnknownReview):
        reviews.set_review_hidden(10**9, True, actor="tests")


# ------------------------------------------------------------------------------------------------ votes


def test_an_account_votes_once_for_a_review(app: Flask) -> None:
    review = write(make_product().id)
    for _ in range(2):
        assert reviews.vote(review.id, RAVI).helpful_count == 1
    reviews.vote(review.id, MEERA)
    assert reviews.get_review(review.id).helpful_count == 2
    for _ in range(2):
        assert reviews.unvote(review.id, RAVI).helpful_count == 1


def test_viewers_see_which_reviews_they_voted_for(app: Flask) -> None:
    mug = make_product()
    review = write(mug.id)
    reviews.vote(review.id, RAVI)
    seen = {
        viewer_id: catalog.get_product(mug.id, viewer_id=viewer_id).reviews[0].has_voted
        for viewer_id in (None, RAVI, MEERA)
    }
    assert seen == {None: False, RAVI: True, MEERA: False}


def test_a_guests_page_is_completed_to_that_of_each_account(app: Flask) -> None:
    mug, other = make_product(), make_product()
    review = write(mug.id, user=7)
    reviews.vote(review.id, 8)
    write(other.id, user=9)
    guests = catalog.get_product(mug.id)
    for viewer_id in (7, 8, 9, 10):
        assert catalog.seen_by(viewer_id, guests, None) == catalog.get_product(mug.id, viewer_id=viewer_id)


def test_authors_cannot_vote_for_their_own_review(app: Flask) -> None:
    review = write(make_product().id, ASHA)
    with pytest.raises(CannotVoteOnOwnReview):
        reviews.vote(review.id, ASHA)
    assert reviews.get_review(review.id).helpful_count == 0


def test_hidden_and_unknown_reviews_take_no_votes(app: Flask) -> None:
    review = write(make_product().id)
    reviews.set_review_hidden(review.id, True, actor="tests")
    for unknown in (review.id, 10**9):
        with pytest.raises(UnknownReview):
            reviews.vote(unknown, RAVI)


def test_reviews_of_a_deleted_account_keep_their_text_without_the_name(app: Flask) -> None:
    mug, pot = make_product(), make_product()
    write(mug.id)
    write(pot.id)
    write(pot.id, RAVI, name="Ravi")
    reviews.anonymise_author(ASHA)
    assert [review.author for review in catalog.get_product(mug.id).reviews] == [FORMER]
    assert {review.author for review in catalog.get_product(pot.id).reviews} == {FORMER, "Ravi"}


# ------------------------------------------------------------------------------------------------ ratings


def carry_out(product: int, operation: tuple[str, int, int]) -> None:
    """Carry out one operation on the reviews of a product."""
    name, user, rating = operation
    own = reviews.own_review(product, user)
    read_session().rollback()
    if name == "write":
        write(product, user, rating)
    elif name == "delete":
        reviews.delete_review(product, user)
    elif own is not None and name in {"hide", "show"}:
        reviews.set_review_hidden(own.id, name == "hide", actor="tests")
    elif own is not None and not own.is_hidden:
        reviews.vote(own.id, user + rating)


operations = st.tuples(
    st.sampled_from(["write", "write", "delete", "hide", "show", "vote"]), st.integers(1, 4), st.integers(1, 5)
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(operations, min_size=1, max_size=20))
def test_the_rating_follows_from_the_reviews_after_any_sequence_of_changes(
    app: Flask, sequence: list[tuple[str, int, int]]
) -> None:
    mug = make_product()
    for step in sequence:
        carry_out(mug.id, step)
        assert stored_rating(mug.id) == computed_rating(mug.id)
    assert list(catalog.review_violations()) == []


@pytest.mark.parametrize(
    "stars", [[1] * 3 + [2] * 197, [5] * 67 + [4] * 133, [3] * 1 + [4] * 7, [1, 2, 2, 2, 2, 2, 2, 2]]
)
def test_averages_are_rounded_half_up_on_every_database(app: Flask, stars: list[int]) -> None:
    mug = make_product()
    rows = [
        Review(
            product_id=mug.id,
            user_id=user,
            user_name="A",
            rating=rating,
            title="",
            comment="",
            created_at=utc_now(),
        )
        for user, rating in enumerate(stars[1:], start=1)
    ]
    with transaction("catalog") as session:
        session.add_all(rows)
    write(mug.id, 10**6, stars[0])
    assert stored_rating(mug.id) == computed_rating(mug.id)
    assert list(catalog.review_violations()) == []


def test_the_consistency_check_finds_a_wrong_rating(app: Flask) -> None:
    mug = make_product()
    review = write(mug.id, ASHA, 4)
    for damage in (
        sa.update(Product).where(Product.id == mug.id).values(review_count=2),
        sa.update(Product).where(Product.id == mug.id).values(average_rating=Decimal("4.01")),
        sa.update(BrowseEntry).where(BrowseEntry.product_id == mug.id).values(rating=Decimal("4.5")),
        sa.insert(ReviewVote).values(review_id=review.id, user_id=RAVI),
    ):
        assert list(violations()) == []
        with transaction("catalog") as session:
            session.execute(damage)
        read_session().rollback()
        assert len(list(violations())) >= 1
        with transaction("catalog") as session:
            session.execute(sa.delete(ReviewVote))
        write(mug.id, ASHA, 4)
    assert list(violations()) == []


@pytest.mark.parametrize("engine", ENGINES)
def test_concurrent_reviews_of_a_product_do_not_deadlock(engine: str, tmp_path: Path) -> None:
    with own_shop(engine, tmp_path) as app:
        with app.app_context():
            mug = make_product()
            errors: list[object] = []
            event.listen(db.engines["catalog"], "handle_error", errors.append)
        outcomes = at_once(app, [lambda user=user: write(mug.id, user, 1 + user % 5) for user in range(1, 13)])
        with app.app_context():
            assert [outcome for outcome in outcomes if isinstance(outcome, Exception)] == []
            assert errors == []
            assert stored_rating(mug.id) == computed_rating(mug.id)
            assert stored_rating(mug.id)[1] == 12


@pytest.mark.parametrize("engine", ENGINES)
def test_the_rating_follows_from_the_reviews_after_concurrent_changes(engine: str, tmp_path: Path) -> None:
    chance = random.Random(7)
    with own_shop(engine, tmp_path) as app:
        with app.app_context():
            mug = make_product()
            for user in range(1, 7):
                write(mug.id, user, 1 + user % 5)
            review = reviews.own_review(mug.id, 1)
            assert review is not None
        for _ in range(4):
            kinds = [chance.choice(["write", "delete", "hide", "show"]) for _ in range(10)]
            steps = [(kind, chance.randint(1, 9), chance.randint(1, 5)) for kind in kinds]
            at_once(app, [lambda step=step: carry_out(mug.id, step) for step in steps])
            with app.app_context():
                assert stored_rating(mug.id) == computed_rating(mug.id)
        with app.app_context():
            pot = make_product()
            voted = write(pot.id, 1)
        outcomes = at_once(app, [lambda user=user: reviews.vote(voted.id, user) for user in (2, 2, 3, 3, 4, 5)])
        with app.app_context():
            assert [outcome for outcome in outcomes if isinstance(outcome, Exception)] == []
            assert reviews.get_review(voted.id).helpful_count == 4
            assert list(catalog.review_violations()) == []
