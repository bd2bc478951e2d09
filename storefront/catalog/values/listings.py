"""Listings: their criteria, facets and pages, and the suggestions below the search field."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from storefront.catalog.values.identifiers import ProductId
from storefront.catalog.values.images import Picture
from storefront.catalog.values.products import Department, ProductCard
from storefront.catalog.values.search import RelaxedQuery
from storefront.core.money import Money

PAGE_SIZE = 24  # products


class Sort(StrEnum):
    """The sort orders of a listing, named as in the old client's product page."""

    DEFAULT = "default"
    PRICE_LOW = "price-low"
    PRICE_HIGH = "price-high"
    RATING = "rating"
    NEWEST = "newest"


@dataclass(frozen=True, slots=True)
class BrowseCriteria:
    """Search words, filters, sort order and page of a listing. Empty tuples and None do not restrict.

    :ivar price_bands: keys of `PRICE_BANDS`
    :ivar rating: minimum average rating, 1 to 4
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
        """Tell whether any filter is set; search words and category are not filters."""
        return bool(self.brands or self.price_bands or self.rating or self.in_stock)


@dataclass(frozen=True, slots=True)
class FacetChoice:
    """One value of a facet.

    :ivar count: products with this value that match the choices made in all other facets
    """

    value: str
    label: str
    count: int
    chosen: bool


@dataclass(frozen=True, slots=True)
class Facet:
    """A filter of a listing with the values it offers.

    :ivar name: the name of its field in the query string
    :ivar is_single: whether only one value can be chosen
    """

    name: str
    label: str
    choices: tuple[FacetChoice, ...]
    is_single: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of a category, of a search, or of the whole catalogue.

    :ivar relaxed: the query that was run instead when no product has all the words typed
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
        """Return the page numbers to link: first, last and those around this one; None marks a gap."""
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
        """Tell whether to show filters and sort orders: not where the search words alone match nothing."""
        return bool(self.total or self.criteria.is_narrowed)

    @property
    def first(self) -> int:
        """Return the position of the page's first product, from 1; 0 when there is none."""
        return (self.criteria.page - 1) * PAGE_SIZE + 1 if self.total else 0

    @property
    def last(self) -> int:
        """Return the position of the page's last product."""
        return min(self.criteria.page * PAGE_SIZE, self.total)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A product suggested below the search field while typing."""

    product_id: ProductId
    slug: str
    name: str
    brand: str
    price: Money
    hue: int
    picture: Picture | None
    price_varies: bool = False
