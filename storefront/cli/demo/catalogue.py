"""Loads `catalogue.json`: categories, products, and reviews with their authors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

from storefront.accounts import service as accounts
from storefront.accounts.values import Profile
from storefront.catalog import products as catalog_products
from storefront.catalog.products import NewProduct, NewReview, NewVariant
from storefront.catalog.values import Department, Picture, Sku
from storefront.core.money import Money

PICTURES = "vendor/fluent-emoji-3d"


def read() -> dict[str, Any]:
    """Parse `catalogue.json`."""
    content: dict[str, Any] = json.loads((Path(__file__).parent / "catalogue.json").read_text())
    return content


def load() -> int:
    """Load the demo catalogue into an empty shop.

    :return: how many products it has
    """
    content = read()
    reviewers = _reviewers(content["reviewers"])
    catalog_products.add_categories([_department(row) for row in content["categories"]])
    products = [_product(row, content["currency"], reviewers) for row in content["products"]]
    catalog_products.add_products(products, actor="demo")
    return len(products)


def _reviewers(names: list[str]) -> list[Profile]:
    authors = [(name, f"reviewer{number}@example.com") for number, name in enumerate(names, start=1)]
    known = accounts.profiles_of([email for _, email in authors])
    missing = [(name, email) for name, email in authors if email not in known]
    accounts.open_accounts(missing)
    known = accounts.profiles_of([email for _, email in authors])
    return [known[email] for _, email in authors]


def _department(row: Mapping[str, Any]) -> Department:
    picture = Picture(f"{PICTURES}/{row['picture']}", "")
    return Department(row["slug"], row["name"], row["description"], row["hue"], picture)


def slug_of(category: str) -> str:
    """The slug of a demo category."""
    return category.lower().replace(" & ", "-")


def _product(row: Mapping[str, Any], currency: str, reviewers: list[Profile]) -> NewProduct:
    return NewProduct(
        sku=Sku(row["sku"]),
        name=row["name"],
        brand=row["brand"],
        description=row["description"],
        categories=tuple(slug_of(name) for name in row["categories"]),
        variants=tuple(
            NewVariant(
                sku=Sku(variant["sku"]),
                option=variant["name"],
                price=Money.of(variant["price"], currency),
                stock=variant["stock"],
                barcode=variant.get("barcode"),
            )
            for variant in row["variants"]
        ),
        published_on=date.fromisoformat(row["published"]),
        option_name=row["option"] or "",
        compare_at_price=Money.of(row["compare_at_price"], currency) if row["compare_at_price"] else None,
        specs=tuple(row["specs"].items()),
        pictures=tuple(Picture(f"{PICTURES}/{picture['file']}", picture["alt"]) for picture in row["pictures"]),
        reviews=tuple(_review(review, reviewers) for review in row["reviews"]),
        popularity=row["loved"],
    )


def _review(row: Mapping[str, Any], reviewers: list[Profile]) -> NewReview:
    author = reviewers[row["reviewer"]]
    return NewReview(
        user_id=author.id,
        user_name=author.name,
        rating=row["rating"],
        title=row["title"],
        comment=row["comment"],
        is_verified=row["verified"],
        helpful_count=row["helpful"],
        created_at=datetime.fromisoformat(row["at"]),
    )
