"""Shared form fields, filters and validators: text, postal addresses, payment methods."""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache
from typing import Any

from flask import request
from flask_wtf import FlaskForm
from markupsafe import Markup
from wtforms import Field, HiddenField, SelectField, StringField, SubmitField, ValidationError
from wtforms.form import BaseForm
from wtforms.validators import DataRequired, Length, StopValidation
from wtforms.widgets import Select

from storefront.core import clock, contact
from storefront.core.addresses import AddressProblem, PostalAddress, UndeliverableAddress, checked_address
from storefront.core.countries import HOME_COUNTRY, Country, all_countries, country_name, find_country
from storefront.core.payment_instruments import BNPL_PROVIDERS, is_upi_id
from storefront.core.text import or_blank

POSTAL_FIELDS = ("full_name", "line1", "line2", "city", "state", "postal_code", "country")  # of `AddressFields`


def squeeze(text: str | None) -> str:
    """Normalize typed text: one line, no surrounding or repeated blanks; empty if nothing of it can be seen."""
    return or_blank(" ".join((text or "").replace("\0", "").split()))


class VisibleRequired(DataRequired):
    """Requires a text of which something can be seen."""

    def __call__(self, form: BaseForm, field: Field) -> None:
        if isinstance(field.data, str) and not or_blank(field.data):
            field.errors = []
            raise StopValidation(self.message or "")
        super().__call__(form, field)


def required(message: str, longest: int) -> list[Any]:
    """The validators of a required text field.

    :param message: shown when it is empty, or nothing of it can be seen
    :param longest: maximum characters
    """
    return [VisibleRequired(message), Length(max=longest, message=f"Use at most {longest} characters")]


def _text_up_to(longest: int) -> list[Any]:
    return [Length(max=longest, message=f"Use at most {longest} characters")]


class PageForm(FlaskForm):
    """The base of all forms. Their token was checked before the view: see `form_tokens`."""

    class Meta:
        csrf = False


class _CountrySelect(Select):
    """A select that renders each of its 250 options once; all of them at once take longer than the rest of a page."""

    @classmethod
    def render_option(cls, choice: Any, **kwargs: Any) -> Markup:  # type: ignore[override]
        return _country_option(choice.value, choice.selected)


@lru_cache(maxsize=1000)
def _country_option(name: str, is_selected: bool) -> Markup:
    return Markup('<option{} value="{}">{}</option>').format(Markup(" selected") if is_selected else "", name, name)


class AddressFields(PageForm):
    """A form with the fields of a postal address; subclasses add more.

    It has the fields of its country under the names that they have there. `change_country` is the button that asks for
    the form with the fields of another country.
    """

    country = SelectField(
        "Country",
        default=HOME_COUNTRY,
        filters=[squeeze, country_name],
        validate_choice=False,
        widget=_CountrySelect(),
    )
    fields_of = HiddenField(filters=[squeeze])  # country whose fields were shown
    change_country = SubmitField("Show the fields of this country")
    full_name = StringField(
        "Full name", required("Enter the recipient's full name", contact.MAX_NAME_LENGTH), filters=[squeeze]
    )
    line1 = StringField(
        "Address", required("Enter the house number and street", contact.MAX_LINE_LENGTH), filters=[squeeze]
    )
    line2 = StringField("Flat, floor, landmark (optional)", _text_up_to(contact.MAX_LINE_LENGTH), filters=[squeeze])
    city = StringField("City", _text_up_to(contact.MAX_PLACE_LENGTH), filters=[squeeze])
    state = StringField("State", _text_up_to(contact.MAX_PLACE_LENGTH), filters=[squeeze])
    postal_code = StringField("Postcode", _text_up_to(contact.MAX_CODE_LENGTH), filters=[squeeze])

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._known = find_country(self.country.data or "")
        names = [(country.name, country.name) for country in all_countries()]
        self.country.choices = names if self._known else [("", ""), *names]
        for name, label in (self._known.labels if self._known else {}).items():
            is_optional = self._known is not None and name not in self._known.required
            self[name].label.text = f"{label} (optional)" if is_optional else label

    @property
    def is_changing_country(self) -> bool:
        """Whether the fields of another country are asked for. Enter in a text field presses the same button.

        A script that sends the form as soon as another country is chosen says so in the address.
        """
        is_asked = self.change_country.data or self.change_country.name in request.args
        return bool(is_asked) and self.country.data != self.fields_of.data

    @property
    def unknown_country(self) -> str:
        """What was typed as the country while it was free text, if it is none; else empty."""
        return "" if self._known else self.country.data or ""

    def is_shown(self, name: str) -> bool:
        """Whether the country has this field, or something stands in it."""
        return self._known is None or name in self._known.fields or bool(self[name].data)

    def postal_address(self, phone: str) -> PostalAddress:
        """The address entered."""
        return PostalAddress(phone=phone, **{name: self[name].data or "" for name in POSTAL_FIELDS})

    def _validate_by_country(self, field: Field) -> None:
        if self._known is None:
            if field is self.country:
                raise ValidationError(address_problem_text("country", AddressProblem.UNKNOWN_COUNTRY, None))
            return
        try:
            checked_address(self.postal_address(""))
        except UndeliverableAddress as refused:
            if problem := refused.problems.get(field.name):
                raise ValidationError(address_problem_text(field.name, problem, refused.country)) from refused

    validate_country = validate_city = validate_state = validate_postal_code = _validate_by_country


