"""What the order pages accept."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import EmailField, HiddenField, IntegerField, SelectField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length, Regexp

from storefront.orders.service import MAX_NOTE_LENGTH, MAX_ORDER_ID_LENGTH, ReturnReason

MAX_SEARCH_LENGTH = 100  # characters; more are cut off
LAST_PAGE = 10_000
REASONS = {
    ReturnReason.NONE: "I would rather not say",
    ReturnReason.UNWANTED: "I changed my mind",
    ReturnReason.UNSUITABLE: "It does not fit or suit",
    ReturnReason.DAMAGED: "It arrived damaged",
    ReturnReason.WRONG: "It is not what I ordered",
}


def _trimmed(text: str | None) -> str:
    return (text or "").replace("\0", "").strip()


class SearchForm(FlaskForm):
    """What a list of orders is searched for; read from the query string, where anything may stand."""

    class Meta:
        csrf = False

    q = StringField("Search your orders", filters=[_trimmed])
    page = IntegerField("Page", default=1)

    @property
    def words(self) -> str:
        return (self.q.data or "")[:MAX_SEARCH_LENGTH]

    @property
    def page_number(self) -> int:
        """From 1; whatever else stands there is the first."""
        return min(max(1, self.page.data or 1), LAST_PAGE)


class TrackingForm(FlaskForm):
    order_id = StringField(
        "Order number", [DataRequired("Enter the order number"), Length(max=MAX_ORDER_ID_LENGTH)], filters=[_trimmed]
    )
    email = EmailField(
        "E-mail address",
        [DataRequired("Enter the e-mail address you ordered with"), Length(max=254)],
        filters=[_trimmed],
    )


class ReturnForm(FlaskForm):
    """What is said about goods that come back; which ones is read by `units_from`."""

    key = HiddenField(validators=[Regexp(r"[0-9a-f]{32}\Z")])
    reason = SelectField(
        "Why (if you want to say)",
        choices={reason.value: words for reason, words in REASONS.items()},
        default=ReturnReason.NONE.value,
    )
    note = TextAreaField(
        "Anything we should know",
        [Length(max=MAX_NOTE_LENGTH, message=f"Use at most {MAX_NOTE_LENGTH} characters")],
        filters=[_trimmed],
    )
