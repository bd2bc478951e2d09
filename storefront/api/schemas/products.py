"""Products, their stock and their reviews."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic.json_schema import SkipJsonSchema

from storefront.api.schemas import (
    BLANK_IS_NONE,
    INTEGRAL,
    WHOLE,
    Amount,
    Cash,
    Count,
    Id,
    Incoming,
    Instant,
    Outgoing,
    Price,
    Query,
    Rating,
    line,
    words,
)
from storefront.catalog.service import MAX_TEXT_LENGTH, MAX_TITLE_LENGTH, Sort, inventory_admin, legacy_import
from storefront.core.collation import collation_key

MAX_IDS = 100
MAX_SPECIFICATIONS = 100


class AvailabilityStatus(StrEnum):
    """Low stock is IN_STOCK here: to the old client anything else is sold out."""

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
    price: Cash
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
    price: Cash
    currency: str
    available: bool
    stock: Annotated[int, Field(ge=0)]


class ProductFilter(Query):
    """What a list of products is asked for; nothing given is everything."""

    search: Annotated[str, Field(max_length=200)] = ""
    q: Annotated[str, Field(max_length=200, description="The same as search")] = ""
    category: Annotated[str, Field(max_length=100, description="Name or slug")] = ""
    brand: Annotated[str, Field(max_length=255)] = ""
    min_price: Amount | None = None
    max_price: Amount | None = None
    sort: Sort = Sort.DEFAULT
    page: Annotated[
        Annotated[int, Field(ge=0, le=1_000_000), WHOLE] | None, Field(description="From 0; pages only if given")
    ] = None
    size: Annotated[int, Field(ge=1, le=100, description="Products a page"), WHOLE] = 20


def _distinct(names: dict[str, str]) -> dict[str, str]:
    """The database takes "Größe" and "grosse" for the same name."""
    seen: set[str] = set()
    for name in names:
        if collation_key(name) in seen:
            raise ValueError(f"specifications names {name} twice")
        seen.add(collation_key(name))
    return names


Specifications = Annotated[
    dict[Annotated[str, line(80)], Annotated[str, words(255)]],
    Field(max_length=MAX_SPECIFICATIONS),
    AfterValidator(_distinct),
]


class ProductInput(Incoming):
    """A product to be put on sale. Without categories it stands in one for all that is not sorted yet."""

    sku: Annotated[str, line(legacy_import.MAX_SKU_LENGTH)]
    name: Annotated[str, line(legacy_import.MAX_PRODUCT_NAME_LENGTH)]
    brand: Annotated[str, line(legacy_import.MAX_BRAND_LENGTH)]
    price: Price
    stock: Annotated[Count, Field(le=inventory_admin.MAX_UNITS)]
    description: Annotated[Annotated[str, words(4000)] | None, BLANK_IS_NONE] = None
    currency: Literal["INR"] = "INR"
    specifications: Specifications | None = None
    category_ids: Annotated[list[Id], Field(max_length=MAX_IDS)] | None = None


class ReviewInput(Incoming):
    """What somebody says of a product; who says it is known by other means."""

    user_id: int | SkipJsonSchema[None] = None
    user_name: str | None = None
    user_avatar: str | None = None
    rating: Annotated[int, Field(ge=1, le=5), INTEGRAL]
    title: Annotated[str, line(MAX_TITLE_LENGTH)]
    comment: Annotated[str, line(MAX_TEXT_LENGTH)]
    verified_purchase: bool | None = None


ProductIds = Annotated[list[Id], Field(max_length=MAX_IDS)]
StockReduced = Literal["Stock reduced successfully"]
ImageUploaded = Literal["Image uploaded successfully"]
