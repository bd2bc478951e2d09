"""API keys of programs: listed, made and revoked by admins."""

from __future__ import annotations

from flask import current_app, flash, url_for
from flask.typing import ResponseReturnValue
from wtforms import SelectMultipleField, StringField
from wtforms.validators import DataRequired

from storefront.accounts import service as accounts
from storefront.accounts.service import (
    MAX_API_KEY_NAME_LENGTH,
    MAX_REQUESTS_PER_MINUTE,
    ApiKeyNameTaken,
    ExpiryPassed,
    NewApiKey,
    Scope,
)
from storefront.accounts.values import UserId
from storefront.staff import admin, bp
from storefront.web import session as web_session
from storefront.web.api_callers import SCOPE_TEXTS
from storefront.web.form_fields import PageForm, moment_from, required, squeeze
from storefront.web.number_fields import QuantityField
from storefront.web.responses import redirect_or_hx, render_page


class ApiKeyForm(PageForm):
    """The fields of a new key."""

    name = StringField("Name", required("Enter a name", MAX_API_KEY_NAME_LENGTH), filters=[squeeze])
    scopes = SelectMultipleField(
        "Permissions",
        [DataRequired("Choose at least one")],
        choices={str(scope): text for scope, text in SCOPE_TEXTS.items()},
    )
    requests_per_minute = QuantityField("Requests per minute", MAX_REQUESTS_PER_MINUTE)
    expires_at = StringField("Expires", filters=[squeeze])

    def read(self) -> NewApiKey | None:
        """Validate the fields.

        :return: the key to make; None when a field has an error
        """
        self.validate()
        expires_at = moment_from(self.expires_at)
        if self.errors:
            return None
        scopes = frozenset(map(Scope, self.scopes.data or ()))
        return NewApiKey(self.name.data or "", scopes, self.requests_per_minute.units, expires_at)


@bp.get("/api-keys")
@admin
def api_keys() -> ResponseReturnValue:
    """List the keys, with the form for a new one."""
    form = ApiKeyForm(formdata=None, data={"requests_per_minute": current_app.config["RATELIMIT_API_KEY"]})
    return _show(form)


def _show(form: ApiKeyForm, status: int = 200) -> ResponseReturnValue:
    records = accounts.list_api_keys()
    return render_page(
        "staff/api_keys/api_keys.html",
        status=status,
        form=form,
        active=[record for record in records if record.problem is None],
        ended=[record for record in records if record.problem is not None],
        scope_texts=SCOPE_TEXTS,
    )


@bp.post("/api-keys")
@admin
def make_api_key() -> ResponseReturnValue:
    """Make a key. The answer shows it, the only time: the form sent again is refused, as the name is taken then."""
    form = ApiKeyForm()
    new = form.read()
    if new is None:
        return _show(form, 422)
    try:
        secret, key = accounts.make_api_key(new, actor=web_session.current_actor(), maker=_maker())
    except ApiKeyNameTaken:
        form.name.errors = ["A key has this name, or had it before it was revoked. Choose another"]
        return _show(form, 422)
    except ExpiryPassed:
        form.expires_at.errors = ["This time has passed. Choose a later one, or leave it empty"]
        return _show(form, 422)
    return render_page("staff/api_keys/made.html", secret=secret, key=key, scope_texts=SCOPE_TEXTS)


def _maker() -> UserId:
    person = web_session.current_account()
    if person is None:
        raise RuntimeError("an admin page without its guard")
    return person.id


@bp.post("/api-keys/<key_id>/revocation")
@admin
def revoke_api_key(key_id: str) -> ResponseReturnValue:
    """Revoke a key; one that somebody else revoked stays so."""
    accounts.revoke_api_key(key_id, actor=web_session.current_actor())
    flash("API key revoked", "notice")
    return redirect_or_hx(url_for(".api_keys"))
