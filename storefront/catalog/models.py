"""The tables of the catalog schema."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import IntEnum, StrEnum

from sqlalchemy import (
    CheckConstraint,
    Column,
    Computed,
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

from storefront.catalog.values import (
    DEFAULT_IMAGE_SIZE,
    LOW_STOCK,
    MAX_BRAND_LENGTH,
    MAX_PRODUCT_NAME_LENGTH,
    MAX_SKU_LENGTH,
)
from storefront.db.audit_log import AuditEntryMixin
from storefront.db.column_types import Gtin, MinorUnits, UtcDateTime
from storefront.db.import_log import ImportedRowMixin
from storefront.db.outbox import OutboxMessage
from storefront.db.session import Model

ALL_CATEGORIES = 0  # the category id under which `browse_index` lists every product of the shop
NEVER_ENDS = 99999999  # `days_left` of a variant without sales; larger than that of any variant with sales


class ReservationState(StrEnum):
    """The states of a reservation."""

    HELD = "held"
    COMMITTED = "committed"
    RELEASED = "released"
    RETURNED = "returned"  # sold, and all units returned to stock


class CatalogModel(Model):
    """The base of the tables in the catalog schema."""

    __abstract__ = True
    __bind_key__ = "catalog"


class Category(CatalogModel):
    """A category, called a department in navigation."""

    __tablename__ = "categories"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80))
    slug: Mapped[str] = mapped_column(String(80), unique=True)
    description: Mapped[str] = mapped_column(String(255), default="")
    hue: Mapped[int] = mapped_column(default=255)
    picture: Mapped[str] = mapped_column(String(255), default="")
    sort_order: Mapped[int] = mapped_column(default=0)


class Product(CatalogModel):
    """A product; shoppers buy its variants.

    :cvar price: the lowest price of its variants that can be bought; see `listing.read_model.totals_of`
    :cvar compare_at_price: of the variant with this price
    :cvar price_varies: whether others that can be bought cost more
    :cvar stock: available units of all its variants, withdrawn ones excluded
    :cvar availability_status: a flag of the old system, IN_STOCK or PREORDER; availability follows from `stock` alone
    :cvar published_on: the day on which it was last published
    :cvar version: incremented by every change that staff make to the product, for optimistic locking
    """

    __tablename__ = "products"
    __table_args__ = (
        Index("ix_products_stock_active", "stock", "active", "id"),
        Index("ix_products_name", "name", "id"),
        Index("ix_products_picture", "picture", "id"),
        Index("ix_products_price", "price", "id"),
        CheckConstraint("stock >= 0", name="stock_ge_0"),
        CheckConstraint("price >= 0", name="price_ge_0"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    sku: Mapped[str] = mapped_column(String(MAX_SKU_LENGTH), unique=True)
    slug: Mapped[str] = mapped_column(String(160))
    name: Mapped[str] = mapped_column(String(MAX_PRODUCT_NAME_LENGTH))
    brand: Mapped[str] = mapped_column(String(MAX_BRAND_LENGTH), default="")
    description: Mapped[str] = mapped_column(Text, default="")
    price: Mapped[int] = mapped_column(MinorUnits)
    compare_at_price: Mapped[int | None] = mapped_column(MinorUnits)
    price_varies: Mapped[bool] = mapped_column(default=False)
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
    picture_width: Mapped[int] = mapped_column(default=DEFAULT_IMAGE_SIZE)
    picture_height: Mapped[int] = mapped_column(default=DEFAULT_IMAGE_SIZE)
    version: Mapped[int] = mapped_column(default=1)

    main_category: Mapped[Category] = relationship(lazy="raise")


class StockStatus(IntEnum):
    """The stock status of a variant, a computed column."""

    OUT = 0  # nothing available
    LOW = 1  # at its reorder level or below
    STOCKED = 2
    INACTIVE = 3  # not on sale, whatever its stock


class Variant(CatalogModel):
    """A variant of a product: what is priced, stocked and sold.

    :cvar is_withdrawn: taken off sale on its own, whether or not its product is published
    :cvar title: names of product and variant, denormalised so that staff lists can sort by it
    :cvar reorder_level: available units at which staff are told to order more
    :cvar low_stock_notified: whether staff were notified of low stock; reset when it recovers
    :cvar sold_30: units sold in the last 30 days without cancelled orders; up to a day old
    :cvar is_sellable: whether its product is published and it is not withdrawn; denormalised
    :cvar available: `on_hand` - `reserved`, computed by the database as the next two columns are
    :cvar stock_status: a `StockStatus`
    :cvar days_left: days until the available units are sold at the rate of `sold_30`; `NEVER_ENDS` without sales
    """

    __tablename__ = "variants"
    __table_args__ = (
        Index("ix_variants_available", "available", "id"),
        Index("ix_variants_days_left", "days_left", "id"),
        Index("ix_variants_reserved", "reserved", "id"),
        Index("ix_variants_stock_status_days_left", "stock_status", "days_left", "id"),
        Index("ix_variants_stock_status_sku", "stock_status", "sku"),
        Index("ix_variants_sold_30", "sold_30", "id"),
        Index("ix_variants_title", "title", "id"),
        CheckConstraint("on_hand >= 0", name="on_hand_ge_0"),
        CheckConstraint("reserved >= 0 AND reserved <= on_hand", name="reserved_within_on_hand"),
        CheckConstraint("price >= 0", name="price_ge_0"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"), index=True)
    sku: Mapped[str] = mapped_column(String(MAX_SKU_LENGTH), unique=True)
    barcode: Mapped[str | None] = mapped_column(Gtin, unique=True)
    name: Mapped[str] = mapped_column(String(80), default="")
    price: Mapped[int] = mapped_column(MinorUnits)
    compare_at_price: Mapped[int | None] = mapped_column(MinorUnits)
    is_withdrawn: Mapped[bool] = mapped_column(default=False)
    on_hand: Mapped[int] = mapped_column(default=0)
    reserved: Mapped[int] = mapped_column(default=0)
    sort_order: Mapped[int] = mapped_column(default=0)
    title: Mapped[str] = mapped_column(String(582), default="")
    reorder_level: Mapped[int] = mapped_column(default=LOW_STOCK)
    low_stock_notified: Mapped[bool] = mapped_column(default=False)
    sold_30: Mapped[int] = mapped_column(default=0)
    is_sellable: Mapped[bool] = mapped_column(default=True)
    available: Mapped[int] = mapped_column(Computed("on_hand - reserved"), nullable=True)
    stock_status: Mapped[int] = mapped_column(
        Computed(
            "CASE WHEN is_sellable = 0 THEN 3 WHEN on_hand - reserved <= 0 THEN 0 "
            "WHEN on_hand - reserved <= reorder_level THEN 1 ELSE 2 END"
        ),
        nullable=True,
    )
    days_left: Mapped[int] = mapped_column(
        Computed(
            "CASE WHEN sold_30 > 0 THEN ((on_hand - reserved) * 30 - ((on_hand - reserved) * 30) % sold_30) / sold_30 "
            f"ELSE {NEVER_ENDS} END"
        ),
        nullable=True,
    )

    product: Mapped[Product] = relationship(lazy="raise")


class ProductCategory(CatalogModel):
    """A product in a category; its main category is among them."""

    __tablename__ = "product_categories"

    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"), primary_key=True)
    category_id: Mapped[int] = mapped_column(ForeignKey("categories.id"), primary_key=True, index=True)


class BrowseEntry(CatalogModel):
    """The read model of listings: a narrow row for each product and category, and one for the whole shop.

    Every sort order of a listing has an index of its own, so that a page of a large category reads only its own rows.
    Written by `listing.read_model` in the transaction that changes the product.
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
    brand: Mapped[str] = mapped_column(String(MAX_BRAND_LENGTH))
    price: Mapped[int] = mapped_column(MinorUnits)
    rating: Mapped[Decimal] = mapped_column(Numeric(3, 2))
    popularity: Mapped[int] = mapped_column()
    in_stock: Mapped[bool] = mapped_column()


