"""Forms of the order pages."""

from __future__ import annotations

from wtforms import EmailField, HiddenField, IntegerField, SelectField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length, Regexp

from storefront.orders.refund_values import MAX_NOTE_LENGTH, ReturnReason
from storefront.orders.service import MAX_TYPED_LENGTH
from storefront.web.form_fields import PageForm

MAX_SEARCH_LENGTH = 100  # characters; further ones are cut off
LAST_PAGE = 10_000
REASONS = {
    ReturnReason.NONE: "I prefer not to say",
    ReturnReason.UNWANTED: "I changed my mind",
    ReturnReason.UNSUITABLE: "It does not fit or suit",
    ReturnReason.DAMAGED: "It arrived damaged",
    ReturnReason.WRONG: "It is not what I ordered",
}


def _trimmed(text: str | None) -> str:
    return (text or "").replace("\0", "").strip()


class SearchForm(PageForm):
    """Search of the order history, read from the query string."""

    q = StringField("Search your orders", filters=[_trimmed])
    page = IntegerField("Page", default=1)

    @property
    def words(self) -> str:
        """The search words, cut to `MAX_SEARCH_LENGTH`."""
        return (self.q.data or "")[:MAX_SEARCH_LENGTH]

    @property
    def page_number(self) -> int:
        """The page, from 1 to `LAST_PAGE`; 1 for anything else."""
        return min(max(1, self.page.data or 1), LAST_PAGE)


class TrackingForm(PageForm):
    """The order number and e-mail address that together prove access to an order."""

    order_id = StringField(
        "Order number", [DataRequired("Enter the order number"), Length(max=MAX_TYPED_LENGTH)], filters=[_trimmed]
    )
    email = EmailField(
        "E-mail address",
        [DataRequired("Enter the e-mail address you ordered with"), Length(max=254)],
        filters=[_trimmed],
    )


class ReturnForm(PageForm):
    """The reason of a return; its units are read by `quantities_from`.

    :ivar key: idempotency key, made with the page
    """

    key = HiddenField(validators=[Regexp(r"[0-9a-f]{32}\Z")])
    reason = SelectField(
        "Reason for return (optional)",
        choices={reason.value: words for reason, words in REASONS.items()},
        default=ReturnReason.NONE.value,
    )
    note = TextAreaField(
        "Comment",
        [Length(max=MAX_NOTE_LENGTH, message=f"Use at most {MAX_NOTE_LENGTH} characters")],
        filters=[_trimmed],
    )
