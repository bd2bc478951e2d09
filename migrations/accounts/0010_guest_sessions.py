"""A guest's cookie counts for as long as its record is there."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "accounts_0010"
down_revision = "accounts_0009"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def upgrade() -> None:
    op.create_table(
        "guest_sessions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(length=64), nullable=False),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_guest_sessions"),
        sa.UniqueConstraint("reference", name="uq_guest_sessions_reference"),
    )
    op.create_index("ix_guest_sessions_seen_at", "guest_sessions", ["seen_at"])


def downgrade() -> None:
    op.drop_table("guest_sessions")
