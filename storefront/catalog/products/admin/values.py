"""What passes between the product desk and its pages."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from storefront.catalog.products.models import PriceState
from storefront.core.errors import DomainError, NotFoundError
from storefront.core.money import Money
from storefront.db.pagination import PageCursors

PAGE_SIZE = 50
MAX_VARIANTS = 100  # of one product
MAX_SPECS = 100
MAX_STOCK = 1_000_000  # units that a new variant may come with
MAX_MINOR_UNITS = 9_999_999_999_999  # minor units of one price: DECIMAL(13,2)


class VariantState(StrEnum):
    """What is asked for a variant."""

    ON_SALE = "on"
    WITHDRAWN = "off"
    DELETED = "delete"  # only of one that nothing ever happened to


@dataclass(frozen=True, slots=True)
class VariantDraft:
    """A variant as it should stand.

    :ivar id: None of a new one
    :ivar sku: of a new one; of others it stays
    :ivar stock: units that a new one comes with; of others counts are changed at the stock desk
    """

    id: int | None
    sku: str
    option: str
    price: Money
    compare_at_price: Money | None = None
    barcode: str | None = None
    state: VariantState = VariantState.ON_SALE
    stock: int = 0


@dataclass(frozen=True, slots=True)
class ProductDraft:
    """A product as it should stand.

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
    """:ivar can_be_deleted: nothing ever happened to it"""

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
    """A price that begins later or is to return.

    :ivar ends_at: when the price before it returns; None when it stays
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
    """Everything the staff keep about a product, hidden or not.

    :ivar version: goes up with every change
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
        """As it stands."""
        variants = tuple(variant.draft for variant in self.variants)
        facts = (self.name, self.slug, self.brand, self.description, self.option_name)
        return ProductDraft(*facts, self.categories, self.specs, variants)


class Problem(StrEnum):
    """Why a product cannot stand as it was asked for."""

    MISSING = "missing"
    SKU_TAKEN = "sku-taken"
    SKU_TWICE = "sku-twice"
    BARCODE_TAKEN = "barcode-taken"
    BARCODE_TWICE = "barcode-twice"
    OPTION_TWICE = "option-twice"
    OPTION_MISSING = "option-missing"
    OPTION_NAME_MISSING = "option-name-missing"
    NONE_ON_SALE = "none-on-sale"
    WAS_NOT_HIGHER = "was-not-higher"
    SPEC_TWICE = "spec-twice"
    SPEC_ALIKE = "spec-alike"  # by the rules of the database
    NOT_DELETABLE = "not-deletable"
    UNKNOWN_CATEGORY = "unknown-category"
    SLUG_TAKEN = "slug-taken"
    SLUG_WAS_ANOTHERS = "slug-was-anothers"  # old links lead from it to another category
    NAME_TAKEN = "name-taken"
    PAST = "past"
    OVERLAPS = "overlaps"
    ENDS_BEFORE = "ends-before"


class DraftRefused(DomainError):
    """It cannot stand like that.

    :ivar problems: by place: "slug", "variants.2.sku", "specs.0.name"
    """

    status = 422

    def __init__(self, problems: Mapping[str, Problem]) -> None:
        super().__init__(", ".join(f"{place}: {problem}" for place, problem in problems.items()))
        self.problems = dict(problems)


class ProductConflict(DomainError):
    """Somebody changed it since it was looked at.

    :ivar record: as it stands now
    """

    def __init__(self, record: ProductRecord) -> None:
        super().__init__(record.sku)
        self.record = record


class UnknownScheduledPrice(NotFoundError):
    """There is no such price to come, or it is over."""


# ---------------------------------------------------------------------------------------------- the list


class ProductFilter(StrEnum):
    ALL = "all"
    PUBLISHED = "published"
    HIDDEN = "hidden"
    NO_PICTURE = "no-picture"
    SOLD_OUT = "sold-out"
    PRICE_PLANNED = "price-planned"


class ProductOrder(StrEnum):
    NEWEST = "newest"
    NAME = "name"
    PRICE = "price"  # lowest first


@dataclass(frozen=True, slots=True)
class ProductCriteria:
    """:ivar words: a SKU, its beginning, a barcode, or words of name and brand
    :ivar cursor: where a page begins
    """

    words: str = ""
    filter: ProductFilter = ProductFilter.ALL
    order: ProductOrder = ProductOrder.NEWEST
    cursor: str = ""


@dataclass(frozen=True, slots=True)
class ProductRow:
    """:ivar variant_count: also those taken off sale"""

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
    """:ivar counts: products of the whole shop by filter"""

    criteria: ProductCriteria
    rows: tuple[ProductRow, ...]
    counts: dict[ProductFilter, int]
    paged: PageCursors


# ------------------------------------------------------------------------------------------- categories


@dataclass(frozen=True, slots=True)
class CategoryDraft:
    """:ivar hue: degrees of the colour circle
    :ivar position: from 1
    """

    name: str
    slug: str
    description: str
    hue: int
    position: int


@dataclass(frozen=True, slots=True)
class CategoryRecord:
    """:ivar product_count: products that stand in it, hidden ones too"""

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
        """Stands for what it says; another one means that somebody changed it."""
        return hashlib.sha256(repr((self.name, self.slug, self.description, self.hue)).encode()).hexdigest()[:16]


class CategoryConflict(DomainError):
    """Somebody changed it since it was looked at.

    :ivar record: as it stands now
    """

    def __init__(self, record: CategoryRecord) -> None:
        super().__init__(record.slug)
        self.record = record


class CategoryInUse(DomainError):
    """Products stand in it.

    :ivar count: how many
    """

    def __init__(self, count: int) -> None:
        super().__init__(f"{count} products")
        self.count = count
