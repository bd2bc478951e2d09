"""Writing, reading and voting for reviews on a product page; every write with htmx and without."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from flask import Flask

from storefront.accounts.models import User
from storefront.accounts.values import Account
from storefront.cart import service as cart
from storefront.catalog import reviews
from storefront.catalog.models import Review
from storefront.catalog.reviews import Author, ReviewDraft
from storefront.catalog.values import ProductCard
from storefront.db.session import read_session, transaction
from storefront.orders import service as orders
from storefront.orders.values import OrderStatus
from tests.factories.accounts import make_account
from tests.factories.catalog import make_product
from tests.factories.shopping import make_draft, place
from tests.page_client import SAME_ORIGIN, Page, Pages

pytestmark = pytest.mark.both_engines

BOTH_WAYS = pytest.mark.parametrize("htmx", [False, True], ids=["page", "htmx"])

WORDS = {"rating": "4", "title": "Good mug", "comment": "Holds tea."}


@pytest.fixture
def mug(app: Flask) -> ProductCard:
    return make_product(name="Clay Mug", stock=50)


@pytest.fixture
def asha(pages: Pages) -> Account:
    """A signed-in customer."""
    account = make_account(name="Asha Rao")
    pages.sign_in(account)
    return account


def url_of(product: ProductCard) -> str:
    return f"/product/{product.id}-{product.slug}"


def reviewed(product: ProductCard, *, name: str | None = "Ravi", rating: int = 5, title: str = "Fine") -> int:
    """Add a review by another customer.

    :return: its id
    """
    author = Author(make_account(name=name).id, name)
    return reviews.write_review(product.id, author, ReviewDraft(rating, title, "It is."), is_verified=False).id


def write(pages: Pages, page: Page, *, htmx: bool = False, status: int = 200, **changes: str) -> Page:
    return pages.submit(page, "#review-form", htmx=htmx, status=status, **{**WORDS, **changes})


def order(account: Account, product: ProductCard, *, until: OrderStatus) -> None:
    """Place an order of a product for an account.

    :param until: the step it reaches
    """
    token = cart.cart_key_of(account.id)
    cart.add_line(token, product.sku, 1)
    order_id = place(make_draft(token), token).order_id
    assert order_id is not None
    for step in (OrderStatus.PROCESSING, OrderStatus.SHIPPED, OrderStatus.DELIVERED):
        if orders.get_order(order_id).status is until:
            return
        orders.advance(order_id, step, by="Staff")


# ------------------------------------------------------------------------------------------------ writing


@BOTH_WAYS
def test_a_review_is_written_and_shown_as_the_visitors_own(
    pages: Pages, mug: ProductCard, asha: Account, htmx: bool
) -> None:
    reviewed(mug, rating=5)
    page = write(pages, pages.get(url_of(mug)), htmx=htmx)
    assert "Thank you for your review" in page.words
    own = page.one(".review-form__shown")
    assert "Good mug" in own.get_text()
    assert "Asha R." in own.get_text()
    assert "4.5 of 5, from 2 reviews" in page.words
    assert len(page.all(".review")) == 2
    assert bool(page.all("h1")) is not htmx


@BOTH_WAYS
def test_a_second_review_replaces_the_first(pages: Pages, mug: ProductCard, asha: Account, htmx: bool) -> None:
    page = write(pages, pages.get(url_of(mug)))
    assert page.one("#review-title")["value"] == "Good mug"
    assert page.one("#review-comment").get_text() == "Holds tea."
    assert page.one("#review-rating-4").has_attr("checked")
    page = write(pages, page, htmx=htmx, rating="2", title="It leaks")
    assert "It leaks" in page.one(".review-form__shown").get_text()
    assert "2.0 of 5, from 1 review" in page.words


@BOTH_WAYS
def test_a_review_is_deleted_by_its_author(pages: Pages, mug: ProductCard, asha: Account, htmx: bool) -> None:
    page = write(pages, pages.get(url_of(mug)))
    page = pages.submit(page, "#review-removal", htmx=htmx)
    assert "No reviews yet." in page.words
    assert reviews.own_review(mug.id, asha.id) is None


@BOTH_WAYS
@pytest.mark.parametrize(
    ("field", "typed", "problem"),
    [
        ("rating", "6", "#review-rating-problem"),
        ("rating", "0", "#review-rating-problem"),
        ("rating", "4.5", "#review-rating-problem"),
        ("title", "   ", "#review-title-problem"),
        ("title", "A" * 501, "#review-title-problem"),
        ("comment", "", "#review-comment-problem"),
        ("comment", "A" * 4001, "#review-comment-problem"),
    ],
)
def test_an_invalid_review_is_shown_again_with_its_errors(
    pages: Pages, mug: ProductCard, asha: Account, field: str, typed: str, problem: str, htmx: bool
) -> None:
    page = write(pages, pages.get(url_of(mug)), htmx=htmx, status=422, **{field: typed})
    assert page.one(problem).get_text()
    assert page.one(".review-form__write").has_attr("open")
    kept = "comment" if field == "title" else "title"
    assert WORDS[kept] in str(page.one(f"#review-{kept}"))
    assert reviews.own_review(mug.id, asha.id) is None


def test_a_guest_signs_in_and_returns_to_the_product(pages: Pages, mug: ProductCard) -> None:
    page = pages.get(url_of(mug))
    link = page.one("#own-review a")
    assert link.get_text() == "Sign in to write a review"
    assert link["href"] == f"/login?next={url_of(mug)}"
    assert not page.all("#review-form")


@pytest.mark.parametrize(
    "act", ["/product/{product}/review", "/product/{product}/review/removal", "/reviews/{review}/vote"]
)
def test_a_guest_cannot_review_or_vote(pages: Pages, mug: ProductCard, act: str) -> None:
    review = reviewed(mug)
    token = pages.get(url_of(mug)).all("[name=csrf_token]")[0]["value"]
    url = act.format(product=mug.id, review=review)
    response = pages.client.post(url, data={"csrf_token": token, **WORDS}, headers=SAME_ORIGIN)
    assert (response.status_code, response.headers["Location"].partition("?")[0]) == (303, "/login")
    read_session().rollback()
    rows = read_session().execute(sa.select(Review.id, Review.helpful_count).where(Review.product_id == mug.id)).all()
    assert [tuple(row) for row in rows] == [(review, 0)]


# ------------------------------------------------------------------------------- verification and authors


@pytest.mark.parametrize("status", [OrderStatus.CONFIRMED, OrderStatus.SHIPPED, OrderStatus.DELIVERED])
def test_only_a_delivered_order_verifies_a_review(
    pages: Pages, mug: ProductCard, asha: Account, status: OrderStatus
) -> None:
    order(asha, mug, until=status)
    page = write(pages, pages.get(url_of(mug)))
    assert ("Verified purchase" in page.one(".review-form__shown").get_text()) is (status is OrderStatus.DELIVERED)


def test_other_products_and_accounts_do_not_verify_a_review(pages: Pages, mug: ProductCard, asha: Account) -> None:
    order(asha, make_product(), until=OrderStatus.DELIVERED)
    order(make_account(), mug, until=OrderStatus.DELIVERED)
    assert "Verified purchase" not in write(pages, pages.get(url_of(mug))).one(".review-form__shown").get_text()


def test_an_author_without_a_name_is_anonymous_and_the_e_mail_address_is_not_shown(
    app: Flask, pages: Pages, mug: ProductCard
) -> None:
    pages.sign_in(make_account(name=None, email="secret@example.com"))
    write(pages, pages.get(url_of(mug)))
    page = Pages(app).get(url_of(mug))
    assert "Anonymous User" in page.words
    assert "secret@" not in page.response.text


def test_additional_form_fields_are_ignored(pages: Pages, mug: ProductCard, asha: Account) -> None:
    token = pages.get(url_of(mug)).one("#review-form [name=csrf_token]")["value"]
    forged = {"user_id": "1", "user_name": "Ravi", "verified_purchase": "1", "helpful_count": "99"}
    pages.client.post(
        f"/product/{mug.id}/review",
        data={"csrf_token": token, **WORDS, **forged},
        headers=SAME_ORIGIN,
    )
    own = reviews.own_review(mug.id, asha.id)
    assert own is not None
    assert (own.author, own.is_verified, own.helpful_count) == ("Asha R.", False, 0)


@BOTH_WAYS
def test_markup_is_shown_as_text(pages: Pages, mug: ProductCard, htmx: bool) -> None:
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    account = make_account(name=evil)
    pages.sign_in(account)
    words = {"title": evil, "comment": f"{evil}\n</textarea>{evil}"}
    page = write(pages, pages.get(url_of(mug)), htmx=htmx, **words)  # `Pages` checks that nothing is inline
    own = page.one(".review-form__shown")
    assert own.select_one(".review__title").get_text() == evil
    assert own.select_one(".text").get_text() == words["comment"]
    assert page.one("#review-comment").get_text() == words["comment"]


# ------------------------------------------------------------------------------------------------ reading


@BOTH_WAYS
def test_a_helpful_vote_is_added_and_removed(pages: Pages, mug: ProductCard, asha: Account, htmx: bool) -> None:
    review = reviewed(mug)
    form = f"#vote-{review}"
    page = pages.submit(pages.get(url_of(mug)), form, htmx=htmx)
    assert page.one(f"{form} button")["aria-pressed"] == "true"
    assert "Helpful (1 vote)" in " ".join(page.one(form).get_text().split())
    assert bool(page.all("h1")) is not htmx
    page = pages.submit(page, form, htmx=htmx)
    assert page.one(f"{form} button")["aria-pressed"] == "false"
    assert reviews.get_review(review).helpful_count == 0


def test_the_own_review_takes_no_vote(pages: Pages, mug: ProductCard, asha: Account) -> None:
    page = write(pages, pages.get(url_of(mug)))
    assert not page.all(".review__vote")
    own = reviews.own_review(mug.id, asha.id)
    assert own is not None
    token = page.one("#review-form [name=csrf_token]")["value"]
    response = pages.client.post(f"/reviews/{own.id}/vote", data={"csrf_token": token}, headers=SAME_ORIGIN)
    assert response.status_code == 403


def test_only_its_author_sees_a_hidden_review(app: Flask, pages: Pages, mug: ProductCard, asha: Account) -> None:
    write(pages, pages.get(url_of(mug)))
    own = reviews.own_review(mug.id, asha.id)
    assert own is not None
    reviews.set_review_hidden(own.id, True, actor="tests")
    page = pages.get(url_of(mug))
    assert "hidden by the shop" in page.one(".review-form__shown").get_text()
    assert "No reviews yet" in page.words
    other = Pages(app)
    assert "Good mug" not in other.get(url_of(mug)).words
    assert "It is hidden by the shop" in write(pages, page, title="Better").words


def test_the_own_review_is_shown_with_any_rating_filter(pages: Pages, mug: ProductCard, asha: Account) -> None:
    reviewed(mug, rating=5, title="Splendid")
    reviewed(mug, rating=1, title="Awful")
    write(pages, pages.get(url_of(mug)))
    page = pages.get(f"{url_of(mug)}?stars=5")
    assert [title.get_text() for title in page.all(".review__title")] == ["Good mug", "Splendid"]


def test_a_changed_name_applies_from_the_next_review(pages: Pages, mug: ProductCard, asha: Account) -> None:
    page = write(pages, pages.get(url_of(mug)))
    with transaction("accounts") as session:
        session.execute(sa.update(User).where(User.id == asha.id).values(name="Asha Iyer"))
    assert "Asha R." in pages.get(url_of(mug)).one(".review-form__shown").get_text()
    assert "Asha I." in write(pages, page).one(".review-form__shown").get_text()


def test_a_product_off_sale_takes_no_review(pages: Pages, mug: ProductCard, asha: Account) -> None:
    page = pages.get(url_of(mug))
    form = page.one("#review-form")
    form["action"] = form["hx-post"] = "/product/999999/review"
    write(pages, page, status=404)
