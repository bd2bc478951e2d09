"""Products are kept by the staff: old prices of variants, prices that begin later, addresses that moved."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "catalog_0006"
down_revision = "catalog_0005"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
MONEY = sa.BigInteger().with_variant(sa.Numeric(13, 2), "mysql", "mariadb")

PRODUCT_INDEXES = {
    # Not `active` first: MariaDB would take it for every product of a listing, and read the whole shop for each.
    "ix_products_stock_active": ["stock", "active", "id"],
    "ix_products_name": ["name", "id"],
    "ix_products_picture": ["picture", "id"],
    "ix_products_price": ["price", "id"],
}


def upgrade() -> None:
    op.add_column("products", sa.Column("version", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("variants", sa.Column("was", MONEY, nullable=True))
    op.add_column("variants", sa.Column("is_withdrawn", sa.Boolean(), nullable=False, server_default=sa.false()))
    for name, columns in PRODUCT_INDEXES.items():
        op.create_index(name, "products", columns)
    # What a product cost before was shown beside its lowest price.
    op.execute(
        "UPDATE variants SET was = (SELECT was FROM products WHERE products.id = variants.product_id) "
        "WHERE price = (SELECT price FROM products WHERE products.id = variants.product_id)"
    )
    op.execute("DELETE FROM browse_index WHERE product_id IN (SELECT id FROM products WHERE active = 0)")
    create_price_changes()
    op.create_table(
        "slug_redirects",
        sa.Column("slug", sa.String(length=80), nullable=False),
        sa.Column("category_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["category_id"], ["categories.id"], name="fk_slug_redirects_category_id"),
        sa.PrimaryKeyConstraint("slug", name="pk_slug_redirects"),
    )
    op.create_index("ix_slug_redirects_category_id", "slug_redirects", ["category_id"])
    op.create_table(
        "product_submits",
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_product_submits"),
    )
    op.create_index("ix_product_submits_created_at", "product_submits", ["created_at"])


def create_price_changes() -> None:
    op.create_table(
        "price_changes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("variant_id", sa.Integer(), nullable=False),
        sa.Column("price", MONEY, nullable=False),
        sa.Column("was", MONEY, nullable=True),
        sa.Column("starts_at", MOMENT, nullable=False),
        sa.Column("ends_at", MOMENT, nullable=True),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("old_price", MONEY, nullable=True),
        sa.Column("old_was", MONEY, nullable=True),
        sa.Column("created_by", sa.String(length=80), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("applied_at", MOMENT, nullable=True),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.CheckConstraint("price > 0", name="ck_price_changes_price_gt_0"),
        sa.CheckConstraint("ends_at IS NULL OR ends_at > starts_at", name="ck_price_changes_ends_after_start"),
        sa.CheckConstraint("state IN ('scheduled', 'running', 'done', 'cancelled')", name="ck_price_changes_state"),
        sa.ForeignKeyConstraint(["variant_id"], ["variants.id"], name="fk_price_changes_variant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_price_changes"),
    )
    op.create_index("ix_price_changes_state_starts_at", "price_changes", ["state", "starts_at"])
    op.create_index("ix_price_changes_state_ends_at", "price_changes", ["state", "ends_at"])
    op.create_index("ix_price_changes_variant_id", "price_changes", ["variant_id", "starts_at"])


def downgrade() -> None:
    for table in ("product_submits", "slug_redirects", "price_changes"):
        op.drop_table(table)
    for name in PRODUCT_INDEXES:
        op.drop_index(name, "products")
    op.drop_column("variants", "is_withdrawn")
    op.drop_column("variants", "was")
    op.drop_column("products", "version")
