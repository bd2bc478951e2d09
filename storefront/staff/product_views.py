"""The product desk: every product in a list, and one product with its variants, details and prices to come."""

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

CHANGED_MEANWHILE = (
    "Nothing was saved: somebody changed this product since you opened it. What is typed below is yours, beside it "
    "stands what there is now. Save again to keep yours."
)


@bp.get("/products")
@stock_staff
def products() -> ResponseReturnValue:
    """Every product, found, filtered and chosen for bulk changes."""
    criteria = criteria_from(request.args)
    return render_page(
        "staff/products/products.html",
        fragment="staff/products/_products.html",
        page=catalog_products.admin.list_products(criteria),
    )


# --------------------------------------------------------------------------------------------- a new one


@bp.get("/products/new")
@stock_staff
def new_product() -> ResponseReturnValue:
    """The form of a product that is not there yet."""
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
    """Add a product; pressed twice it is added once."""
    form = NewProductForm()
    form.fill(None, catalog_products.admin.list_categories(), sent=True)
    if _changes_rows(form):
        return _show_new(form)
    if not form.is_sound():
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
    flash(f"{form.name.data} is added", "notice")
    return redirect_or_hx(url_for(".product", product_id=product_id))


def _changes_rows(form: ProductForm) -> bool:
    """Whether a row more or less was asked for, or an address made of the name: then nothing is saved yet."""
    asked, drop = request.form.get("add", ""), request.form.get("drop", "")
    if asked == "variant":
        form.variants.append(BLANK_VARIANT)
    elif asked == "spec":
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
    """One product, to be changed."""
    return show_product(product_id)


def show_product(product_id: int, *, status: int = 200, problem: str = "", **more: Any) -> ResponseReturnValue:
    """The page of one product as it stands, or with what was typed into one of its forms.

    :param problem: stands above everything else
    :param more: what a partial of the page needs; `form` or `plan` with what was typed, `now` by id of a field
    """
    return render_page(
        "staff/products/product.html",
        fragment=more.pop("fragment", "staff/products/_product.html"),
        status=status,
        problem=problem,
        **{**_parts(product_id), **more},
    )


def _parts(product_id: int) -> dict[str, Any]:
    """What the page of a product shows, each form as the product stands."""
    record = catalog_products.admin.get_product_record(product_id)
    form = ProductForm(formdata=None, obj=record, seen=record.version)
    form.category.data, form.more.data = str(record.categories[0]), [str(i) for i in record.categories[1:]]
    form.fill(record, catalog_products.admin.list_categories(), sent=False)
    plan = ScheduledPriceForm(formdata=None)
    plan.offer(record)
    url = url_for(".change_product", product_id=product_id)
    return {"record": record, "form": form, "plan": plan, "url": url, "now": {}, "notice": ""}


@bp.post("/products/<id:product_id>")
@stock_staff
def change_product(product_id: int) -> ResponseReturnValue:
    """Save what was typed, unless somebody changed the product meanwhile or it cannot stand like that."""
    record = catalog_products.admin.get_product_record(product_id)
    form = ProductForm()
    form.fill(record, catalog_products.admin.list_categories(), sent=True)
    if _changes_rows(form):
        return show_product(product_id, form=form)
    if not form.is_sound():
        return show_product(product_id, status=422, form=form)
    try:
        catalog_products.admin.change_product(
            product_id, form.draft(), seen=form.version, actor=web_session.current_actor()
        )
    except ProductConflict as conflict:
        form.seen.data = str(conflict.record.version)
        now = differences(form, conflict.record)
        form.take_over(conflict.record)
        return show_product(product_id, status=409, problem=CHANGED_MEANWHILE, form=form, now=now)
    except DraftRefused as refusal:
        form.explain(refusal.problems)
        return show_product(product_id, status=422, form=form)
    return _done(product_id, "Saved")


def _done(product_id: int, notice: str) -> ResponseReturnValue:
    """Something was done: the product as it stands now, and what was done in words."""
    parts = {**_parts(product_id), "problem": "", "notice": notice}
    return answer("staff/products/_after_change.html", otherwise=url_for(".product", product_id=product_id), **parts)


@bp.post("/products/<id:product_id>/publication")
@stock_staff
def publish_product(product_id: int) -> ResponseReturnValue:
    """Put a product on sale, or hide it."""
    form = PublicationForm()
    if not form.validate():
        abort(400)
    catalog_products.admin.get_product_record(product_id)
    publish = form.publish.data == "1"
    catalog_products.admin.set_published([product_id], publish, actor=web_session.current_actor())
    return _done(product_id, "It is on sale" if publish else "It is hidden")


# --------------------------------------------------------------------------------------------- prices to come


@bp.post("/products/<id:product_id>/prices")
@stock_staff
def schedule_price(product_id: int) -> ResponseReturnValue:
    """Let a variant have another price later."""
    record = catalog_products.admin.get_product_record(product_id)
    form = ScheduledPriceForm()
    form.offer(record)
    planned = form.read(record.currency)
    if planned is None:
        return show_product(product_id, status=422, plan=form)
    variant_id, price, compare_at_price, starts_at, ends_at = planned
    try:
        catalog_products.admin.schedule_price(
            variant_id, price, compare_at_price, starts_at, ends_at, actor=web_session.current_actor()
        )
    except DraftRefused as refusal:
        form.explain(refusal.problems)
        return show_product(product_id, status=422, plan=form)
    return _done(product_id, "The price is planned")


@bp.post("/products/<id:product_id>/prices/<id:plan_id>/cancellation")
@stock_staff
def cancel_price(product_id: int, plan_id: int) -> ResponseReturnValue:
    """Call off a price to come; one that has begun ends now."""
    if plan_id not in {plan.id for plan in catalog_products.admin.get_product_record(product_id).planned}:
        return show_product(product_id, status=409, problem="Nothing was changed: this price is over or called off.")
    try:
        catalog_products.admin.cancel_price(plan_id, actor=web_session.current_actor())
    except UnknownScheduledPrice:
        return show_product(product_id, status=409, problem="Nothing was changed: this price is over or called off.")
    return _done(product_id, "The price is called off")
