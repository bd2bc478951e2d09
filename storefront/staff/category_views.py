"""Categories: created, edited, reordered, and removed once they hold no product."""

from __future__ import annotations

from typing import Any

from flask import flash, url_for
from flask.typing import ResponseReturnValue
from wtforms import HiddenField, StringField
from wtforms.validators import Length

from storefront.catalog import products
from storefront.catalog.products.admin import (
    CategoryConflict,
    CategoryDraft,
    CategoryInUse,
    CategoryRecord,
    DraftRefused,
)
from storefront.staff import bp, stock_staff
from storefront.staff.product_forms import PROBLEM_TEXTS, slug_check
from storefront.staff.variant_rows import on_one_line
from storefront.web import session as web_session
from storefront.web.filters import plural
from storefront.web.form_fields import PageForm, required
from storefront.web.number_fields import QuantityField
from storefront.web.responses import redirect_or_hx, render_page

FULL_CIRCLE = 360  # degrees of hue
MAX_POSITION = 999
CHANGED_MEANWHILE = (
    "Nothing was saved: somebody else changed this category since you opened it. The current values are shown below "
    "your changes. Save again to keep your changes."
)


class CategoryForm(PageForm):
    """The fields of a category.

    :cvar seen: digest of the category when the form was opened, to detect a concurrent change
    """

    seen = HiddenField()
    name = StringField("Name", required("Enter a name", 80), filters=[on_one_line])
    slug = StringField(
        "URL slug", [Length(max=80, message="Use at most 80 characters"), slug_check], filters=[on_one_line]
    )
    description = StringField(
        "Description", [Length(max=255, message="Use at most 255 characters")], filters=[on_one_line]
    )
    hue = QuantityField("Hue", FULL_CIRCLE, least=0, default=255)
    position = QuantityField("Position in the navigation", MAX_POSITION)

    def read(self) -> CategoryDraft | None:
        """Validate the fields.

        :return: the category as entered; None when a field has an error, which it then carries
        """
        if not self.validate():
            return None
        return CategoryDraft(
            self.name.data or "", self.slug.data or "", self.description.data or "", self.hue.units, self.position.units
        )


@bp.get("/products/categories")
@stock_staff
def categories() -> ResponseReturnValue:
    """List the categories in navigation order, with the form for a new one."""
    count = len(products.admin.list_categories())
    return _show_all(CategoryForm(formdata=None, position=count + 1))


def _show_all(form: CategoryForm, status: int = 200) -> ResponseReturnValue:
    return render_page(
        "staff/products/categories.html", status=status, form=form, categories=products.admin.list_categories(), now={}
    )


@bp.post("/products/categories")
@stock_staff
def create_category() -> ResponseReturnValue:
    """Create a category."""
    form = CategoryForm()
    draft = form.read()
    if draft is None:
        return _show_all(form, 422)
    try:
        products.admin.create_category(draft, actor=web_session.current_actor())
    except DraftRefused as refusal:
        _explain(form, refusal)
        return _show_all(form, 422)
    flash(f"{draft.name} created", "notice")
    return redirect_or_hx(url_for(".categories"))


def _explain(form: CategoryForm, refusal: DraftRefused) -> None:
    for name, problem in refusal.problems.items():
        form[name].errors = [*form[name].errors, PROBLEM_TEXTS[problem]]


@bp.get("/products/categories/<id:category_id>")
@stock_staff
def category(category_id: int) -> ResponseReturnValue:
    """Show the form of a category."""
    return _show_one(products.admin.get_category(category_id))


def _show_one(record: CategoryRecord, *, status: int = 200, **more: Any) -> ResponseReturnValue:
    form = more.pop("form", None) or _form_of(record)
    context = {"problem": "", "now": {}, **more}
    return render_page("staff/products/category.html", status=status, record=record, form=form, **context)


def _form_of(record: CategoryRecord) -> CategoryForm:
    return CategoryForm(
        formdata=None,
        name=record.name,
        slug=record.slug,
        description=record.description,
        hue=record.hue,
        position=record.position,
        seen=record.digest,
    )


@bp.post("/products/categories/<id:category_id>")
@stock_staff
def change_category(category_id: int) -> ResponseReturnValue:
    """Save a category, unless somebody else changed it meanwhile."""
    record = products.admin.get_category(category_id)
    form = CategoryForm()
    draft = form.read()
    if draft is None:
        return _show_one(record, status=422, form=form)
    try:
        products.admin.change_category(category_id, draft, seen=form.seen.data or "", actor=web_session.current_actor())
    except CategoryConflict as conflict:
        form.seen.data = conflict.record.digest
        current = {name: str(getattr(conflict.record, name)) for name in ("name", "slug", "description", "hue")}
        now = {name: value for name, value in current.items() if value != str(getattr(draft, name))}
        return _show_one(conflict.record, status=409, form=form, problem=CHANGED_MEANWHILE, now=now)
    except DraftRefused as refusal:
        _explain(form, refusal)
        return _show_one(record, status=422, form=form)
    flash("Saved", "notice")
    return redirect_or_hx(url_for(".categories"))


@bp.post("/products/categories/<id:category_id>/removal")
@stock_staff
def remove_category(category_id: int) -> ResponseReturnValue:
    """Remove a category that has no products."""
    record = products.admin.get_category(category_id)
    try:
        products.admin.remove_category(category_id, actor=web_session.current_actor())
    except CategoryInUse as use:
        problem = f"Not removed: the category has {plural(use.count, 'product')}. Move the products first."
        return _show_one(record, status=409, problem=problem)
    flash(f"{record.name} removed", "notice")
    return redirect_or_hx(url_for(".categories"))
