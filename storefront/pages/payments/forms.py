"""The form of the sandbox bank's page."""

from __future__ import annotations

from wtforms import StringField
from wtforms.validators import AnyOf

from storefront.web.form_fields import PageForm


class SandboxDecisionForm(PageForm):
    """Whether the customer approves the payment."""

    decision = StringField(validators=[AnyOf(["approve", "decline"])])
