"""The first tables of the catalog schema."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "catalog_0001"
down_revision = None
branch_labels = None
depends_on = None

MONEY = sa.BigInteger().with_variant(sa.Numeric(13, 2), "mysql", "mariadb")
MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
BYTES = sa.LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql", "mariadb")


def upgrade() -> None:
    op.create_table(
        "categories",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("slug", sa.String(length=80), nullable=False),
        sa.Column("description", sa.String(length=255), nullable=False),
        sa.Column("hue", sa.Integer(), nullable=False),
        sa.Column("picture", sa.String(length=255), nullable=False),
        sa.Column("sort_order", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_categories"),
        sa.UniqueConstraint("slug", name="uq_categories_slug"),
    )
    op.create_table(
        "search_words",
        sa.Column("word", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("word", name="pk_search_words"),
    )
    op.create_table(
        "products",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sku", sa.String(length=64), nullable=False),
        sa.Column("slug", sa.String(length=160), nullable=False),
        sa.Column("name", sa.String(length=160), nullable=False),
        sa.Column("brand", sa.String(length=80), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("price", MONEY, nullable=False),
        sa.Column("was", MONEY, nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("stock", sa.Integer(), nullable=False),
        sa.Column("availability_status", sa.String(length=16), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("option_name", sa.String(length=40), nullable=False),
        sa.Column("main_category_id", sa.Integer(), nullable=False),
        sa.Column("average_rating", sa.Numeric(precision=3, scale=2), nullable=False),
        sa.Column("review_count", sa.Integer(), nullable=False),
        sa.Column("popularity", sa.Integer(), nullable=False),
        sa.Column("published_on", sa.Date(), nullable=False),
        sa.Column("picture", sa.String(length=255), nullable=False),
        sa.Column("picture_alt", sa.String(length=255), nullable=False),
        sa.CheckConstraint("price >= 0", name="ck_products_price_ge_0"),
        sa.CheckConstraint("stock >= 0", name="ck_products_stock_ge_0"),
        sa.ForeignKeyConstraint(["main_category_id"], ["categories.id"], name="fk_products_main_category_id"),
        sa.PrimaryKeyConstraint("id", name="pk_products"),
        sa.UniqueConstraint("sku", name="uq_products_sku"),
    )
    op.create_table(
        "browse_index",
        sa.Column("category_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("brand", sa.String(length=80), nullable=False),
        sa.Column("price", MONEY, nullable=False),
        sa.Column("rating", sa.Numeric(precision=3, scale=2), nullable=False),
        sa.Column("popularity", sa.Integer(), nullable=False),
        sa.Column("in_stock", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name="fk_browse_index_product_id"),
        sa.PrimaryKeyConstraint("category_id", "product_id", name="pk_browse_index"),
    )
    op.create_index(
        "ix_browse_index_facets",
        "browse_index",
        ["category_id", "in_stock", "brand", "price", "rating", "product_id"],
    )
    op.create_index("ix_browse_index_popularity", "browse_index", ["category_id", "popularity", "product_id"])
    op.create_index("ix_browse_index_price", "browse_index", ["category_id", "price", "product_id"])
    op.create_index("ix_browse_index_product", "browse_index", ["product_id"])
    op.create_index("ix_browse_index_rating", "browse_index", ["category_id", "rating", "product_id"])
    op.create_table(
        "product_categories",
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("category_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["category_id"], ["categories.id"], name="fk_product_categories_category_id"),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name="fk_product_categories_product_id"),
        sa.PrimaryKeyConstraint("product_id", "category_id", name="pk_product_categories"),
    )
    op.create_index("ix_product_categories_category_id", "product_categories", ["category_id"])
    op.create_table(
        "product_images",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("image_data", BYTES, nullable=True),
        sa.Column("image_url", sa.String(length=255), nullable=False),
        sa.Column("content_type", sa.String(length=40), nullable=False),
        sa.Column("alt_text", sa.String(length=255), nullable=False),
        sa.Column("sort_order", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name="fk_product_images_product_id"),
        sa.PrimaryKeyConstraint("id", name="pk_product_images"),
    )
    op.create_index("ix_product_images_product_id", "product_images", ["product_id"])
    op.create_table(
        "product_specs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("value", sa.String(length=255), nullable=False),
        sa.Column("sort_order", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name="fk_product_specs_product_id"),
        sa.PrimaryKeyConstraint("id", name="pk_product_specs"),
        sa.UniqueConstraint("product_id", "name", name="uq_product_specs_product_id_name"),
    )
    op.create_table(
        "reviews",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("user_name", sa.String(length=80), nullable=False),
        sa.Column("rating", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(length=120), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("verified_purchase", sa.Boolean(), nullable=False),
        sa.Column("helpful_count", sa.Integer(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.CheckConstraint("rating BETWEEN 1 AND 5", name="ck_reviews_rating_1_to_5"),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name="fk_reviews_product_id"),
        sa.PrimaryKeyConstraint("id", name="pk_reviews"),
        sa.UniqueConstraint("product_id", "user_id", name="uq_reviews_product_id_user_id"),
    )
    op.create_index("ix_reviews_product_id_created_at", "reviews", ["product_id", "created_at"])
    op.create_table(
        "variants",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("sku", sa.String(length=64), nullable=False),
        sa.Column("barcode", sa.String(length=14), nullable=True),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("price", MONEY, nullable=False),
        sa.Column("on_hand", sa.Integer(), nullable=False),
        sa.Column("reserved", sa.Integer(), nullable=False),
        sa.Column("sort_order", sa.Integer(), nullable=False),
        sa.CheckConstraint("on_hand >= 0", name="ck_variants_on_hand_ge_0"),
        sa.CheckConstraint("price >= 0", name="ck_variants_price_ge_0"),
        sa.CheckConstraint("reserved >= 0 AND reserved <= on_hand", name="ck_variants_reserved_within_on_hand"),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name="fk_variants_product_id"),
        sa.PrimaryKeyConstraint("id", name="pk_variants"),
        sa.UniqueConstraint("barcode", name="uq_variants_barcode"),
        sa.UniqueConstraint("sku", name="uq_variants_sku"),
    )
    op.create_index("ix_variants_product_id", "variants", ["product_id"])
    op.create_table(
        "stock_movements",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("variant_id", sa.Integer(), nullable=False),
        sa.Column("delta", sa.Integer(), nullable=False),
        sa.Column("balance", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=24), nullable=False),
        sa.Column("reference", sa.String(length=64), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.CheckConstraint("balance >= 0", name="ck_stock_movements_balance_ge_0"),
        sa.ForeignKeyConstraint(["variant_id"], ["variants.id"], name="fk_stock_movements_variant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_stock_movements"),
        sa.UniqueConstraint("variant_id", "reason", "reference", name="uq_stock_movements_variant_id_reason_reference"),
    )
    op.create_table(
        "stock_reservations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("checkout_id", sa.String(length=36), nullable=False),
        sa.Column("variant_id", sa.Integer(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.CheckConstraint(
            "state IN ('held', 'committed', 'released', 'returned')", name="ck_stock_reservations_state"
        ),
        sa.CheckConstraint("quantity > 0", name="ck_stock_reservations_quantity_gt_0"),
        sa.ForeignKeyConstraint(["variant_id"], ["variants.id"], name="fk_stock_reservations_variant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_stock_reservations"),
        sa.UniqueConstraint("checkout_id", "variant_id", name="uq_stock_reservations_checkout_id_variant_id"),
    )
    op.create_index("ix_stock_reservations_state_expires_at", "stock_reservations", ["state", "expires_at"])
    op.create_index("ix_stock_reservations_variant_id_state", "stock_reservations", ["variant_id", "state"])

    create_search()
    protect_ledger()


def create_search() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE VIRTUAL TABLE product_search USING fts5"
            "(name, words, tokenize = \"unicode61 tokenchars '_'\", prefix = '2 3')"
        )
        return
    op.create_table(
        "product_search",
        sa.Column("rowid", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
    )
    op.execute("CREATE FULLTEXT INDEX ix_product_search_name ON product_search (name)")
    op.execute("CREATE FULLTEXT INDEX ix_product_search_words ON product_search (words)")


def protect_ledger() -> None:
    """Movements are only ever added: the database itself refuses to change or delete one."""
    for verb in ("UPDATE", "DELETE"):
        name = f"stock_movements_no_{verb.lower()}"
        if op.get_bind().dialect.name == "sqlite":
            op.execute(
                f"CREATE TRIGGER {name} BEFORE {verb} ON stock_movements "
                "BEGIN SELECT RAISE(ABORT, 'stock movements are never changed'); END"
            )
        else:
            op.execute(
                f"CREATE TRIGGER {name} BEFORE {verb} ON stock_movements FOR EACH ROW "
                "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'stock movements are never changed'"
            )


def downgrade() -> None:
    op.drop_table("product_search")
    op.drop_table("stock_reservations")
    op.drop_table("stock_movements")
    op.drop_table("variants")
    op.drop_table("reviews")
    op.drop_table("product_specs")
    op.drop_table("product_images")
    op.drop_table("product_categories")
    op.drop_table("browse_index")
    op.drop_table("products")
    op.drop_table("search_words")
    op.drop_table("categories")
