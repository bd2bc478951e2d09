"""What passes through the catalogue's door."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import NewType

from storefront.catalog.search_values import RelaxedQuery
from storefront.core.errors import DomainError, NotFoundError
from storefront.core.image_processing import widths_of
from storefront.core.money import Money

ProductId = NewType("ProductId", int)
Sku = NewType("Sku", str)

LOW_STOCK = 5  # units at which the old shop said LOW_STOCK: contract/angular-api.md section 3
PAGE_SIZE = 24
MAX_SKU_LENGTH, MAX_PRODUCT_NAME_LENGTH, MAX_BRAND_LENGTH = (
    100,
    500,
    255,
)  # characters; contract/openapi.yaml ProductInput


class StockState(StrEnum):
    IN_STOCK = "in-stock"
    LOW = "low"
    OUT = "out"

    @classmethod
    def of(cls, available: int) -> StockState:
        if available <= 0:
            return cls.OUT
        return cls.LOW if available <= LOW_STOCK else cls.IN_STOCK


class Sort(StrEnum):
    """The orders of a listing; the names are those of the old client's product page."""

    DEFAULT = "default"
    PRICE_LOW = "price-low"
    PRICE_HIGH = "price-high"
    RATING = "rating"
    NEWEST = "newest"


class UnknownProduct(NotFoundError):
    """No product that is on sale has this id."""


class UnknownCategory(NotFoundError):
    """No category has this slug."""


class UnknownSku(NotFoundError):
    """Nothing sellable carries this SKU."""


class SkuTaken(DomainError):
    """Another product or variant carries this SKU."""


class ReturnExceedsSold(DomainError):
    """More units would come back than a checkout bought and has not given back."""


class ReferenceReused(DomainError):
    """This reference stands in the ledger for another change already."""


class OutOfStock(DomainError):
    """A hold asked for more units than are available.

    :ivar shortages: available units by SKU, of those that are short
    :ivar names: their names as a shopper reads them
    """

    def __init__(self, shortages: dict[Sku, int], names: dict[Sku, str]) -> None:
        super().__init__(", ".join(shortages))
        self.shortages = shortages
        self.names = names


DEFAULT_IMAGE_SIZE = 256  # pixels, wide and high, of the drawings below `static/`
WIDTHS = (320, 640, 1280)  # pixels at which pages show a picture that was sent; one that is narrower as wide as it is

_MEDIA = re.compile(r"(/media/[0-9a-f]{32}-)([0-9]{1,4})(\.webp)")


@dataclass(frozen=True, slots=True)
class Picture:
    """:ivar source: a path below `static/`, a path of the shop for one that was sent, or a full http(s) address
    :ivar width: of the file there, in pixels, as `height`
    """

    source: str
    alt: str
    width: int = DEFAULT_IMAGE_SIZE
    height: int = DEFAULT_IMAGE_SIZE

    @property
    def stretch(self) -> float:
        """How much wider it is than the square tile that it fills."""
        return max(1.0, self.width / self.height)

    @property
    def sources(self) -> tuple[tuple[str, int], ...]:
        """Every width in which it is kept, with its address, narrowest first; none where there is the one only."""
        parts = _MEDIA.fullmatch(self.source)
        widths = widths_of(int(parts[2]), WIDTHS) if parts else ()
        return tuple((f"{parts[1]}{width}{parts[3]}", width) for width in widths if parts)


def media_path(digest: str, width: int) -> str:
    """Where a picture that was sent is shown.

    :param digest: of what is kept of it
    :param width: in pixels
    """
    return f"/media/{media_name(digest, width)}"


def media_name(digest: str, width: int) -> str:
    """The name of its file.

    :param width: in pixels
    """
    return f"{digest[:32]}-{width}.webp"


def is_photo(source: str) -> bool:
    """Whether a picture fills its tile, as the drawings of the demo shop do not.

    :param source: as `Picture` has it
    """
    return source.startswith(("http://", "https://", "/"))


def thumbnail_url(source: str) -> str:
    """Where a picture is smallest, for the lines of carts and orders.

    :param source: as `Picture` has it
    """
    parts = _MEDIA.fullmatch(source)
    return f"{parts[1]}{min(int(parts[2]), WIDTHS[0])}{parts[3]}" if parts else source


@dataclass(frozen=True, slots=True)
class Department:
    """A category as navigation shows it.

    :ivar hue: degrees of the OKLCH colour circle, tints its tiles
    """

    slug: str
    name: str
    description: str
    hue: int
    picture: Picture


@dataclass(frozen=True, slots=True)
class ProductCard:
    """A product as a listing shows it."""

    id: ProductId
    slug: str
    sku: Sku
    name: str
    brand: str
    price: Money
    compare_at_price: Money | None
    rating: Decimal
    review_count: int
    available: int
    has_options: bool
    hue: int
    picture: Picture | None

    @property
    def stock_state(self) -> StockState:
        return StockState.of(self.available)


@dataclass(frozen=True, slots=True)
class Offer:
    """A variant with its price and availability at this moment.

    :ivar option: what tells the variant from its siblings ("UK 8"), empty when it has none
    :ivar is_sellable: false when product or variant was taken off sale
    """

    sku: Sku
    product_id: ProductId
    slug: str
    name: str
    option: str
    brand: str
    price: Money
    available: int
    is_sellable: bool
    hue: int
    picture: Picture | None

    @property
    def stock_state(self) -> StockState:
        return StockState.of(self.available)

    @property
    def title(self) -> str:
        return f"{self.name}, {self.option}" if self.option else self.name


@dataclass(frozen=True, slots=True)
class VariantView:
    """:ivar compare_at_price: what it cost before, if that is shown"""

    sku: Sku
    option: str
    price: Money
    available: int
    compare_at_price: Money | None = None

    @property
    def stock_state(self) -> StockState:
        return StockState.of(self.available)


