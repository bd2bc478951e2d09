"""A content of a cart is ordered once, and an order that its client never saw is found again by the same goods."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "checkout_0004"
down_revision = "checkout_0003"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
MONEY = sa.BigInteger().with_variant(sa.Numeric(13, 2), "mysql", "mariadb")
GUARDS = "duplicate_orders"


def upgrade() -> None:
    op.add_column("checkouts", sa.Column("cart_content", sa.String(length=32), nullable=True))
    op.create_index("uq_checkouts_cart_content", "checkouts", ["cart_content"], unique=True)
    op.add_column(GUARDS, sa.Column("shown_total", MONEY, nullable=True))
    op.add_column(GUARDS, sa.Column("answered_at", MOMENT, nullable=True))
    op.execute(f"UPDATE {GUARDS} SET answered_at = at")  # noqa: S608 - the name of our own table


def downgrade() -> None:
    op.drop_column(GUARDS, "answered_at")
    op.drop_column(GUARDS, "shown_total")
    op.drop_index("uq_checkouts_cart_content", "checkouts")
    op.drop_column("checkouts", "cart_content")
