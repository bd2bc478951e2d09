"""What reviews accept from a page."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import StringField, TextAreaField
from wtforms.validators import AnyOf

from storefront.catalog.service import LONGEST_TEXT, LONGEST_TITLE, ReviewDraft
from storefront.web.form_fields import filled, trimmed

STARS = ("1", "2", "3", "4", "5")


def _as_typed(text: str | None) -> str:
    """Text of several lines, without what no page may show."""
    return (text or "").replace("\r\n", "\n").replace("\0", "").strip()


class ReviewForm(FlaskForm):
    rating = StringField("Stars", [AnyOf(STARS, "Choose from one to five stars")])
    title = StringField("Headline", filled("Enter a headline", LONGEST_TITLE), filters=[trimmed])
    comment = TextAreaField("Review", filled("Say what it is like", LONGEST_TEXT), filters=[_as_typed])

    def draft(self) -> ReviewDraft:
        return ReviewDraft(int(self.rating.data or 0), self.title.data or "", self.comment.data or "")
