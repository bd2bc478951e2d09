"""Structured data of pages as schema.org JSON-LD, built from the values that the page shows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from typing import Any

from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup

from storefront.catalog.values import ProductPage, VariantView

Node = dict[str, Any]

_dumps = partial(json.dumps, ensure_ascii=False, separators=(",", ":"))


def script(nodes: Sequence[Node]) -> Markup:
    """Serialise nodes for a `<script type="application/ld+json">` element.

    `<`, `>`, `&` and `'` are escaped as \\u003c and so on, so that no value can end the element.
    """
    return htmlsafe_json_dumps({"@context": "https://schema.org", "@graph": list(nodes)}, dumps=_dumps)


def shop(name: str, address: str, *, logo: str, search: str) -> tuple[Node, Node]:
    """Describe the shop as an organization and a web site with a search.

    :param address: URL of the home page
    :param logo: URL of the logo
    :param search: URL of the search results with {search_term_string} in it
    """
    seller = {"@type": "Organization", "@id": f"{address}#shop", "name": name, "url": address, "logo": logo}
    action = {
        "@type": "SearchAction",
        "target": {"@type": "EntryPoint", "urlTemplate": search},
        "query-input": "required name=search_term_string",
    }
    site = {
        "@type": "WebSite",
        "name": name,
        "url": address,
        "publisher": {"@id": seller["@id"]},
        "potentialAction": action,
    }
    return seller, site


def breadcrumbs(steps: Sequence[tuple[str, str]]) -> Node:
    """Describe the breadcrumbs of a page.

    :param steps: names and absolute URLs, the page itself last
    """
    return {
        "@type": "BreadcrumbList",
        "itemListElement": [
            {"@type": "ListItem", "position": position, "name": name, "item": address}
            for position, (name, address) in enumerate(steps, start=1)
        ],
    }


def offer(variant: VariantView, address: str) -> Node:
    """Describe a variant with its current price and availability.

    :param address: absolute URL of the page that shows its price
    """
    state = "InStock" if variant.available > 0 else "OutOfStock"
    return {
        "@type": "Offer",
        "sku": variant.sku,
        **({"name": variant.option} if variant.option else {}),
        "url": address,
        "price": str(variant.price.amount),
        "priceCurrency": variant.price.currency,
        "availability": f"https://schema.org/{state}",
    }


def product(page: ProductPage, address: str, pictures: Sequence[str], offers: Sequence[Node]) -> Node:
    """Describe a product with its offers, and its rating if it has reviews.

    :param address: canonical URL of the product
    :param pictures: absolute URLs
    :param offers: one for each variant, at least one
    """
    node: Node = {
        "@type": "Product",
        "@id": f"{address}#product",
        "name": page.box.name,
        "url": address,
        "sku": page.sku,
        "category": page.department.name,
        "offers": offers[0] if len(offers) == 1 else list(offers),
    }
    if page.description:
        node["description"] = page.description
    if page.brand:
        node["brand"] = {"@type": "Brand", "name": page.brand}
    if pictures:
        node["image"] = list(pictures)
    if page.review_count:
        node["aggregateRating"] = {
            "@type": "AggregateRating",
            "ratingValue": f"{page.rating:.1f}",
            "reviewCount": page.review_count,
        }
    return node
