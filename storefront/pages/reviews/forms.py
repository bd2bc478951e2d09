"""The review form."""

from __future__ import annotations

from wtforms import StringField, TextAreaField
from wtforms.validators import AnyOf

from storefront.catalog.reviews import MAX_TEXT_LENGTH, MAX_TITLE_LENGTH, ReviewDraft
from storefront.web.form_fields import PageForm, required, squeeze

STARS = ("1", "2", "3", "4", "5")


def _as_typed(text: str | None) -> str:
    """Normalise a multi-line text: line ends as LF, no NUL characters, stripped."""
    return (text or "").replace("\r\n", "\n").replace("\0", "").strip()


class ReviewForm(PageForm):
    """The form to write or change a review."""

    rating = StringField("Rating", [AnyOf(STARS, "Select a rating from 1 to 5 stars")])
    title = StringField("Headline", required("Enter a headline", MAX_TITLE_LENGTH), filters=[squeeze])
    comment = TextAreaField("Review", required("Enter a review", MAX_TEXT_LENGTH), filters=[_as_typed])

    def draft(self) -> ReviewDraft:
        """Return the content of a valid form."""
        return ReviewDraft(int(self.rating.data or 0), self.title.data or "", self.comment.data or "")
