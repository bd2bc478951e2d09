"""Pages in the terms of schema.org, for machines; made of the very values that the page shows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from typing import Any

from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup

from storefront.catalog.service import ProductPage, VariantView

Node = dict[str, Any]

_dumps = partial(json.dumps, ensure_ascii=False, separators=(",", ":"))


def script(nodes: Sequence[Node]) -> Markup:
    """The content of the data block: JSON in which `<`, `>`, `&` and `'` are spelt as \\u003c and so on, so that
    nothing in it can end the block or begin another.
    """
    return htmlsafe_json_dumps({"@context": "https://schema.org", "@graph": list(nodes)}, dumps=_dumps)


def shop(name: str, address: str, *, logo: str, search: str) -> tuple[Node, Node]:
    """Who sells, and how its site is searched.

    :param search: an address with {search_term_string} in it
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
    """The way to a page.

    :param steps: names and absolute addresses, the page itself last
    """
    return {
        "@type": "BreadcrumbList",
        "itemListElement": [
            {"@type": "ListItem", "position": position, "name": name, "item": address}
            for position, (name, address) in enumerate(steps, start=1)
        ],
    }


def offer(variant: VariantView, address: str) -> Node:
    """A variant as it is sold now.

    :param address: of the page that shows its price
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
    """A product with its offers; a rating only where somebody rated it.

    :param pictures: absolute addresses
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
