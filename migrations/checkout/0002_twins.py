"""Which orders sent at once are the same double click."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "checkout_0002"
down_revision = "checkout_0001"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def upgrade() -> None:
    op.create_table(
        "twins",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("checkout_id", sa.String(length=36), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_twins"),
    )
    op.create_index("ix_twins_at", "twins", ["at"])


def downgrade() -> None:
    op.drop_table("twins")
