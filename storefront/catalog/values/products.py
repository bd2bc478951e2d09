"""Products, variants and categories as pages, the cart and the API receive them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from storefront.catalog.values.identifiers import ProductId, Sku, UnknownSku
from storefront.catalog.values.images import Picture
from storefront.catalog.values.inventory import StockState
from storefront.catalog.values.reviews import RatingBar, ReviewView
from storefront.core.money import Money


@dataclass(frozen=True, slots=True)
class Department:
    """A category as the navigation shows it.

    :ivar hue: colour of its tiles, in degrees of the OKLCH colour circle
    """

    slug: str
    name: str
    description: str
    hue: int
    picture: Picture


@dataclass(frozen=True, slots=True)
class ProductCard:
    """A product as a listing shows it.

    :ivar price: the lowest that can be bought; of a product that is sold out, the lowest of all
    :ivar price_varies: whether other variants cost more
    """

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
    price_varies: bool = False

    @property
    def stock_state(self) -> StockState:
        return StockState.of(self.available)


@dataclass(frozen=True, slots=True)
class Offer:
    """A variant with its current price and availability.

    :ivar option: what distinguishes the variant from the product's other variants ("UK 8"), empty for a single variant
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
    """A variant as the product page offers it.

    :ivar compare_at_price: the earlier price to show struck through, if any
    """

    sku: Sku
    option: str
    price: Money
    available: int
    compare_at_price: Money | None = None

    @property
    def stock_state(self) -> StockState:
        return StockState.of(self.available)


@dataclass(frozen=True, slots=True)
class PurchaseBox:
    """Everything the add-to-cart form of a product needs.

    :ivar option_name: what its variants differ in ("Size"), None when there is one variant
    :ivar variants: those on sale, at least one
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
        """Return one of its variants as an offer.

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
        """Return the variant to preselect: the one with this SKU, else the first available one, else the first."""
        for variant in self.variants:
            if variant.sku == sku:
                return variant
        return next((v for v in self.variants if v.available > 0), self.variants[0])


@dataclass(frozen=True, slots=True)
class ProductPage:
    """Everything a product page shows.

    :ivar reviews: newest first, at most `REVIEWS_SHOWN`, filtered by `stars`, without the viewer's own review
    :ivar viewer_id: the account of the viewer, None for a guest
    :ivar own_review: the viewer's own review, if any
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
    viewer_id: int | None
    own_review: ReviewView | None
    histogram: tuple[RatingBar, ...]
    related: tuple[ProductCard, ...]


@dataclass(frozen=True, slots=True)
class HomePage:
    """The product lists of the home page.

    :ivar loved: the most popular products
    """

    loved: tuple[ProductCard, ...]
    newest: tuple[ProductCard, ...]
