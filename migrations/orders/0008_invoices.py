"""Invoices and credit notes have numbers of their own, and keep who sold; the database refuses to change them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "orders_0008"
down_revision = "orders_0007"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def upgrade() -> None:
    op.create_table(
        "invoice_series",
        sa.Column("series", sa.String(length=12), nullable=False),
        sa.Column("last_position", sa.Integer(), nullable=False),
        sa.Column("last_at", MOMENT, nullable=False),
        sa.CheckConstraint("last_position >= 0", name="ck_invoice_series_last_position_ge_0"),
        sa.PrimaryKeyConstraint("series", name="pk_invoice_series"),
    )
    op.create_table(
        "invoices",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(length=24), nullable=False),
        sa.Column("series", sa.String(length=12), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("credit", sa.Integer(), nullable=False),
        sa.Column("issued_at", MOMENT, nullable=False),
        sa.Column("seller_name", sa.String(length=255), nullable=False),
        sa.Column("seller_address", sa.String(length=1000), nullable=False),
        sa.Column("seller_mail", sa.String(length=255), nullable=False),
        sa.Column("seller_tax_number", sa.String(length=255), nullable=False),
        sa.CheckConstraint("position > 0", name="ck_invoices_position_gt_0"),
        sa.CheckConstraint("credit >= 0", name="ck_invoices_credit_ge_0"),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_invoices_order_id"),
        sa.PrimaryKeyConstraint("id", name="pk_invoices"),
        sa.UniqueConstraint("number", name="uq_invoices_number"),
        sa.UniqueConstraint("series", "position", name="uq_invoices_series_position"),
        sa.UniqueConstraint("order_id", "credit", name="uq_invoices_order_id_credit"),
    )
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for verb in ("UPDATE", "DELETE"):
        refusal = (
            "BEGIN SELECT RAISE(ABORT, 'invoices are never changed'); END"
            if is_sqlite
            else "FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'invoices are never changed'"
        )
        op.execute(f"CREATE TRIGGER invoices_no_{verb.lower()} BEFORE {verb} ON invoices {refusal}")


def downgrade() -> None:
    op.drop_table("invoices")
    op.drop_table("invoice_series")
