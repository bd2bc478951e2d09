"""Writing, changing, deleting and voting for reviews on a product page."""

from __future__ import annotations

from flask import Blueprint, abort, url_for
from flask.typing import ResponseReturnValue

from storefront.accounts.values import Account
from storefront.catalog import reviews
from storefront.catalog import service as catalog
from storefront.catalog.values import ProductPage, ReviewView
from storefront.pages.catalog.fragments import product_context
from storefront.pages.reviews.forms import ReviewForm
from storefront.reviews import service
from storefront.web import session as web_session
from storefront.web.responses import answer, refuse
from storefront.web.security_headers import limit_requests

bp = Blueprint("reviews", __name__)

PRODUCT = "/product/<id:product_id>"
REVIEW = "/reviews/<id:review_id>"


def _account() -> Account:
    current = web_session.current_account()
    if current is None:
        abort(403)
    return current.account


def _reviews_url(page: ProductPage) -> str:
    return url_for("catalog.product", product_id=page.box.product_id, slug=page.box.slug, _anchor="reviews")


@bp.post(f"{PRODUCT}/review")
@web_session.sign_in_required
@limit_requests("20/minute")
def write(product_id: int) -> ResponseReturnValue:
    """Write a review of a product, or replace the visitor's own."""
    form = ReviewForm()
    if not form.validate():
        return _refused(form, product_id)
    review = service.write(_account(), product_id, form.draft())
    notice = "Your review was saved. It is hidden by the shop" if review.is_hidden else "Thank you for your review"
    return _changed(product_id, notice)


def _refused(form: ReviewForm, product_id: int) -> ResponseReturnValue:
    page = catalog.get_product(product_id, viewer_id=web_session.current_user_id())
    return refuse(
        "catalog/_reviews.html",
        page="catalog/product.html",
        otherwise=_reviews_url(page),
        problem=next(str(field.errors[0]) for field in form if field.errors),
        context={**product_context(page), "review_form": form},
    )


@bp.post(f"{PRODUCT}/review/removal")
@web_session.sign_in_required
def delete(product_id: int) -> ResponseReturnValue:
    """Delete the visitor's own review of a product."""
    reviews.delete_review(product_id, _account().id)
    return _changed(product_id, "Your review was deleted")


def _changed(product_id: int, notice: str) -> ResponseReturnValue:
    page = catalog.get_product(product_id, viewer_id=web_session.current_user_id())
    fragment = "reviews/_after_change.html"
    return answer(fragment, otherwise=_reviews_url(page), notice=notice, page=page, box=page.box, stars=None)


@bp.post(f"{REVIEW}/vote")
@web_session.sign_in_required
@limit_requests("60/minute")
def vote(review_id: int) -> ResponseReturnValue:
    """Add the visitor's helpful vote to a review."""
    try:
        return _voted(reviews.vote(review_id, _account().id))
    except reviews.CannotVoteOnOwnReview:
        abort(403)


@bp.post(f"{REVIEW}/vote/removal")
@web_session.sign_in_required
def unvote(review_id: int) -> ResponseReturnValue:
    """Remove the visitor's helpful vote from a review."""
    return _voted(reviews.unvote(review_id, _account().id))


def _voted(review: ReviewView) -> ResponseReturnValue:
    page_url = url_for("catalog.product", product_id=review.product_id, slug="-", _anchor=f"vote-{review.id}")
    return answer("reviews/_vote.html", otherwise=page_url, review=review)
