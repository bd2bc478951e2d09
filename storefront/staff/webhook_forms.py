"""Forms of the webhook pages."""

from __future__ import annotations

import secrets
from datetime import datetime

from wtforms import HiddenField, SelectMultipleField, StringField
from wtforms.validators import Length, Regexp

from storefront.web.form_fields import PageForm, moment_from, required, squeeze
from storefront.webhooks.values import (
    MAX_DESCRIPTION_LENGTH,
    MAX_URL_LENGTH,
    Endpoint,
    EndpointDraft,
    EventType,
    UrlProblem,
    UrlRefused,
)

EVENT_LABELS = {
    EventType.ORDER_CONFIRMED: "Order confirmed",
    EventType.ORDER_PAID: "Order paid",
    EventType.ORDER_SHIPPED: "Order shipped",
    EventType.ORDER_CANCELLED: "Order cancelled, or come back undelivered",
    EventType.ORDER_REFUNDED: "Order refunded, in part or in full",
    EventType.STOCK_LOW: "Stock low",
    EventType.STOCK_BACK: "Back in stock",
}
PROBLEM_TEXTS = {
    UrlProblem.INVALID: "Enter an address such as https://erp.example/webhooks",
    UrlProblem.NOT_HTTPS: "The address must begin with https://",
    UrlProblem.CREDENTIALS: "Remove the user name and password. Receivers recognize the shop by the signature",
    UrlProblem.UNKNOWN_HOST: "This host name was not found. Check the spelling",
    UrlProblem.PRIVATE: (
        "This host is inside a private network, where nothing is sent. The operator of the shop can allow it with "
        "WEBHOOK_PRIVATE_HOSTS"
    ),
}


class EndpointForm(PageForm):
    """The fields of an endpoint.

    :cvar key: idempotency key of a new one: a second submit adds nothing
    :cvar seen: version of the endpoint when the form was opened
    """

    key = HiddenField(validators=[Regexp(r"[0-9a-f]{32}\Z")])
    seen = HiddenField(validators=[Regexp(r"[0-9]{1,9}\Z")])
    url = StringField("URL", required("Enter the address that receives the events", MAX_URL_LENGTH), filters=[squeeze])
    description = StringField(
        "Description",
        [Length(max=MAX_DESCRIPTION_LENGTH, message=f"Use at most {MAX_DESCRIPTION_LENGTH} characters")],
        filters=[squeeze],
    )
    events = SelectMultipleField("Events", choices={str(event): label for event, label in EVENT_LABELS.items()})

    def read(self) -> EndpointDraft | None:
        """Validate the fields.

        :return: the endpoint as entered; None when a field has an error, which it then carries
        """
        self.validate()
        if not self.events.errors and not self.events.data:
            self.events.errors = ["Choose at least one event"]
        if self.errors:
            return None
        events = frozenset(EventType(event) for event in self.events.data or ())
        return EndpointDraft(self.url.data or "", self.description.data or "", events)

    def explain(self, refusal: UrlRefused) -> None:
        """Add the reason for a refused URL to its field."""
        self.url.errors = [PROBLEM_TEXTS[refusal.problem]]


class SecretForm(PageForm):
    """The button that makes a new secret.

    :cvar seen: version of the endpoint when the page was opened
    """

    seen = HiddenField(validators=[Regexp(r"[0-9]{1,9}\Z")])


class ResendForm(PageForm):
    """The choice of failed deliveries to resend."""

    since = StringField("Failed since", filters=[squeeze])

    def read(self) -> datetime | None:
        """Validate the field.

        :return: in UTC; None when it has an error, which it then carries
        """
        moment = moment_from(self.since)
        if moment is None and not self.since.errors:
            self.since.errors = ["Enter a date and time"]
        return moment


def new_endpoint_form() -> EndpointForm:
    """Make an empty form with a fresh idempotency key; all events are chosen."""
    return EndpointForm(formdata=None, key=secrets.token_hex(16), seen="0", events=[str(event) for event in EventType])


def form_of(endpoint: Endpoint) -> EndpointForm:
    """Make the form of an endpoint with its present values."""
    return EndpointForm(
        formdata=None,
        key=secrets.token_hex(16),
        seen=str(endpoint.version),
        url=endpoint.url,
        description=endpoint.description,
        events=[str(event) for event in endpoint.events],
    )