class Spec(CatalogModel):
    """A line of a product's specifications."""

    __tablename__ = "product_specs"
    __table_args__ = (UniqueConstraint("product_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"))
    name: Mapped[str] = mapped_column(String(80))
    value: Mapped[str] = mapped_column(String(255))
    sort_order: Mapped[int] = mapped_column(default=0)


class Image(CatalogModel):
    """An image of a product: an uploaded one, or the address of a file below `static/` or elsewhere.

    :cvar image_data: the bytes of an image uploaded before there was an image store; later ones are files named by
        `digest`
    :cvar digest: SHA-256 of the bytes, hexadecimal; None without an upload
    :cvar width: of the file at `image_url`, in pixels
    :cvar height: of the file at `image_url`, in pixels
    :cvar removed_at: when staff removed it; until it is purged, orders still show it and staff can restore it
    """

    __tablename__ = "product_images"
    __table_args__ = (
        Index("ix_product_images_product_id_digest", "product_id", "digest", unique=True),
        Index("ix_product_images_removed_at", "removed_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"), index=True)
    image_data: Mapped[bytes | None] = mapped_column(
        LargeBinary().with_variant(MEDIUMBLOB(), "mysql", "mariadb"), deferred=True
    )
    image_url: Mapped[str] = mapped_column(String(255), default="")
    content_type: Mapped[str] = mapped_column(String(40), default="")
    digest: Mapped[str | None] = mapped_column(String(64))
    alt_text: Mapped[str] = mapped_column(String(255), default="")
    sort_order: Mapped[int] = mapped_column(default=0)
    width: Mapped[int] = mapped_column(default=DEFAULT_IMAGE_SIZE)
    height: Mapped[int] = mapped_column(default=DEFAULT_IMAGE_SIZE)
    removed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Review(CatalogModel):
    """A customer's review of a product.

    :cvar user_id: the account of the author; its row is in the accounts schema
    :cvar is_hidden: whether staff hid it; a hidden review does not count for the rating
    """

    __tablename__ = "reviews"
    __table_args__ = (
        UniqueConstraint("product_id", "user_id"),
        CheckConstraint("rating BETWEEN 1 AND 5", name="rating_1_to_5"),
        Index("ix_reviews_product_id_is_hidden_created_at", "product_id", "is_hidden", "created_at"),
        Index("ix_reviews_user_id", "user_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"))
    user_id: Mapped[int] = mapped_column()
    user_name: Mapped[str] = mapped_column(String(80))
    rating: Mapped[int] = mapped_column()
    title: Mapped[str] = mapped_column(String(500))
    comment: Mapped[str] = mapped_column(Text)
    verified_purchase: Mapped[bool] = mapped_column(default=False)
    helpful_count: Mapped[int] = mapped_column(default=0)
    is_hidden: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ReviewVote(CatalogModel):
    """An account's helpful vote for a review. `Review.helpful_count` may be larger: imported votes have no account."""

    __tablename__ = "review_votes"

    review_id: Mapped[int] = mapped_column(ForeignKey("reviews.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)


class StockMovement(CatalogModel):
    """One signed change of a count on hand. Triggers refuse UPDATE and DELETE on this table.

    :cvar balance: units on hand after it
    :cvar reference: idempotency key; one variant has each pair of reason and reference at most once
    :cvar undoes_id: the movement that this one reverses; unique, so that none is reversed twice
    """

    __tablename__ = "stock_movements"
    __table_args__ = (
        UniqueConstraint("variant_id", "reason", "reference"),
        CheckConstraint("balance >= 0", name="balance_ge_0"),
        Index("ix_stock_movements_actor", "actor", "created_at", "id"),
        Index("ix_stock_movements_created_at", "created_at", "id"),
        Index("ix_stock_movements_reason", "reason", "created_at", "id"),
        Index("ix_stock_movements_variant_id", "variant_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    variant_id: Mapped[int] = mapped_column(ForeignKey("variants.id"))
    delta: Mapped[int] = mapped_column()
    balance: Mapped[int] = mapped_column()
    reason: Mapped[str] = mapped_column(String(24))
    reference: Mapped[str] = mapped_column(String(100), index=True)
    actor: Mapped[str] = mapped_column(String(80))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    note: Mapped[str] = mapped_column(String(200), default="")
    undoes_id: Mapped[int | None] = mapped_column(index=True, unique=True)


class StockReservation(CatalogModel):
    """Units of a variant reserved for one checkout.

    :cvar returned: sold units that were returned to stock; once all are, `state` is returned
    """

    __tablename__ = "stock_reservations"
    __table_args__ = (
        UniqueConstraint("checkout_id", "variant_id"),
        CheckConstraint("quantity > 0", name="quantity_gt_0"),
        CheckConstraint("state IN ('held', 'committed', 'released', 'returned')", name="state"),
        CheckConstraint("returned >= 0 AND returned <= quantity", name="returned_within_quantity"),
        Index("ix_stock_reservations_state_expires_at", "state", "expires_at"),
        Index("ix_stock_reservations_variant_id_state", "variant_id", "state"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    checkout_id: Mapped[str] = mapped_column(String(36))
    variant_id: Mapped[int] = mapped_column(ForeignKey("variants.id"))
    quantity: Mapped[int] = mapped_column()
    returned: Mapped[int] = mapped_column(default=0, server_default="0")
    state: Mapped[str] = mapped_column(String(12), default=ReservationState.HELD)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)


class SearchWord(CatalogModel):
    """A word of a product's name, a candidate when the spelling of a search is corrected."""

    __tablename__ = "search_words"

    word: Mapped[str] = mapped_column(String(64), primary_key=True)


class AuditEntry(AuditEntryMixin, CatalogModel):
    """The audit log of the catalogue, except for stock, which has the ledger."""


class ImportedRow(ImportedRowMixin, CatalogModel):
    """The import log of categories, products, images and reviews of the old shop."""


class Message(OutboxMessage, CatalogModel):
    """The outbox of the catalogue."""


# The full-text index. SQLite: an FTS5 table, whose key is always its rowid; MySQL: a table with FULLTEXT indexes.
# The migration creates it by hand. `words` holds name, brand, SKUs, barcodes, categories and description.
product_search = Table(
    "product_search",
    CatalogModel.metadata,
    Column("rowid", Integer, key="product_id", primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("words", Text, nullable=False),
    info={"created_by_hand": True},
)
