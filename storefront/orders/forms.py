"""What the order pages accept."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import EmailField, StringField
from wtforms.validators import InputRequired, Length


class CancellationForm(FlaskForm):
    """Carries the form token only: no reason is asked for."""


class TrackingForm(FlaskForm):
    order_id = StringField("Order number", [InputRequired("Enter the order number"), Length(max=32)])
    email = EmailField("E-mail address", [InputRequired("Enter the e-mail address you ordered with"), Length(max=254)])
