"""Review moderation: search, hide with a reason, show again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import abort, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict
from wtforms import HiddenField, StringField
from wtforms.validators import AnyOf, Length

from storefront.catalog import reviews as catalog_reviews
from storefront.catalog.reviews import moderation
from storefront.core.urls import safe_next_path
from storefront.staff import any_staff, bp
from storefront.staff.stock_forms import MAX_CURSOR_LENGTH, text_from
from storefront.web import session as web_session
from storefront.web.form_fields import PageForm, squeeze
from storefront.web.responses import answer, render_page

MAX_REASON_LENGTH = 200  # characters
STARS = (5, 4, 3, 2, 1)


class ModerationForm(PageForm):
    """The buttons that hide or show a review.

    :cvar back: URL of the list to return to
    """

    hidden = HiddenField(validators=[AnyOf(("1", "0"))])
    reason = StringField("Reason", [Length(max=MAX_REASON_LENGTH)], filters=[squeeze])
    back = HiddenField()


@bp.get("/reviews")
@any_staff
def reviews() -> ResponseReturnValue:
    """List the reviews, newest first, filtered by text, visibility and rating."""
    criteria = _criteria(request.args)
    return render_page(
        "staff/reviews/reviews.html",
        fragment="staff/reviews/_reviews.html",
        page=moderation.list_reviews(criteria),
        stars=STARS,
        max_length=MAX_REASON_LENGTH,
        here=_url(criteria),
        reviews_url=lambda **changes: _url(replace(criteria, cursor="", **changes)),
        page_url=lambda cursor: _url(replace(criteria, cursor=cursor)),
    )


def _criteria(args: MultiDict[str, str]) -> moderation.ReviewCriteria:
    """Read the filter from the query string; unknown values do not restrict."""
    show, stars = args.get("show", ""), args.get("stars", "")
    return moderation.ReviewCriteria(
        words=text_from(args, "q"),
        visibility=moderation.Visibility(show) if show in set(moderation.Visibility) else moderation.Visibility.ALL,
        stars=int(stars) if stars in set(map(str, STARS)) else None,
        cursor=args.get("at", "")[:MAX_CURSOR_LENGTH],
    )


def _url(criteria: moderation.ReviewCriteria) -> str:
    is_all = criteria.visibility is moderation.Visibility.ALL
    query: dict[str, Any] = {
        "q": criteria.words or None,
        "show": None if is_all else criteria.visibility.value,
        "stars": criteria.stars,
        "at": criteria.cursor or None,
    }
    return url_for("staff.reviews", **query)


@bp.post("/reviews/<id:review_id>/visibility")
@any_staff
def moderate_review(review_id: int) -> ResponseReturnValue:
    """Hide or show a review; the rating of its product is recomputed."""
    form = ModerationForm()
    if not form.validate():
        abort(400)
    hidden, back = form.hidden.data == "1", safe_next_path(form.back.data) or url_for(".reviews")
    catalog_reviews.set_review_hidden(
        review_id, hidden, actor=web_session.current_actor(), reason=form.reason.data or ""
    )
    return answer(
        "staff/reviews/_after_moderate.html",
        otherwise=f"{back}#review-{review_id}",
        notice="Review hidden. It no longer counts towards the rating." if hidden else "Review shown",
        review=moderation.get_review(review_id),
        max_length=MAX_REASON_LENGTH,
        here=back,
    )
