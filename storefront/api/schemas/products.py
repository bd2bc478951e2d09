"""Products, their stock and their reviews."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic.json_schema import SkipJsonSchema

from storefront.api.schemas import (
    ALLOW_INTEGRAL_FLOAT,
    BLANK_IS_NONE,
    PARSE_INT,
    Amount,
    Count,
    Id,
    Incoming,
    Instant,
    MoneyAmount,
    Outgoing,
    Price,
    Query,
    Rating,
    required_text,
    text,
)
from storefront.catalog import inventory
from storefront.catalog.reviews import MAX_TEXT_LENGTH, MAX_TITLE_LENGTH
from storefront.catalog.service import legacy_import
from storefront.catalog.values import Sort
from storefront.core.collation import collation_key

MAX_IDS = 100
MAX_SPECIFICATIONS = 100


class AvailabilityStatus(StrEnum):
    """Availability. Low stock is IN_STOCK here, because the legacy client shows anything else as sold out."""

    IN_STOCK = "IN_STOCK"
    OUT_OF_STOCK = "OUT_OF_STOCK"
    PREORDER = "PREORDER"


class StockStatus(StrEnum):
    IN_STOCK = "IN_STOCK"
    LOW_STOCK = "LOW_STOCK"
    OUT_OF_STOCK = "OUT_OF_STOCK"
    PREORDER = "PREORDER"


class Review(Outgoing):
    id: Id
    product_id: Id
    user_id: int
    user_name: Annotated[str, Field(min_length=1)]
    user_avatar: str | None
    rating: Annotated[int, Field(ge=1, le=5)]
    title: str
    comment: str
    verified_purchase: bool
    helpful_count: Annotated[int, Field(ge=0)]
    created_at: Instant


class Product(Outgoing):
    id: Id
    sku: str
    name: Annotated[str, Field(min_length=1)]
    brand: str
    description: str
    price: MoneyAmount
    currency: str
    stock: Annotated[int, Field(ge=0)]
    availability_status: AvailabilityStatus
    stock_status: StockStatus
    specifications: dict[str, str]
    categories: Annotated[list[str], Field(description="Names; the first is the main one")]
    image_urls: Annotated[list[str], Field(min_length=1, description="Absolute URLs")]
    average_rating: Rating
    review_count: Annotated[int, Field(ge=0)]
    reviews: Annotated[
        list[Review], Field(description="Newest first; at most three in the list and one hundred in the detail")
    ]


class ProductSummary(Outgoing):
    id: Id
    sku: str
    name: str
    price: MoneyAmount
    currency: str
    available: bool
    stock: Annotated[int, Field(ge=0)]


class ProductFilter(Query):
    """Filters, order and page of a product list; without any it lists all products."""

    search: Annotated[str, Field(max_length=200)] = ""
    q: Annotated[str, Field(max_length=200, description="The same as search")] = ""
    category: Annotated[str, Field(max_length=100, description="Name or slug")] = ""
    brand: Annotated[str, Field(max_length=255)] = ""
    min_price: Amount | None = None
    max_price: Amount | None = None
    sort: Sort = Sort.DEFAULT
    page: Annotated[
        Annotated[int, Field(ge=0, le=1_000_000), PARSE_INT] | None,
        Field(description="From 0; without it the list is not paged"),
    ] = None
    size: Annotated[int, Field(ge=1, le=100, description="Products per page"), PARSE_INT] = 20


def _distinct(names: dict[str, str]) -> dict[str, str]:
    """Refuse names that the database's collation treats as equal, such as "Größe" and "grosse"."""
    seen: set[str] = set()
    for name in names:
        if collation_key(name) in seen:
            raise ValueError(f"specifications names {name} twice")
        seen.add(collation_key(name))
    return names


Specifications = Annotated[
    dict[Annotated[str, required_text(80)], Annotated[str, text(255)]],
    Field(max_length=MAX_SPECIFICATIONS),
    AfterValidator(_distinct),
]


class ProductInput(Incoming):
    """A new product. Without categories it is put into the default category."""

    sku: Annotated[str, required_text(legacy_import.MAX_SKU_LENGTH)]
    name: Annotated[str, required_text(legacy_import.MAX_PRODUCT_NAME_LENGTH)]
    brand: Annotated[str, required_text(legacy_import.MAX_BRAND_LENGTH)]
    price: Price
    stock: Annotated[Count, Field(le=inventory.admin.MAX_UNITS)]
    description: Annotated[Annotated[str, text(4000)] | None, BLANK_IS_NONE] = None
    currency: Literal["INR"] = "INR"
    specifications: Specifications | None = None
    category_ids: Annotated[list[Id], Field(max_length=MAX_IDS)] | None = None


class ReviewInput(Incoming):
    """A review. Its author is the signed-in account, whatever the request names."""

    user_id: int | SkipJsonSchema[None] = None
    user_name: str | None = None
    user_avatar: str | None = None
    rating: Annotated[int, Field(ge=1, le=5), ALLOW_INTEGRAL_FLOAT]
    title: Annotated[str, required_text(MAX_TITLE_LENGTH)]
    comment: Annotated[str, required_text(MAX_TEXT_LENGTH)]
    verified_purchase: bool | None = None


ProductIds = Annotated[list[Id], Field(max_length=MAX_IDS)]
StockReduced = Literal["Stock reduced successfully"]
ImageUploaded = Literal["Image uploaded successfully"]
