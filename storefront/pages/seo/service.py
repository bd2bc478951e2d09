"""Metadata of indexable pages: canonical URL, link preview and structured data. Pages without it are not indexed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import current_app, url_for

from storefront.catalog.values import BrowseCriteria, Department, Listing, Picture, ProductPage, VariantView
from storefront.core.money import Money
from storefront.pages.seo import json_ld
from storefront.web.layout import picture_url

LARGE = 600  # pixels of width from which a link preview uses a large image

# Disallowed in robots.txt with everything below them; none of these pages would be indexed anyway.
PRIVATE_PATHS = (
    "/account",
    "/api",
    "/auth",
    "/cart",
    "/checkout",
    "/dev",
    "/login",
    "/logout",
    "/orders",
    "/password",
    "/payments",
    "/register",
    "/search",
    "/staff",
    "/track",
    "/users",
    "/wishlist",
)
# Query fields of filtered or sorted listings, disallowed in robots.txt: their combinations are too many to crawl.
LISTING_FIELDS = ("q", "brand", "price", "rating", "stock", "sort")


@dataclass(frozen=True, slots=True)
class Preview:
    """The image of a link preview.

    :ivar address: absolute URL
    :ivar width: in pixels
    :ivar height: in pixels
    """

    address: str
    alt: str
    width: int
    height: int

    @property
    def is_large(self) -> bool:
        return self.width >= LARGE


@dataclass(frozen=True, slots=True)
class PageMeta:
    """The metadata in the head of an indexable page.

    :ivar address: the canonical URL
    :ivar kind: the type in Open Graph
    :ivar data: schema.org nodes, for `json_ld.script`
    :ivar price: of the variant that a product page shows
    :ivar is_available: whether that variant is in stock
    """

    address: str
    kind: str
    picture: Preview
    data: tuple[json_ld.Node, ...]
    price: Money | None = None
    is_available: bool = False


def absolute(path: str) -> str:
    """Return the absolute URL of a path.

    :param path: of the shop; a full URL is returned as it is
    """
    if path.startswith(("http://", "https://")):
        return path
    origin: str = current_app.config["PUBLIC_ORIGIN"]
    return origin + path


def page_address(endpoint: str, **values: Any) -> str:
    """Return the absolute URL of a page."""
    return absolute(url_for(endpoint, **values))


def home_head() -> PageMeta:
    """Return the metadata of the home page."""
    config = current_app.config
    home = page_address("catalog.home")
    search = page_address("catalog.products") + "?q={search_term_string}"
    shop = json_ld.shop(config["SHOP_NAME"], home, logo=_logo().address, search=search)
    return PageMeta(home, "website", _logo(), shop)


def listing_head(listing: Listing) -> PageMeta | None:
    """Return the metadata of a listing; None when it is empty, searched, filtered or sorted, and so not indexed."""
    criteria = listing.criteria
    if not listing.total or criteria != BrowseCriteria(category=criteria.category, page=criteria.page):
        return None
    page = criteria.page if criteria.page > 1 else None
    home = ("Home", page_address("catalog.home"))
    if listing.department is None:
        address = page_address("catalog.products", page=page)
        steps, picture = [home, ("All products", page_address("catalog.products"))], _logo()
    else:
        department = listing.department
        address = page_address("catalog.category", slug=department.slug, page=page)
        steps, picture = [home, _step(department)], _preview((department.picture,), department.name)
    return PageMeta(address, "website", picture, (json_ld.breadcrumbs(steps),))


def product_head(page: ProductPage, shown: VariantView) -> PageMeta:
    """Return the metadata of a product; all its variants share one canonical URL.

    :param shown: the variant whose price the page shows
    """
    box = page.box
    address = page_address("catalog.product", product_id=box.product_id, slug=box.slug)
    offers = [
        json_ld.offer(
            variant, page_address("catalog.product", product_id=box.product_id, slug=box.slug, sku=variant.sku)
        )
        for variant in box.variants
    ]
    pictures = [absolute(picture_url(picture)) for picture in page.pictures]
    steps = [("Home", page_address("catalog.home")), _step(page.department), (box.name, address)]
    return PageMeta(
        address=address,
        kind="product",
        picture=_preview(page.pictures, box.name),
        data=(json_ld.product(page, address, pictures, offers), json_ld.breadcrumbs(steps)),
        price=shown.price,
        is_available=shown.available > 0,
    )


def _step(department: Department) -> tuple[str, str]:
    return department.name, page_address("catalog.category", slug=department.slug)


def _preview(pictures: Sequence[Picture], name: str) -> Preview:
    """Return the first image, or the shop's logo when there is none."""
    for picture in pictures:
        if picture.source:
            address = absolute(picture_url(picture))
            return Preview(address, picture.alt or name, picture.width, picture.height)
    return _logo()


def _logo() -> Preview:
    return Preview(absolute(picture_url("icons/icon-512.png")), current_app.config["SHOP_NAME"], 512, 512)


def robots() -> str:
    """Return the content of robots.txt."""
    private = [f"Disallow: {path}" for path in PRIVATE_PATHS]
    listings = [f"Disallow: /*{mark}{field}=" for field in LISTING_FIELDS for mark in "?&"]
    return "\n".join(["User-agent: *", *private, *listings, "", f"Sitemap: {page_address('seo.sitemap')}", ""])
