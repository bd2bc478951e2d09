"""The first tables of the cart schema."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "cart_0001"
down_revision = None
branch_labels = None
depends_on = None

MONEY = sa.BigInteger().with_variant(sa.Numeric(13, 2), "mysql", "mariadb")
MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def upgrade() -> None:
    op.create_table(
        "cart",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("guest_token", sa.String(length=32), nullable=True),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.CheckConstraint("user_id IS NOT NULL OR guest_token IS NOT NULL", name="ck_cart_has_owner"),
        sa.PrimaryKeyConstraint("id", name="pk_cart"),
        sa.UniqueConstraint("guest_token", name="uq_cart_guest_token"),
        sa.UniqueConstraint("user_id", name="uq_cart_user_id"),
    )
    op.create_index("ix_cart_updated_at", "cart", ["updated_at"])
    op.create_table(
        "cart_item",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("cart_id", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("variant", sa.String(length=64), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("price_seen", MONEY, nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.CheckConstraint("quantity BETWEEN 1 AND 99", name="ck_cart_item_quantity_1_to_99"),
        sa.ForeignKeyConstraint(["cart_id"], ["cart.id"], name="fk_cart_item_cart_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_cart_item"),
        sa.UniqueConstraint("cart_id", "variant", name="uq_cart_item_cart_id_variant"),
    )


def downgrade() -> None:
    op.drop_table("cart_item")
    op.drop_table("cart")
