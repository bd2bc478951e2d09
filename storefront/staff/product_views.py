"""Products: the list, and the form of one with its variants, specifications and scheduled prices."""

from __future__ import annotations

import secrets
from typing import Any

from flask import abort, flash, request, url_for
from flask.typing import ResponseReturnValue

from storefront.catalog import products as catalog_products
from storefront.catalog.products.admin import DraftRefused, ProductConflict, UnknownScheduledPrice
from storefront.staff import bp, stock_staff
from storefront.staff.product_forms import (
    BLANK_SPEC,
    BLANK_VARIANT,
    NewProductForm,
    ProductForm,
    PublicationForm,
    ScheduledPriceForm,
    criteria_from,
    products_url,
)
from storefront.staff.product_messages import differences
from storefront.web import session as web_session
from storefront.web.responses import answer, redirect_or_hx, render_page

bp.add_app_template_global(products_url)
bp.add_app_template_global(lambda: catalog_products.admin.SKU_HINT, "sku_hint")

CHANGED_MEANWHILE = (
    "Nothing was saved: somebody else changed this product since you opened it. The current values are shown below "
    "your changes. Save again to keep your changes."
)
PRICE_IS_OVER = "Nothing was changed: this scheduled price has ended or was cancelled."


@bp.get("/products")
@stock_staff
def products() -> ResponseReturnValue:
    """List the products, with search, filters and checkboxes for bulk changes."""
    criteria = criteria_from(request.args)
    return render_page(
        "staff/products/products.html",
        fragment="staff/products/_products.html",
        page=catalog_products.admin.list_products(criteria),
    )


# --------------------------------------------------------------------------------------------- new product


@bp.get("/products/new")
@stock_staff
def new_product() -> ResponseReturnValue:
    """Show the form for a new product."""
    form = NewProductForm(formdata=None, key=secrets.token_hex(16), is_published=True)
    form.fill(None, catalog_products.admin.list_categories(), sent=False)
    return _show_new(form)


def _show_new(form: NewProductForm, status: int = 200) -> ResponseReturnValue:
    return render_page(
        "staff/products/new.html",
        fragment="staff/products/_product_form.html",
        status=status,
        form=form,
        record=None,
        url=url_for(".create_product"),
        now={},
    )


@bp.post("/products")
@stock_staff
def create_product() -> ResponseReturnValue:
    """Create a product; a second click creates nothing."""
    form = NewProductForm()
    form.fill(None, catalog_products.admin.list_categories(), sent=True)
    if _changes_rows(form):
        return _show_new(form)
    if not form.validate_all():
        return _show_new(form, 422)
    published = bool(form.is_published.data)
    try:
        product_id = catalog_products.admin.create_product(
            form.own_sku,
            form.draft(),
            is_published=published,
            key=form.key.data or "",
            actor=web_session.current_actor(),
        )
    except DraftRefused as refusal:
        form.explain(refusal.problems)
        return _show_new(form, 422)
    flash(f"{form.name.data} created", "notice")
    return redirect_or_hx(url_for(".product", product_id=product_id))


def _changes_rows(form: ProductForm) -> bool:
    """Carry out a button that only edits the form: add or drop a row, generate the slug.

    :return: whether one was pressed; then nothing is saved yet
    """
    add, drop = request.form.get("add", ""), request.form.get("drop", "")
    if add == "variant":
        form.variants.append(BLANK_VARIANT)
    elif add == "spec":
        form.specs.append(BLANK_SPEC)
    elif drop.startswith("variant-"):
        form.variants = [row for i, row in enumerate(form.variants) if f"variant-{i}" != drop or row.known]
    elif drop.startswith("spec-"):
        form.specs = [row for i, row in enumerate(form.specs) if f"spec-{i}" != drop]
    elif request.form.get("propose"):
        form.slug.data = form.proposed_slug
    else:
        return False
    form.variants, form.specs = form.variants or [BLANK_VARIANT], form.specs or [BLANK_SPEC]
    return True


# --------------------------------------------------------------------------------------------- one product


@bp.get("/products/<id:product_id>")
@stock_staff
def product(product_id: int) -> ResponseReturnValue:
    """Show the form of a product."""
    return show_product(product_id)


