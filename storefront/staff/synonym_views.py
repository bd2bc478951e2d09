"""Synonyms of the search: listed, added and removed."""

from __future__ import annotations

from flask import flash, url_for
from flask.typing import ResponseReturnValue
from wtforms import TextAreaField

from storefront.catalog import search
from storefront.catalog.values import (
    MAX_PHRASES,
    MAX_SYNONYM_SETS,
    MAX_SYNONYMS_LENGTH,
    SynonymProblem,
    SynonymsRefused,
)
from storefront.staff import bp, stock_staff
from storefront.web import session as web_session
from storefront.web.form_fields import PageForm, required
from storefront.web.responses import redirect_or_hx, render_page

PROBLEM_TEXTS = {
    SynonymProblem.TOO_FEW: "Enter two or more different words, separated by commas. Singular and plural are the same",
    SynonymProblem.NO_WORD: "Each word needs a letter or a digit",
    SynonymProblem.TOO_LONG: f"Enter at most {MAX_PHRASES} words or phrases",
    SynonymProblem.TOO_MANY: f"There are {MAX_SYNONYM_SETS:,} sets already. Remove some first",
}


class SynonymsForm(PageForm):
    """The field of a new set of synonyms."""

    phrases = TextAreaField(
        "Words that mean the same",
        required("Enter two or more words, separated by commas", MAX_SYNONYMS_LENGTH),
    )


@bp.get("/products/synonyms")
@stock_staff
def synonyms() -> ResponseReturnValue:
    """List the sets of synonyms, with the form for a new one."""
    return _show(SynonymsForm(formdata=None))


def _show(form: SynonymsForm, status: int = 200) -> ResponseReturnValue:
    return render_page("staff/products/synonyms.html", status=status, form=form, sets=search.list_synonyms())


@bp.post("/products/synonyms")
@stock_staff
def add_synonyms() -> ResponseReturnValue:
    """Add a set of synonyms."""
    form = SynonymsForm()
    if not form.validate():
        return _show(form, 422)
    try:
        search.add_synonyms(form.phrases.data or "", actor=web_session.current_actor())
    except SynonymsRefused as refusal:
        form.phrases.errors = [PROBLEM_TEXTS[refusal.problem]]
        return _show(form, 422)
    flash("Synonyms added", "notice")
    return redirect_or_hx(url_for(".synonyms"))


@bp.post("/products/synonyms/<id:set_id>/removal")
@stock_staff
def remove_synonyms(set_id: int) -> ResponseReturnValue:
    """Remove a set of synonyms; one that somebody else removed is gone, too."""
    search.remove_synonyms(set_id, actor=web_session.current_actor())
    flash("Synonyms removed", "notice")
    return redirect_or_hx(url_for(".synonyms"))
