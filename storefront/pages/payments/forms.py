"""The form of the sandbox bank's page."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import StringField
from wtforms.validators import AnyOf


class SandboxDecisionForm(FlaskForm):
    """Whether the customer approves the payment."""

    decision = StringField(validators=[AnyOf(["approve", "decline"])])
