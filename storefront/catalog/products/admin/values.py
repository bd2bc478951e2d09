"""Values and errors of product administration."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from storefront.catalog.products.models import PriceState
from storefront.core import gtin
from storefront.core.errors import DomainError, NotFoundError
from storefront.core.money import Money
from storefront.db.pagination import PageCursors

PAGE_SIZE = 50
MAX_VARIANTS = 100  # of one product
MAX_SPECS = 100
MAX_STOCK = 1_000_000  # initial units of a new variant
MAX_MINOR_UNITS = 9_999_999_999_999  # minor units of one price: DECIMAL(13,2)


class VariantState(StrEnum):
    """The state that a draft wants for a variant."""

    ON_SALE = "on"
    WITHDRAWN = "off"
    DELETED = "delete"  # only for a variant without movements, reservations and scheduled prices


@dataclass(frozen=True, slots=True)
class VariantDraft:
    """The wanted values of a variant.

    :ivar id: None for a new variant
    :ivar sku: only used for a new variant; it never changes
    :ivar barcode: in its canonical spelling, whichever was given; as it was given when it is no barcode number
    :ivar stock: initial units of a new variant; later changes are stock adjustments
    """

    id: int | None
    sku: str
    option: str
    price: Money
    compare_at_price: Money | None = None
    barcode: str | None = None
    state: VariantState = VariantState.ON_SALE
    stock: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "barcode", gtin.canonical(self.barcode or "") or self.barcode)


@dataclass(frozen=True, slots=True)
class ProductDraft:
    """The wanted values of a product.

    :ivar categories: ids, the main one first
    :ivar variants: in their order
    """

    name: str
    slug: str
    brand: str
    description: str
    option_name: str
    categories: tuple[int, ...]
    specs: tuple[tuple[str, str], ...]
    variants: tuple[VariantDraft, ...]


@dataclass(frozen=True, slots=True)
class VariantRecord:
    """A variant as it is stored.

    :ivar can_be_deleted: whether it has no movements, reservations and scheduled prices
    """

    id: int
    sku: str
    option: str
    price: Money
    compare_at_price: Money | None
    barcode: str | None
    is_withdrawn: bool
    on_hand: int
    available: int
    can_be_deleted: bool

    @property
    def draft(self) -> VariantDraft:
        state = VariantState.WITHDRAWN if self.is_withdrawn else VariantState.ON_SALE
        return VariantDraft(self.id, self.sku, self.option, self.price, self.compare_at_price, self.barcode, state)


@dataclass(frozen=True, slots=True)
class ScheduledPrice:
    """A price that is scheduled or running.

    :ivar ends_at: when the earlier price is restored; None for a permanent change
    """

    id: int
    variant_id: int
    sku: str
    price: Money
    compare_at_price: Money | None
    starts_at: datetime
    ends_at: datetime | None
    state: PriceState
    created_by: str


@dataclass(frozen=True, slots=True)
class ProductRecord:
    """A product as it is stored, published or not.

    :ivar version: incremented by every change, for optimistic locking
    :ivar planned: its scheduled and running prices
    """

    id: int
    sku: str
    version: int
    name: str
    slug: str
    brand: str
    description: str
    option_name: str
    currency: str
    stock: int
    is_published: bool
    categories: tuple[int, ...]
    specs: tuple[tuple[str, str], ...]
    variants: tuple[VariantRecord, ...]
    planned: tuple[ScheduledPrice, ...]

    @property
    def draft(self) -> ProductDraft:
        """Return its current values as a draft."""
        variants = tuple(variant.draft for variant in self.variants)
        facts = (self.name, self.slug, self.brand, self.description, self.option_name)
        return ProductDraft(*facts, self.categories, self.specs, variants)


class Problem(StrEnum):
    """The problems of a draft of a product, category or scheduled price."""

    MISSING = "missing"
    SKU_TAKEN = "sku-taken"
    SKU_TWICE = "sku-twice"
    BARCODE_WRONG = "barcode-wrong"  # no barcode number, or its check digit does not fit
    BARCODE_TAKEN = "barcode-taken"
    BARCODE_TWICE = "barcode-twice"
    OPTION_TWICE = "option-twice"
    OPTION_MISSING = "option-missing"
    OPTION_NAME_MISSING = "option-name-missing"
    NONE_ON_SALE = "none-on-sale"
    WAS_NOT_HIGHER = "was-not-higher"
    SPEC_TWICE = "spec-twice"
    SPEC_ALIKE = "spec-alike"  # equal by the collation of the database
    NOT_DELETABLE = "not-deletable"
    UNKNOWN_CATEGORY = "unknown-category"
    SLUG_TAKEN = "slug-taken"
    SLUG_WAS_ANOTHERS = "slug-was-anothers"  # it redirects to another category
    NAME_TAKEN = "name-taken"
    PAST = "past"
    OVERLAPS = "overlaps"
    ENDS_BEFORE = "ends-before"


class DraftRefused(DomainError):
    """A draft is invalid.

    :ivar problems: by field: "slug", "variants.2.sku", "specs.0.name"
    """

    status = 422

    def __init__(self, problems: Mapping[str, Problem]) -> None:
        super().__init__(", ".join(f"{place}: {problem}" for place, problem in problems.items()))
        self.problems = dict(problems)


class ProductConflict(DomainError):
    """The product was changed after the form was shown.

    :ivar record: its current values
    """

    def __init__(self, record: ProductRecord) -> None:
        super().__init__(record.sku)
        self.record = record


class UnknownScheduledPrice(NotFoundError):
    """No scheduled price has this id, or it is over."""


# ---------------------------------------------------------------------------------------------- the list


class ProductFilter(StrEnum):
    """The filters of the product list."""

    ALL = "all"
    PUBLISHED = "published"
    HIDDEN = "hidden"
    NO_PICTURE = "no-picture"
    SOLD_OUT = "sold-out"
    PRICE_PLANNED = "price-planned"


class ProductOrder(StrEnum):
    """The sort orders of the product list."""

    NEWEST = "newest"
    NAME = "name"
    PRICE = "price"  # lowest first


@dataclass(frozen=True, slots=True)
class ProductCriteria:
    """Search, filter, sort order and page of the product list.

    :ivar words: a SKU or its beginning, a barcode, or words of name and brand
    :ivar cursor: of the page; empty for the first
    """

    words: str = ""
    filter: ProductFilter = ProductFilter.ALL
    order: ProductOrder = ProductOrder.NEWEST
    cursor: str = ""


@dataclass(frozen=True, slots=True)
class ProductRow:
    """A product in the product list.

    :ivar variant_count: withdrawn variants included
    """

    id: int
    sku: str
    slug: str
    name: str
    brand: str
    price: Money
    stock: int
    is_published: bool
    has_picture: bool
    category: str
    variant_count: int


@dataclass(frozen=True, slots=True)
class ProductsPage:
    """A page of the product list.

    :ivar counts: products of the whole shop by filter
    """

    criteria: ProductCriteria
    rows: tuple[ProductRow, ...]
    counts: dict[ProductFilter, int]
    paged: PageCursors


# ------------------------------------------------------------------------------------------- categories


@dataclass(frozen=True, slots=True)
class CategoryDraft:
    """The wanted values of a category.

    :ivar slug: empty to make one of the name
    :ivar hue: degrees of the OKLCH colour circle
    :ivar position: in the navigation, from 1
    """

    name: str
    slug: str
    description: str
    hue: int
    position: int


@dataclass(frozen=True, slots=True)
class CategoryRecord:
    """A category as it is stored.

    :ivar product_count: products in it, unpublished ones included
    """

    id: int
    name: str
    slug: str
    description: str
    hue: int
    position: int
    product_count: int

    @property
    def draft(self) -> CategoryDraft:
        return CategoryDraft(self.name, self.slug, self.description, self.hue, self.position)

    @property
    def digest(self) -> str:
        """Return a hash of its values without the position, to detect concurrent edits."""
        return hashlib.sha256(repr((self.name, self.slug, self.description, self.hue)).encode()).hexdigest()[:16]


class CategoryConflict(DomainError):
    """The category was changed after the form was shown.

    :ivar record: its current values
    """

    def __init__(self, record: CategoryRecord) -> None:
        super().__init__(record.slug)
        self.record = record


class CategoryInUse(DomainError):
    """The category cannot be deleted, because products are in it.

    :ivar count: number of products
    """

    def __init__(self, count: int) -> None:
        super().__init__(f"{count} products")
        self.count = count
