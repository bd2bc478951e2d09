"""Orders are refunded in part, and goods come back."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "orders_0005"
down_revision = "orders_0004"
branch_labels = None
depends_on = None

MONEY = sa.BigInteger().with_variant(sa.Numeric(13, 2), "mysql", "mariadb")
MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
STATES = "state IN ('requested', 'approved', 'declined', 'withdrawn')"


def upgrade() -> None:
    with op.batch_alter_table("orders") as orders:
        orders.add_column(sa.Column("refunded_amount", MONEY, nullable=False, server_default="0"))
        orders.add_column(sa.Column("is_shipping_refunded", sa.Boolean(), nullable=False, server_default=sa.false()))
        orders.add_column(sa.Column("is_restocked", sa.Boolean(), nullable=False, server_default=sa.true()))
        orders.create_check_constraint(
            "ck_orders_refunded_within_total", "refunded_amount >= 0 AND refunded_amount <= total_amount"
        )
    with op.batch_alter_table("order_item") as items:
        items.add_column(sa.Column("refunded", sa.Integer(), nullable=False, server_default="0"))
        items.add_column(sa.Column("coming_back", sa.Integer(), nullable=False, server_default="0"))
        items.create_check_constraint(
            "ck_order_item_refunded_within_quantity",
            "refunded >= 0 AND coming_back >= 0 AND refunded + coming_back <= quantity",
        )
    _create_refunds()
    _create_returns()


def _create_refunds() -> None:
    op.create_table(
        "order_refunds",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("amount", MONEY, nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("is_with_shipping", sa.Boolean(), nullable=False),
        sa.Column("is_restocked", sa.Boolean(), nullable=False),
        sa.Column("lowers_due", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.CheckConstraint("amount >= 0", name="ck_order_refunds_amount_ge_0"),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_order_refunds_order_id"),
        sa.PrimaryKeyConstraint("id", name="pk_order_refunds"),
        sa.UniqueConstraint("key", name="uq_order_refunds_key"),
    )
    op.create_index("ix_order_refunds_order_id", "order_refunds", ["order_id"])
    _create_lines("order_refund_lines", "refund_id", "order_refunds")


def _create_returns() -> None:
    op.create_table(
        "order_returns",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("reason", sa.String(length=24), nullable=False),
        sa.Column("note", sa.String(length=500), nullable=False),
        sa.Column("answer", sa.String(length=500), nullable=False),
        sa.Column("requested_at", MOMENT, nullable=False),
        sa.Column("decided_at", MOMENT, nullable=True),
        sa.Column("refund_id", sa.Integer(), nullable=True),
        sa.CheckConstraint(STATES, name="ck_order_returns_state"),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_order_returns_order_id"),
        sa.ForeignKeyConstraint(["refund_id"], ["order_refunds.id"], name="fk_order_returns_refund_id"),
        sa.PrimaryKeyConstraint("id", name="pk_order_returns"),
        sa.UniqueConstraint("key", name="uq_order_returns_key"),
    )
    op.create_index("ix_order_returns_order_id", "order_returns", ["order_id"])
    op.create_index("ix_order_returns_refund_id", "order_returns", ["refund_id"])
    op.create_index("ix_order_returns_state_requested_at", "order_returns", ["state", "requested_at"])
    _create_lines("order_return_lines", "return_id", "order_returns")


def _create_lines(table: str, column: str, parent: str) -> None:
    op.create_table(
        table,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column(column, sa.Integer(), nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.CheckConstraint("quantity > 0", name=f"ck_{table}_quantity_gt_0"),
        sa.ForeignKeyConstraint([column], [f"{parent}.id"], name=f"fk_{table}_{column}"),
        sa.ForeignKeyConstraint(["item_id"], ["order_item.id"], name=f"fk_{table}_item_id"),
        sa.PrimaryKeyConstraint("id", name=f"pk_{table}"),
        sa.UniqueConstraint(column, "item_id", name=f"uq_{table}_{column}_item_id"),
    )
    op.create_index(f"ix_{table}_item_id", table, ["item_id"])


def downgrade() -> None:
    for table in ("order_return_lines", "order_returns", "order_refund_lines", "order_refunds"):
        op.drop_table(table)
    with op.batch_alter_table("order_item") as items:
        items.drop_constraint("ck_order_item_refunded_within_quantity", type_="check")
        items.drop_column("coming_back")
        items.drop_column("refunded")
    with op.batch_alter_table("orders") as orders:
        orders.drop_constraint("ck_orders_refunded_within_total", type_="check")
        for column in ("is_restocked", "is_shipping_refunded", "refunded_amount"):
            orders.drop_column(column)
