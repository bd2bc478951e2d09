"""Home page, listings, product pages and search suggestions."""

from __future__ import annotations

from dataclasses import replace

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue

from storefront.catalog import listing as catalog_listing
from storefront.catalog import products as catalog_products
from storefront.catalog import service
from storefront.catalog.values import BrowseCriteria, UnknownCategory
from storefront.pages.catalog.forms import active_filters, browse_url, criteria_from, words_from
from storefront.pages.catalog.fragments import product_context, render_cards, render_facets, seen_cards
from storefront.web import layout
from storefront.web import session as web_session
from storefront.web.replica_reads import reads_replica
from storefront.web.responses import query_suffix, render_page, wants_fragment
from storefront.web.route_options import same_for_newcomers
from storefront.web.shared_pages import shared_page

bp = Blueprint("catalog", __name__)
bp.app_template_global()(browse_url)


@bp.get("/")
@same_for_newcomers
@reads_replica
def home() -> ResponseReturnValue:
    """Show the home page."""
    return shared_page(_home)


def _home() -> ResponseReturnValue:
    home = service.home()
    return render_page(
        "catalog/home.html",
        home=home,
        loved_cards=render_cards(home.loved, "loved"),
        newest_cards=render_cards(home.newest, "newest"),
        seen_cards=seen_cards(),
    )


@bp.get("/products")
@same_for_newcomers
@reads_replica
def products() -> ResponseReturnValue:
    """List all products or search results; a category chosen in the filters redirects to its own page."""
    return shared_page(_products)


def _products() -> ResponseReturnValue:
    criteria = criteria_from(request.args)
    if criteria.category in {department.slug for department in layout.departments()}:
        return redirect(browse_url(criteria, page=criteria.page))
    title = f"Results for “{criteria.words}”" if criteria.words else "All products"
    return _listing(replace(criteria, category=None), title)


@bp.get("/category/<slug>")
@same_for_newcomers
@reads_replica
def category(slug: str) -> ResponseReturnValue:
    """List a category, or search results in it; a former slug redirects to the current one."""
    return shared_page(lambda: _category(slug))


def _category(slug: str) -> ResponseReturnValue:
    try:
        return _listing(criteria_from(request.args, category=slug), "")
    except UnknownCategory:
        current = catalog_products.admin.find_redirect(slug)
        if current is None:
            raise
        return redirect(url_for(".category", slug=current) + query_suffix(), 301)


def _listing(criteria: BrowseCriteria, title: str) -> ResponseReturnValue:
    listing = catalog_listing.browse(criteria)
    form_action = browse_url(BrowseCriteria(category=criteria.category))
    return render_page(
        "catalog/listing.html",
        fragment="catalog/_listing.html",
        listing=listing,
        title=title or (listing.department.name if listing.department else ""),
        filters=active_filters(listing),
        facets=render_facets(listing, form_action) if listing.can_be_narrowed else "",
        cards=render_cards(listing.cards, "grid", level=2),
    )


@bp.get("/product/<id:product_id>-<slug>")
@same_for_newcomers
@reads_replica
def product(product_id: int, slug: str) -> ResponseReturnValue:
    """Show a product; an outdated slug redirects to the current one."""
    response = shared_page(lambda: _product(product_id, slug))
    if response.status_code == 200:
        web_session.remember_viewed(product_id)
    return response


def _product(product_id: int, slug: str) -> ResponseReturnValue:
    stars = request.args.get("stars", type=int)
    stars = stars if stars in range(1, 6) else None
    page = service.get_product(product_id, stars, viewer_id=web_session.current_user_id())
    if page.box.slug != slug:
        return redirect(url_for(".product", product_id=product_id, slug=page.box.slug) + query_suffix(), 301)
    return render_page(
        "catalog/product.html",
        fragment="catalog/_reviews.html",
        **product_context(page, sku=request.args.get("sku"), stars=stars),
    )


@bp.get("/search/suggestions")
@reads_replica
def suggestions() -> ResponseReturnValue:
    """Suggest products while typing; without htmx, redirect to the search results."""
    words = words_from(request.args)
    if not wants_fragment():
        return redirect(url_for(".products", q=words or None), 303)
    suggestions, relaxed = catalog_listing.suggest(words)
    return render_page("catalog/_suggestions.html", suggestions=suggestions, relaxed=relaxed, words=words)
