"""Review moderation in the staff area."""

from __future__ import annotations

from decimal import Decimal

import pytest
from bs4 import Tag

from storefront.accounts.values import Role
from storefront.catalog import listing, reviews
from storefront.catalog.reviews import Author, ReviewDraft, UnknownReview, moderation
from storefront.catalog.service import reports
from storefront.catalog.values import ProductCard, ReviewView
from storefront.db.audit_log import AuditQuery
from storefront.db.session import read_session
from tests.factories.accounts import make_staff
from tests.factories.catalog import make_product
from tests.fakes import Clock
from tests.page_client import Page, Pages

CLERK = "clerk@example.com"


@pytest.fixture(params=[Role.ORDER_STAFF, Role.STOCK_STAFF])
def staff_pages(pages: Pages, request: pytest.FixtureRequest) -> Pages:
    pages.sign_in(make_staff(request.param, email=CLERK))
    return pages


def write(
    product: ProductCard, *, user: int = 7001, name: str = "Asha Rao", stars: int = 1, said: str = "Leaks."
) -> ReviewView:
    return reviews.write_review(product.id, Author(user, name), ReviewDraft(stars, "My mug", said), is_verified=True)


def rated(product: ProductCard) -> tuple[Decimal, int]:
    read_session().rollback()
    card = listing.cards_of([product.id])[0]
    return card.rating, card.review_count


def row_of(page: Page, review: ReviewView) -> Tag:
    return page.one(f"#review-{review.id}")


def found(page: Page) -> list[str]:
    return [str(row["id"]).removeprefix("review-") for row in page.all(".moderated")]


def test_the_newest_review_comes_first_with_its_product(staff_pages: Pages, now: Clock) -> None:
    mug = make_product(name="Clay Mug")
    first = write(mug)
    now.advance(minutes=1)
    second = write(mug, user=7002, name="Ravi")
    page = staff_pages.get("/staff/reviews")
    assert found(page)[:2] == [str(second.id), str(first.id)]
    words = " ".join(row_of(page, second).get_text(" ").split())
    assert "My mug Leaks. Ravi, 22 Nov 2026, 17:31 · Verified purchase" in words
    assert "Clay Mug" in words


@pytest.mark.parametrize("htmx", [False, True], ids=["page", "htmx"])
def test_a_review_is_hidden_with_a_reason_and_leaves_the_rating(staff_pages: Pages, htmx: bool) -> None:
    mug = make_product()
    good, bad = write(mug, user=7002, stars=5), write(mug)
    assert rated(mug) == (Decimal(3), 2)
    done = staff_pages.submit(
        staff_pages.get("/staff/reviews"), f"#moderate-{bad.id}", htmx=htmx, reason="Names a person"
    )
    assert "Review hidden. It no longer counts towards the rating." in done.words
    assert "Hidden" in row_of(done, bad).get_text()
    assert bool(done.all(f"#review-{good.id}")) is not htmx
    assert rated(mug) == (Decimal(5), 1)
    (act,) = reports.audit_entries(AuditQuery(), 10)
    assert (act.actor, act.what, act.subject) == (CLERK, "review hidden", mug.sku)
    assert act.detail == f"1 of 5 by Asha R., no. {bad.id}: Names a person"


@pytest.mark.parametrize("htmx", [False, True], ids=["page", "htmx"])
def test_a_hidden_review_is_shown_again(staff_pages: Pages, htmx: bool) -> None:
    mug = make_product()
    review = write(mug)
    reviews.set_review_hidden(review.id, True, actor=CLERK)
    done = staff_pages.submit(staff_pages.get("/staff/reviews?show=hidden"), f"#moderate-{review.id}", htmx=htmx)
    assert "Review shown" in done.words
    assert rated(mug) == (Decimal(1), 1)
    acts = [act.what for act in reports.audit_entries(AuditQuery(), 10)]
    assert acts == ["review shown", "review hidden"]


def test_a_review_is_hidden_once_by_two_clicks(staff_pages: Pages) -> None:
    review = write(make_product())
    page = staff_pages.get("/staff/reviews")
    for _ in range(2):
        assert "Review hidden" in staff_pages.submit(page, f"#moderate-{review.id}").words
    assert len(list(reports.audit_entries(AuditQuery(), 10))) == 1


def test_moderating_returns_to_the_filtered_list(staff_pages: Pages) -> None:
    review = write(make_product())
    done = staff_pages.submit(staff_pages.get("/staff/reviews?stars=1&q=leaks"), f"#moderate-{review.id}")
    assert done.url == "/staff/reviews?q=leaks&stars=1"


def test_reviews_are_found_by_product_author_text_and_rating(staff_pages: Pages) -> None:
    mug, jar = make_product(name="Clay Mug"), make_product(name="Zinc Jar")
    of_mug = write(mug, said="The handle broke")
    of_jar = write(jar, user=7002, name="Ravindra", stars=4, said="Tight lid")
    for words, review in (("zinc jar", of_jar), (mug.sku, of_mug), ("ravindra", of_jar), ("handle broke", of_mug)):
        page = staff_pages.submit(staff_pages.get("/staff/reviews"), "#review-search", q=words)
        assert found(page) == [str(review.id)], words
    assert str(of_mug.id) not in found(
        staff_pages.submit(staff_pages.get("/staff/reviews"), "#review-search", stars="4")
    )
    assert "No reviews found." in staff_pages.get("/staff/reviews?q=%25%25").words


def test_links_filter_hidden_and_shown_reviews(staff_pages: Pages) -> None:
    mug = make_product()
    hidden, shown = write(mug), write(mug, user=7002)
    reviews.set_review_hidden(hidden.id, True, actor=CLERK)
    assert found(staff_pages.get("/staff/reviews?show=hidden")) == [str(hidden.id)]
    assert str(hidden.id) not in found(staff_pages.get("/staff/reviews?show=shown", htmx=True))
    assert str(shown.id) in found(staff_pages.get("/staff/reviews?show=shown"))


def test_pages_follow_each_other_without_a_gap(staff_pages: Pages) -> None:
    page = staff_pages.get("/staff/reviews")
    first = found(page)
    second = found(staff_pages.get(str(page.one("#reviews-next")["href"])))
    assert len(first) == moderation.PAGE_SIZE
    assert set(first).isdisjoint(second)


def test_an_unknown_review_is_not_found(staff_pages: Pages) -> None:
    review = write(make_product())
    page = staff_pages.get("/staff/reviews")
    form = page.one(f"#moderate-{review.id}")
    form["action"] = "/staff/reviews/2147483647/visibility"
    staff_pages.submit(page, f"#moderate-{review.id}", status=404)
    with pytest.raises(UnknownReview):
        moderation.get_review(2**31 - 1)
