"""The first tables of the orders schema."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "orders_0001"
down_revision = None
branch_labels = None
depends_on = None

MONEY = sa.BigInteger().with_variant(sa.Numeric(13, 2), "mysql", "mariadb")
MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def upgrade() -> None:
    op.create_table(
        "orders",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.String(length=32), nullable=False),
        sa.Column("checkout_id", sa.String(length=36), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=True),
        sa.Column("customer_email", sa.String(length=254), nullable=False),
        sa.Column("subtotal", MONEY, nullable=False),
        sa.Column("shipping", MONEY, nullable=False),
        sa.Column("tax", MONEY, nullable=False),
        sa.Column("discount", MONEY, nullable=False),
        sa.Column("total_amount", MONEY, nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("order_date", MOMENT, nullable=False),
        sa.Column("estimated_delivery", sa.Date(), nullable=False),
        sa.Column("shipping_full_name", sa.String(length=120), nullable=False),
        sa.Column("shipping_phone", sa.String(length=32), nullable=False),
        sa.Column("shipping_address_line1", sa.String(length=160), nullable=False),
        sa.Column("shipping_address_line2", sa.String(length=160), nullable=False),
        sa.Column("shipping_city", sa.String(length=80), nullable=False),
        sa.Column("shipping_state", sa.String(length=80), nullable=False),
        sa.Column("shipping_zip_code", sa.String(length=16), nullable=False),
        sa.Column("shipping_country", sa.String(length=60), nullable=False),
        sa.Column("payment_type", sa.String(length=16), nullable=False),
        sa.Column("payment_details", sa.String(length=160), nullable=False),
        sa.Column("payment_provider", sa.String(length=40), nullable=False),
        sa.CheckConstraint(
            "status IN ('pending', 'confirmed', 'processing', 'shipped', 'delivered', 'cancelled')",
            name="ck_orders_status",
        ),
        sa.CheckConstraint("total_amount = subtotal + shipping + tax - discount", name="ck_orders_total_adds_up"),
        sa.PrimaryKeyConstraint("id", name="pk_orders"),
        sa.UniqueConstraint("checkout_id", name="uq_orders_checkout_id"),
        sa.UniqueConstraint("order_id", name="uq_orders_order_id"),
    )
    op.create_index("ix_orders_customer_email", "orders", ["customer_email"])
    op.create_index("ix_orders_customer_id", "orders", ["customer_id"])
    op.create_index("ix_orders_order_date", "orders", ["order_date"])
    op.create_table(
        "outbox",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("topic", sa.String(length=40), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.String(length=255), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("lease_owner", sa.String(length=36), nullable=True),
        sa.Column("delivered_at", MOMENT, nullable=True),
        sa.Column("parked_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sa.UniqueConstraint("key", name="uq_outbox_key"),
    )
    op.create_index("ix_outbox_delivered_at", "outbox", ["delivered_at"])
    op.create_index("ix_outbox_due_at", "outbox", ["due_at"])
    op.create_table(
        "order_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("by", sa.String(length=80), nullable=False),
        sa.Column("note", sa.String(length=255), nullable=False),
        sa.Column("tracking_number", sa.String(length=64), nullable=False),
        sa.CheckConstraint(
            "status IN ('pending', 'confirmed', 'processing', 'shipped', 'delivered', 'cancelled')",
            name="ck_order_events_status",
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_order_events_order_id"),
        sa.PrimaryKeyConstraint("id", name="pk_order_events"),
    )
    op.create_index("ix_order_events_order_id", "order_events", ["order_id"])
    op.create_table(
        "order_item",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("product_slug", sa.String(length=160), nullable=False),
        sa.Column("sku", sa.String(length=64), nullable=False),
        sa.Column("product_name", sa.String(length=160), nullable=False),
        sa.Column("variant_name", sa.String(length=80), nullable=False),
        sa.Column("product_image", sa.String(length=255), nullable=False),
        sa.Column("hue", sa.Integer(), nullable=False),
        sa.Column("price", MONEY, nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("total", MONEY, nullable=False),
        sa.CheckConstraint("quantity > 0", name="ck_order_item_quantity_gt_0"),
        sa.CheckConstraint("total = price * quantity", name="ck_order_item_total_is_price_times_quantity"),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_order_item_order_id"),
        sa.PrimaryKeyConstraint("id", name="pk_order_item"),
    )
    op.create_index("ix_order_item_order_id", "order_item", ["order_id"])


def downgrade() -> None:
    op.drop_table("order_item")
    op.drop_table("order_events")
    op.drop_table("outbox")
    op.drop_table("orders")