@dataclass(frozen=True, slots=True)
class ReviewView:
    """A review as one reader sees it.

    :ivar user_id: the account that wrote it
    :ivar is_verified: written by somebody who had got the product from us
    :ivar is_hidden: by staff: its author alone sees it
    :ivar has_voted: whether this reader found it helpful
    """

    id: int
    product_id: int
    user_id: int
    author: str
    rating: int
    title: str
    comment: str
    is_verified: bool
    helpful_count: int
    created_at: datetime
    is_hidden: bool = False
    has_voted: bool = False


@dataclass(frozen=True, slots=True)
class RatingBar:
    """One bar of the histogram: how many reviews gave `stars`.

    :ivar share: whole percent of all
    """

    stars: int
    count: int
    share: int


@dataclass(frozen=True, slots=True)
class PurchaseBox:
    """What the form that puts a product in the cart needs.

    :ivar option_name: what its variants differ in ("Size"), None when there is one variant
    """

    product_id: ProductId
    slug: str
    name: str
    option_name: str | None
    variants: tuple[VariantView, ...]
    brand: str
    hue: int
    picture: Picture | None

    def offer(self, sku: str) -> Offer:
        """A variant as what is sold.

        :raise UnknownSku: it has no such variant
        """
        for variant in self.variants:
            if variant.sku == sku:
                return Offer(
                    sku=variant.sku,
                    product_id=self.product_id,
                    slug=self.slug,
                    name=self.name,
                    option=variant.option,
                    brand=self.brand,
                    price=variant.price,
                    available=variant.available,
                    is_sellable=True,
                    hue=self.hue,
                    picture=self.picture,
                )
        raise UnknownSku(sku)

    def variant(self, sku: str | None) -> VariantView:
        """The variant asked for, else the first that can be bought, else the first."""
        for variant in self.variants:
            if variant.sku == sku:
                return variant
        return next((v for v in self.variants if v.available > 0), self.variants[0])


@dataclass(frozen=True, slots=True)
class ProductPage:
    """Everything the page of one product shows.

    :ivar reviews: those asked for (`stars` filters), newest first, at most `REVIEWS_SHOWN`, without the reader's own
    :ivar reader: the account that looks at it, None for a guest
    :ivar own_review: what the reader wrote
    """

    box: PurchaseBox
    sku: Sku
    brand: str
    description: str
    rating: Decimal
    review_count: int
    hue: int
    department: Department
    pictures: tuple[Picture, ...]
    specs: tuple[tuple[str, str], ...]
    reviews: tuple[ReviewView, ...]
    reader: int | None
    own_review: ReviewView | None
    histogram: tuple[RatingBar, ...]
    related: tuple[ProductCard, ...]


@dataclass(frozen=True, slots=True)
class BrowseCriteria:
    """What a listing is asked for. Empty tuples and None do not restrict.

    :ivar price_bands: keys of `PRICE_BANDS`
    :ivar rating: least average, 1 to 4
    :ivar page: 1 or more
    """

    words: str = ""
    category: str | None = None
    brands: tuple[str, ...] = ()
    price_bands: tuple[str, ...] = ()
    rating: int | None = None
    in_stock: bool = False
    sort: Sort = Sort.DEFAULT
    page: int = 1

    @property
    def is_narrowed(self) -> bool:
        """Whether a filter is chosen; words and category are none."""
        return bool(self.brands or self.price_bands or self.rating or self.in_stock)


@dataclass(frozen=True, slots=True)
class FacetChoice:
    """:ivar count: products if this were chosen beside the other facets' choices"""

    value: str
    label: str
    count: int
    chosen: bool


@dataclass(frozen=True, slots=True)
class Facet:
    """:ivar name: the name of its field in the query string"""

    name: str
    label: str
    choices: tuple[FacetChoice, ...]
    is_single: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of a category, of a search, or of everything.

    :ivar relaxed: what was sought instead of words that nothing has
    """

    criteria: BrowseCriteria
    department: Department | None
    cards: tuple[ProductCard, ...]
    total: int
    page_count: int
    facets: tuple[Facet, ...]
    relaxed: RelaxedQuery | None = None

    @property
    def pages(self) -> tuple[int | None, ...]:
        """The pages to link: first, last and those around this one; None where some are left out."""
        around = range(self.criteria.page - 1, self.criteria.page + 2)
        shown = [n for n in sorted({1, *around, self.page_count}) if 1 <= n <= self.page_count]
        links: list[int | None] = []
        for before, number in zip([0, *shown], shown, strict=False):
            if number == before + 2:
                links.append(number - 1)
            elif number > before + 2:
                links.append(None)
            links.append(number)
        return tuple(links)

    @property
    def can_be_narrowed(self) -> bool:
        """Whether filters and orders make sense: not where a search alone found nothing."""
        return bool(self.total or self.criteria.is_narrowed)

    @property
    def first(self) -> int:
        return (self.criteria.page - 1) * PAGE_SIZE + 1 if self.total else 0

    @property
    def last(self) -> int:
        return min(self.criteria.page * PAGE_SIZE, self.total)


@dataclass(frozen=True, slots=True)
class HomePage:
    """The products of the first page, list by list."""

    loved: tuple[ProductCard, ...]
    newest: tuple[ProductCard, ...]
    seen: tuple[ProductCard, ...]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A line under the search field while typing."""

    product_id: ProductId
    slug: str
    name: str
    brand: str
    price: Money
    hue: int
    picture: Picture | None


@dataclass(frozen=True, slots=True)
class Hold:
    """Units asked to be held for a checkout."""

    sku: Sku
    quantity: int
