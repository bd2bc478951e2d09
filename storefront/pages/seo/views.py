"""Serves robots.txt and the sitemap, and registers the template functions for page metadata."""

from __future__ import annotations

from flask import Blueprint, abort
from flask.typing import ResponseReturnValue

from storefront.catalog.listing import sitemap as catalogue
from storefront.db.session import MAX_INTEGER
from storefront.pages.seo import json_ld, service, sitemap_xml
from storefront.pages.well_known import public_file
from storefront.web.route_options import public_cache

bp = Blueprint("seo", __name__)
bp.app_template_global()(service.home_head)
bp.app_template_global()(service.listing_head)
bp.app_template_global()(service.product_head)
bp.app_template_filter("structured")(json_ld.script)

AN_HOUR = 3600  # seconds
MAX_PARTS = MAX_INTEGER // catalogue.IDS_OF_PART  # the highest product id there can be


@bp.get("/robots.txt")
@public_cache(AN_HOUR)
def robots() -> ResponseReturnValue:
    """Serve robots.txt."""
    return public_file(service.robots(), "text/plain")


@bp.get("/sitemap.xml")
@public_cache(AN_HOUR)
def sitemap() -> ResponseReturnValue:
    """Serve the index of the sitemap."""
    files = [service.page_address(".sitemap_of_listings")]
    files += [service.page_address(".sitemap_of_products", part=part) for part in catalogue.parts()]
    return public_file(sitemap_xml.index(files), "application/xml")


@bp.get("/sitemaps/listings.xml")
@public_cache(AN_HOUR)
def sitemap_of_listings() -> ResponseReturnValue:
    """Serve the sitemap of the home page and of the first page of every listing that is not empty."""
    addresses = [service.page_address("catalog.home"), service.page_address("catalog.products")]
    addresses += [service.page_address("catalog.category", slug=slug) for slug in catalogue.categories()]
    return public_file(sitemap_xml.url_set(addresses), "application/xml")


@bp.get(f"/sitemaps/products-<int(max={MAX_PARTS}):part>.xml")
@public_cache(AN_HOUR)
def sitemap_of_products(part: int) -> ResponseReturnValue:
    """Serve the sitemap of the products on sale in one range of ids."""
    products = catalogue.products_in(part)
    if not products:
        abort(404)
    addresses = (service.page_address("catalog.product", product_id=number, slug=slug) for number, slug in products)
    return public_file(sitemap_xml.url_set(addresses), "application/xml")
