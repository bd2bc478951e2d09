"""Parts of more than one form: how text is tidied, what must be filled in, the fields of a postal address."""

from __future__ import annotations

from typing import Any

from flask_wtf import FlaskForm
from wtforms import Field, IntegerField, StringField, ValidationError
from wtforms.form import BaseForm
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange, Optional, StopValidation

_LONGEST_NUMBER = 9  # digits read; a number of a thousand is none that a cart could hold


POSTAL_FIELDS = ("full_name", "line1", "line2", "city", "state", "postal_code", "country")  # of `PostalForm`


def trimmed(text: str | None) -> str:
    """Typed text on one line, without blanks around it or in a row."""
    return " ".join((text or "").replace("\0", "").split())


def filled(message: str, longest: int) -> list[Any]:
    """Validators of a field that must be filled in. :param longest: characters it may have"""
    return [DataRequired(message), Length(max=longest, message=f"Use at most {longest} characters")]


class QuantityField(IntegerField):
    """Units of something, from 1 to `most`; says in plain words what it takes."""

    def __init__(self, label: str, most: int, **kwargs: Any) -> None:
        self._words = f"Enter a whole number from 1 to {most}"
        super().__init__(label, [InputRequired(self._words), NumberRange(1, most, self._words)], **kwargs)

    @property
    def units(self) -> int:
        """What was entered, of a form that is valid."""
        return self.data or 0

    def process_formdata(self, valuelist: list[str]) -> None:
        texts = [text.strip() for text in valuelist]
        try:
            if any(len(text) > _LONGEST_NUMBER for text in texts):
                raise ValueError
            super().process_formdata(texts)
        except ValueError as error:
            raise ValueError(self._words) from error

    def pre_validate(self, form: BaseForm) -> None:
        if self.process_errors:
            raise StopValidation  # it was said already


class PostalForm(FlaskForm):
    """The fields of a postal address; who needs more of it derives from this."""

    full_name = StringField("Full name", filled("Enter the name of who receives it", 120), filters=[trimmed])
    line1 = StringField("Address", filled("Enter house and street", 160), filters=[trimmed])
    line2 = StringField(
        "Flat, floor, landmark (optional)",
        [Optional(), Length(max=160, message="Use at most 160 characters")],
        filters=[trimmed],
    )
    city = StringField("City", filled("Enter the city", 80), filters=[trimmed])
    state = StringField("State", filled("Enter the state", 80), filters=[trimmed])
    postal_code = StringField("PIN code", filled("Enter the PIN code", 16), filters=[trimmed])
    country = StringField("Country", filled("Enter the country", 60), default="India", filters=[trimmed])

    def validate_postal_code(self, field: Field) -> None:
        digits = (field.data or "").replace(" ", "")
        if (self.country.data or "").casefold() == "india" and not (len(digits) == 6 and digits.isdigit()):
            raise ValidationError("An Indian PIN code has six digits, such as 411001")
