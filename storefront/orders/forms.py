"""What the order pages accept."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import EmailField, StringField
from wtforms.validators import DataRequired, Length


class CancellationForm(FlaskForm):
    """Carries the form token only: no reason is asked for."""


def _trimmed(text: str | None) -> str:
    return (text or "").replace("\0", "").strip()


class TrackingForm(FlaskForm):
    order_id = StringField("Order number", [DataRequired("Enter the order number"), Length(max=32)], filters=[_trimmed])
    email = EmailField(
        "E-mail address",
        [DataRequired("Enter the e-mail address you ordered with"), Length(max=254)],
        filters=[_trimmed],
    )