def show_product(product_id: int, *, status: int = 200, problem: str = "", **more: Any) -> ResponseReturnValue:
    """Render the page of a product as it is stored, or with what was entered into one of its forms.

    :param problem: shown at the top
    :param more: further template variables: `form` or `price_form` as submitted, `now`: current values by field id
    """
    return render_page(
        "staff/products/product.html",
        fragment=more.pop("fragment", "staff/products/_product.html"),
        status=status,
        problem=problem,
        **{**_context(product_id), **more},
    )


def _context(product_id: int) -> dict[str, Any]:
    """The template variables of the page, with each form filled in from the stored product."""
    record = catalog_products.admin.get_product_record(product_id)
    form = ProductForm(formdata=None, obj=record, seen=record.version)
    form.category.data, form.more.data = str(record.categories[0]), [str(i) for i in record.categories[1:]]
    form.fill(record, catalog_products.admin.list_categories(), sent=False)
    price_form = ScheduledPriceForm(formdata=None)
    price_form.offer(record)
    url = url_for(".change_product", product_id=product_id)
    return {"record": record, "form": form, "price_form": price_form, "url": url, "now": {}, "notice": ""}


@bp.post("/products/<id:product_id>")
@stock_staff
def change_product(product_id: int) -> ResponseReturnValue:
    """Save a product, unless a field is invalid or somebody else changed it meanwhile."""
    record = catalog_products.admin.get_product_record(product_id)
    form = ProductForm()
    form.fill(record, catalog_products.admin.list_categories(), sent=True)
    if _changes_rows(form):
        return show_product(product_id, form=form)
    if not form.validate_all():
        return show_product(product_id, status=422, form=form)
    try:
        catalog_products.admin.change_product(
            product_id, form.draft(), seen=form.version, actor=web_session.current_actor()
        )
    except ProductConflict as conflict:
        form.seen.data = str(conflict.record.version)
        now = differences(form, conflict.record)
        form.merge_variants(conflict.record)
        return show_product(product_id, status=409, problem=CHANGED_MEANWHILE, form=form, now=now)
    except DraftRefused as refusal:
        form.explain(refusal.problems)
        return show_product(product_id, status=422, form=form)
    return _done(product_id, "Saved")


def _done(product_id: int, notice: str) -> ResponseReturnValue:
    """Answer a successful action with the stored product and a notice."""
    context = {**_context(product_id), "problem": "", "notice": notice}
    return answer("staff/products/_after_change.html", otherwise=url_for(".product", product_id=product_id), **context)


@bp.post("/products/<id:product_id>/publication")
@stock_staff
def publish_product(product_id: int) -> ResponseReturnValue:
    """Publish or hide a product."""
    form = PublicationForm()
    if not form.validate():
        abort(400)
    catalog_products.admin.get_product_record(product_id)
    publish = form.publish.data == "1"
    catalog_products.admin.set_published([product_id], publish, actor=web_session.current_actor())
    return _done(product_id, "Product published" if publish else "Product hidden")


# --------------------------------------------------------------------------------------------- scheduled prices


@bp.post("/products/<id:product_id>/prices")
@stock_staff
def schedule_price(product_id: int) -> ResponseReturnValue:
    """Schedule a price for a variant."""
    record = catalog_products.admin.get_product_record(product_id)
    form = ScheduledPriceForm()
    form.offer(record)
    scheduled = form.read()
    if scheduled is None:
        return show_product(product_id, status=422, price_form=form)
    variant_id, price, compare_at_price, starts_at, ends_at = scheduled
    try:
        catalog_products.admin.schedule_price(
            variant_id, price, compare_at_price, starts_at, ends_at, actor=web_session.current_actor()
        )
    except DraftRefused as refusal:
        form.explain(refusal.problems)
        return show_product(product_id, status=422, price_form=form)
    return _done(product_id, "Price scheduled")


@bp.post("/products/<id:product_id>/prices/<id:plan_id>/cancellation")
@stock_staff
def cancel_price(product_id: int, plan_id: int) -> ResponseReturnValue:
    """Cancel a scheduled price; one that has started ends now."""
    if plan_id not in {price.id for price in catalog_products.admin.get_product_record(product_id).planned}:
        return show_product(product_id, status=409, problem=PRICE_IS_OVER)
    try:
        catalog_products.admin.cancel_price(plan_id, actor=web_session.current_actor())
    except UnknownScheduledPrice:
        return show_product(product_id, status=409, problem=PRICE_IS_OVER)
    return _done(product_id, "Scheduled price cancelled")
