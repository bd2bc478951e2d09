"""The shop's pages about its goods."""

from __future__ import annotations

from dataclasses import replace

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue

from storefront import visitor
from storefront.catalog import service
from storefront.catalog.forms import active_filters, browse_url, criteria_from, words_from
from storefront.catalog.values import BrowseCriteria
from storefront.clock import arrival_day
from storefront.responses import query_kept, render_page, wants_fragment

bp = Blueprint("catalog", __name__)
bp.app_template_global()(browse_url)
bp.app_template_global()(active_filters)


@bp.get("/")
def home() -> ResponseReturnValue:
    """The first page."""
    return render_page("catalog/home.html", home=service.home(visitor.seen_products()))


@bp.get("/products")
def products() -> ResponseReturnValue:
    """Everything, or what a search finds; a department chosen in the filters has an address of its own."""
    criteria = criteria_from(request.args)
    if criteria.category in {department.slug for department in service.departments()}:
        return redirect(browse_url(criteria, page=criteria.page))
    title = f"Results for “{criteria.words}”" if criteria.words else "All products"
    return _listing(replace(criteria, category=None), title)


@bp.get("/category/<slug>")
def category(slug: str) -> ResponseReturnValue:
    """One department, or what a search finds in it."""
    try:
        return _listing(criteria_from(request.args, category=slug), "")
    except service.UnknownCategory:
        moved = service.product_desk.find_moved(slug)
        if moved is None:
            raise
        return redirect(url_for(".category", slug=moved) + query_kept(), 301)


def _listing(criteria: BrowseCriteria, title: str) -> ResponseReturnValue:
    listing = service.browse(criteria)
    return render_page(
        "catalog/listing.html",
        fragment="catalog/_listing.html",
        listing=listing,
        title=title or (listing.department.name if listing.department else ""),
        form_action=browse_url(BrowseCriteria(category=criteria.category)),
    )


@bp.get("/product/<id:product_id>-<slug>")
def product(product_id: int, slug: str) -> ResponseReturnValue:
    """One product; an outdated name in its address is put right."""
    stars = request.args.get("stars", type=int)
    page = service.get_product(product_id, stars if stars in range(1, 6) else None, reader=visitor.reader())
    if page.box.slug != slug:
        return redirect(url_for(".product", product_id=product_id, slug=page.box.slug) + query_kept(), 301)
    visitor.remember_product(product_id)
    return render_page(
        "catalog/product.html",
        fragment="catalog/_reviews.html",
        page=page,
        box=page.box,
        sku=page.box.variant(request.args.get("sku")).sku,
        form=None,
        known_email=visitor.proved_email(),
        stars=stars if stars in range(1, 6) else None,
        arrives_on=arrival_day(),
    )


@bp.get("/search/suggestions")
def suggestions() -> ResponseReturnValue:
    """What to offer while typing; opened as a page it is the search itself."""
    words = words_from(request.args)
    if not wants_fragment():
        return redirect(url_for(".products", q=words or None), 303)
    suggestions, relaxed = service.suggest(words)
    return render_page("catalog/_suggestions.html", suggestions=suggestions, relaxed=relaxed, words=words)