def address_problem_text(name: str, problem: AddressProblem, country: Country | None) -> str:
    """Word a problem of a field of an address.

    :param name: of the field
    """
    if country is None or name not in country.labels:
        return "Enter the house number and street" if name == "line1" else "Choose a country from the list"
    label = country.labels[name]
    noun = label if label in {"PIN code", "ZIP code", "Eircode"} else label.lower()
    if problem is AddressProblem.MISSING:
        return f"Enter the {noun}"
    example = f", such as {country.code_examples[0]}" if country.code_examples else ""
    return f"Enter the {noun} in the format of {country.name}{example}"


class PaymentMethodFields(PageForm):
    """The extra fields of payment methods; each is validated only if its payment method is `chosen`."""

    upi_id = StringField("UPI ID", filters=[squeeze])
    lender = SelectField(
        "Pay-later provider",
        choices={"": "Choose a provider", **{name: name for name in BNPL_PROVIDERS}},
        validate_choice=False,
    )

    @property
    def chosen(self) -> str | None:
        """The code of the chosen payment method; `upi` and `bnpl` have an extra field."""
        raise NotImplementedError

    def validate_upi_id(self, field: Field) -> None:
        if self.chosen == "upi" and not is_upi_id(field.data):
            raise ValidationError("Enter your UPI ID, such as asha@okbank")

    def validate_lender(self, field: Field) -> None:
        if self.chosen == "bnpl" and field.data not in BNPL_PROVIDERS:
            raise ValidationError("Choose a pay-later provider")

    def entry(self) -> str:
        """The value of the chosen payment method's extra field; empty if it has none."""
        extra = {"upi": self.upi_id.data, "bnpl": self.lender.data}
        return extra.get(self.chosen or "") or ""


def moment_from(field: Field) -> datetime | None:
    """Read a time in the shop's time zone, adding an error to the field when it is none.

    :return: in UTC; None when it is empty or has an error
    """
    typed = field.data
    if not typed:
        return None
    wall_clock = _wall_clock(typed)
    if wall_clock is None:
        field.errors = ["Enter a date and time"]
        return None
    try:
        return clock.from_shop_time(wall_clock)
    except clock.NoSuchTime as gap:
        reason = f"There is no {wall_clock:%H:%M} on this day: the clocks go forward to {gap.later:%H:%M}"
        field.errors = [f"{reason}. Choose another time"]
    except clock.TimeTwice:
        field.errors = [f"{wall_clock:%H:%M} comes twice on this day: the clocks go back. Choose another time"]
    return None


def _wall_clock(typed: str) -> datetime | None:
    """Parse a `datetime-local` value; None when it is invalid."""
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2})?", typed):
        return None
    try:
        moment = datetime.fromisoformat(typed)
    except ValueError:
        return None
    return moment if 2000 <= moment.year < 3000 else None
