"""The tables of the catalog schema."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import (
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Numeric,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.mysql import MEDIUMBLOB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from storefront.database import Model, UtcDateTime
from storefront.money import MinorUnits

ALL_CATEGORIES = 0  # the category id under which `browse_index` lists every product of the shop


class ReservationState(StrEnum):
    HELD = "held"
    COMMITTED = "committed"
    RELEASED = "released"
    RETURNED = "returned"  # sold, and come back


class CatalogModel(Model):
    __abstract__ = True
    __bind_key__ = "catalog"


class Category(CatalogModel):
    __tablename__ = "categories"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80))
    slug: Mapped[str] = mapped_column(String(80), unique=True)
    description: Mapped[str] = mapped_column(String(255), default="")
    hue: Mapped[int] = mapped_column(default=255)
    picture: Mapped[str] = mapped_column(String(255), default="")
    sort_order: Mapped[int] = mapped_column(default=0)


class Product(CatalogModel):
    """What is described. `price` is the lowest of its variants' prices, `stock` all that is available of them.

    :cvar availability_status: a flag of the old system, IN_STOCK or PREORDER; how much there is says `stock` alone
    """

    __tablename__ = "products"
    __table_args__ = (
        CheckConstraint("stock >= 0", name="stock_ge_0"),
        CheckConstraint("price >= 0", name="price_ge_0"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    sku: Mapped[str] = mapped_column(String(64), unique=True)
    slug: Mapped[str] = mapped_column(String(160))
    name: Mapped[str] = mapped_column(String(160))
    brand: Mapped[str] = mapped_column(String(80), default="")
    description: Mapped[str] = mapped_column(Text, default="")
    price: Mapped[int] = mapped_column(MinorUnits)
    was: Mapped[int | None] = mapped_column(MinorUnits)
    currency: Mapped[str] = mapped_column(String(3))
    stock: Mapped[int] = mapped_column(default=0)
    availability_status: Mapped[str] = mapped_column(String(16), default="IN_STOCK")
    active: Mapped[bool] = mapped_column(default=True)
    option_name: Mapped[str] = mapped_column(String(40), default="")
    main_category_id: Mapped[int] = mapped_column(ForeignKey("categories.id"))
    average_rating: Mapped[Decimal] = mapped_column(Numeric(3, 2), default=Decimal(0))
    review_count: Mapped[int] = mapped_column(default=0)
    popularity: Mapped[int] = mapped_column(default=0)
    published_on: Mapped[date] = mapped_column(Date)
    picture: Mapped[str] = mapped_column(String(255), default="")
    picture_alt: Mapped[str] = mapped_column(String(255), default="")

    main_category: Mapped[Category] = relationship(lazy="raise")


class Variant(CatalogModel):
    """What is sold. Available is `on_hand` less `reserved`."""

    __tablename__ = "variants"
    __table_args__ = (
        CheckConstraint("on_hand >= 0", name="on_hand_ge_0"),
        CheckConstraint("reserved >= 0 AND reserved <= on_hand", name="reserved_within_on_hand"),
        CheckConstraint("price >= 0", name="price_ge_0"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"), index=True)
    sku: Mapped[str] = mapped_column(String(64), unique=True)
    barcode: Mapped[str | None] = mapped_column(String(14), unique=True)
    name: Mapped[str] = mapped_column(String(80), default="")
    price: Mapped[int] = mapped_column(MinorUnits)
    on_hand: Mapped[int] = mapped_column(default=0)
    reserved: Mapped[int] = mapped_column(default=0)
    sort_order: Mapped[int] = mapped_column(default=0)

    product: Mapped[Product] = relationship(lazy="raise")


class ProductCategory(CatalogModel):
    __tablename__ = "product_categories"

    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"), primary_key=True)
    category_id: Mapped[int] = mapped_column(ForeignKey("categories.id"), primary_key=True, index=True)


class BrowseEntry(CatalogModel):
    """What a listing filters, sorts and counts by: a narrow row per product and category, and one for the whole shop.

    Every order of a listing is an index of its own, so that a page of a large category reads its rows and no more.
    It is written with the product, never by itself.
    """

    __tablename__ = "browse_index"
    __table_args__ = (
        Index("ix_browse_index_popularity", "category_id", "popularity", "product_id"),
        Index("ix_browse_index_price", "category_id", "price", "product_id"),
        Index("ix_browse_index_rating", "category_id", "rating", "product_id"),
        Index("ix_browse_index_facets", "category_id", "in_stock", "brand", "price", "rating", "product_id"),
        Index("ix_browse_index_product", "product_id"),
    )

    category_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"), primary_key=True)
    brand: Mapped[str] = mapped_column(String(80))
    price: Mapped[int] = mapped_column(MinorUnits)
    rating: Mapped[Decimal] = mapped_column(Numeric(3, 2))
    popularity: Mapped[int] = mapped_column()
    in_stock: Mapped[bool] = mapped_column()


class Spec(CatalogModel):
    __tablename__ = "product_specs"
    __table_args__ = (UniqueConstraint("product_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"))
    name: Mapped[str] = mapped_column(String(80))
    value: Mapped[str] = mapped_column(String(255))
    sort_order: Mapped[int] = mapped_column(default=0)


class Image(CatalogModel):
    """A picture of a product: its bytes, or the address of a file below `static/` or elsewhere."""

    __tablename__ = "product_images"

    id: Mapped[int] = mapped_column(primary_key=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"), index=True)
    image_data: Mapped[bytes | None] = mapped_column(
        LargeBinary().with_variant(MEDIUMBLOB(), "mysql", "mariadb"), deferred=True
    )
    image_url: Mapped[str] = mapped_column(String(255), default="")
    content_type: Mapped[str] = mapped_column(String(40), default="")
    alt_text: Mapped[str] = mapped_column(String(255), default="")
    sort_order: Mapped[int] = mapped_column(default=0)


class Review(CatalogModel):
    """:cvar user_id: the account that wrote it, known to the accounts schema"""

    __tablename__ = "reviews"
    __table_args__ = (
        UniqueConstraint("product_id", "user_id"),
        CheckConstraint("rating BETWEEN 1 AND 5", name="rating_1_to_5"),
        Index("ix_reviews_product_id_created_at", "product_id", "created_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"))
    user_id: Mapped[int] = mapped_column()
    user_name: Mapped[str] = mapped_column(String(80))
    rating: Mapped[int] = mapped_column()
    title: Mapped[str] = mapped_column(String(120))
    comment: Mapped[str] = mapped_column(Text)
    verified_purchase: Mapped[bool] = mapped_column(default=False)
    helpful_count: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class StockMovement(CatalogModel):
    """One signed change of a count on hand. The database refuses UPDATE and DELETE on this table."""

    __tablename__ = "stock_movements"
    __table_args__ = (
        UniqueConstraint("variant_id", "reason", "reference"),
        CheckConstraint("balance >= 0", name="balance_ge_0"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    variant_id: Mapped[int] = mapped_column(ForeignKey("variants.id"))
    delta: Mapped[int] = mapped_column()
    balance: Mapped[int] = mapped_column()
    reason: Mapped[str] = mapped_column(String(24))
    reference: Mapped[str] = mapped_column(String(64))
    actor: Mapped[str] = mapped_column(String(80))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class StockReservation(CatalogModel):
    """Units of a variant promised to one checkout."""

    __tablename__ = "stock_reservations"
    __table_args__ = (
        UniqueConstraint("checkout_id", "variant_id"),
        CheckConstraint("quantity > 0", name="quantity_gt_0"),
        CheckConstraint("state IN ('held', 'committed', 'released', 'returned')", name="state"),
        Index("ix_stock_reservations_state_expires_at", "state", "expires_at"),
        Index("ix_stock_reservations_variant_id_state", "variant_id", "state"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    checkout_id: Mapped[str] = mapped_column(String(36))
    variant_id: Mapped[int] = mapped_column(ForeignKey("variants.id"))
    quantity: Mapped[int] = mapped_column()
    state: Mapped[str] = mapped_column(String(12), default=ReservationState.HELD)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)


class SearchWord(CatalogModel):
    """A word of some product's name, to propose when a search finds nothing."""

    __tablename__ = "search_words"

    word: Mapped[str] = mapped_column(String(64), primary_key=True)


# The words a product is found by. SQLite: an FTS5 table, whose key is always its rowid; MySQL: FULLTEXT indexes.
# The migration creates it by hand. `words` holds name, brand, SKUs, barcodes, categories and description.
product_search = Table(
    "product_search",
    CatalogModel.metadata,
    Column("rowid", Integer, key="product_id", primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("words", Text, nullable=False),
    info={"created_by_hand": True},
)
