"""Payments are refunded in part: what is promised stands beside what the provider has done."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "payments_0003"
down_revision = "payments_0002"
branch_labels = None
depends_on = None

MONEY = sa.BigInteger().with_variant(sa.Numeric(13, 2), "mysql", "mariadb")
MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def upgrade() -> None:
    with op.batch_alter_table("payments") as payments:
        payments.add_column(sa.Column("refunded", MONEY, nullable=False, server_default="0"))
        payments.create_check_constraint("ck_payments_refunded_within_amount", "refunded >= 0 AND refunded <= amount")
    with op.batch_alter_table("refunds") as refunds:
        refunds.add_column(sa.Column("settled_at", MOMENT, nullable=True))
    op.execute("UPDATE refunds SET settled_at = created_at")
    op.execute(
        "UPDATE payments SET refunded = "
        "COALESCE((SELECT SUM(refunds.amount) FROM refunds WHERE refunds.payment_id = payments.id), 0)"
    )
    op.create_table(
        "sandbox_refunds",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("charge_id", sa.Integer(), nullable=False),
        sa.Column("amount", MONEY, nullable=False),
        sa.ForeignKeyConstraint(["charge_id"], ["sandbox_charges.id"], name="fk_sandbox_refunds_charge_id"),
        sa.PrimaryKeyConstraint("id", name="pk_sandbox_refunds"),
        sa.UniqueConstraint("key", name="uq_sandbox_refunds_key"),
    )
    op.create_index("ix_sandbox_refunds_charge_id", "sandbox_refunds", ["charge_id"])
    op.execute(
        "INSERT INTO sandbox_refunds (key, charge_id, amount) "
        "SELECT 'refund/' || key, id, refunded FROM sandbox_charges WHERE refunded > 0"
        if op.get_bind().dialect.name == "sqlite"
        else "INSERT INTO sandbox_refunds (`key`, charge_id, amount) "
        "SELECT CONCAT('refund/', `key`), id, refunded FROM sandbox_charges WHERE refunded > 0"
    )


def downgrade() -> None:
    op.drop_table("sandbox_refunds")
    # What was only promised was not given back: the older books know nothing of it.
    op.execute("DELETE FROM refunds WHERE settled_at IS NULL")
    with op.batch_alter_table("refunds") as refunds:
        refunds.drop_column("settled_at")
    with op.batch_alter_table("payments") as payments:
        payments.drop_constraint("ck_payments_refunded_within_amount", type_="check")
        payments.drop_column("refunded")
