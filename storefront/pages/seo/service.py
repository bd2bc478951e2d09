"""Which pages searchers may list, under which address, and what is told of them; what does not ask is not listed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import current_app, url_for

from storefront.catalog.service import BrowseCriteria, Department, Listing, Picture, ProductPage, VariantView
from storefront.core.money import Money
from storefront.pages.seo import json_ld
from storefront.web.layout import picture_url

LARGE = 600  # pixels of width from which a preview shows a picture across

# Of the paths, everything below them, too. What is refused here is what would not be listed anyway.
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
# Fields of a listing that narrow or order it: there are more such pages than anybody could read.
LISTING_FIELDS = ("q", "brand", "price", "rating", "stock", "sort")


@dataclass(frozen=True, slots=True)
class Preview:
    """A picture beside a link.

    :ivar address: absolute
    :ivar width: in pixels, as `height`
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
    """What the head of a listed page says of it.

    :ivar address: the one absolute address that it is known by
    :ivar kind: what it is as Open Graph has it
    :ivar price: of what the page sells
    :ivar data: in the terms of schema.org, as `structured.script` takes it
    """

    address: str
    kind: str
    picture: Preview
    data: tuple[json_ld.Node, ...]
    price: Money | None = None
    is_available: bool = False


def absolute(path: str) -> str:
    """An address as other sites need it.

    :param path: of the shop; what has a host already stays
    """
    if path.startswith(("http://", "https://")):
        return path
    origin: str = current_app.config["PUBLIC_ORIGIN"]
    return origin + path


def page_address(endpoint: str, **values: Any) -> str:
    """The absolute address of a page."""
    return absolute(url_for(endpoint, **values))


def home_head() -> PageMeta:
    """Of the first page."""
    config = current_app.config
    home = page_address("catalog.home")
    search = page_address("catalog.products") + "?q={search_term_string}"
    shop = json_ld.shop(config["SHOP_NAME"], home, logo=_logo().address, search=search)
    return PageMeta(home, "website", _logo(), shop)


def listing_head(listing: Listing) -> PageMeta | None:
    """Of a listing; None where it is one of the many that a search, a filter or an order makes, or is empty."""
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
    """Of a product: one address for all its variants.

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
    """The first picture there is; the shop's mark where there is none."""
    for picture in pictures:
        if picture.source:
            address = absolute(picture_url(picture))
            return Preview(address, picture.alt or name, picture.width, picture.height)
    return _logo()


def _logo() -> Preview:
    return Preview(absolute(picture_url("icons/icon-512.png")), current_app.config["SHOP_NAME"], 512, 512)


def robots() -> str:
    """What robots.txt says."""
    private = [f"Disallow: {path}" for path in PRIVATE_PATHS]
    listings = [f"Disallow: /*{mark}{field}=" for field in LISTING_FIELDS for mark in "?&"]
    return "\n".join(["User-agent: *", *private, *listings, "", f"Sitemap: {page_address('seo.sitemap')}", ""])
