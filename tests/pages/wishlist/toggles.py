"""Helpers to press wishlist toggles and to read the wishlist."""

from __future__ import annotations

from storefront.catalog.values import ProductCard
from tests.page_client import Page, Pages


def product_url(product: ProductCard) -> str:
    return f"/product/{product.id}-{product.slug}"


def heart_of(product: ProductCard, slot: str = "page") -> str:
    return f"#heart-{slot}-{product.id}"


def wish(pages: Pages, product: ProductCard) -> Page:
    """Add a product to the wishlist by its toggle.

    :return: their list
    """
    pages.submit(pages.get(product_url(product)), heart_of(product))
    return pages.get("/wishlist")


def pressed(page: Page, product: ProductCard, slot: str = "page") -> str:
    return str(page.one(f"{heart_of(product, slot)} button")["aria-pressed"])


def listed(page: Page) -> list[str]:
    return [" ".join(name.get_text().split()) for name in page.all(".wish .cart-line__name")]


def badge(page: Page) -> list[str]:
    return page.one("#wishes-badge").get_text().split()
