"""What the sandbox provider's page accepts."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import StringField
from wtforms.validators import AnyOf


class SandboxDecisionForm(FlaskForm):
    decision = StringField(validators=[AnyOf(["approve", "decline"])])
