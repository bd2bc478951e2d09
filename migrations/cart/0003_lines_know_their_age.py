"""A line knows since when it is there: units sent twice after a sign-in are told from units added twice."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "cart_0003"
down_revision = "cart_0002"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def upgrade() -> None:
    op.add_column("cart_item", sa.Column("began_at", MOMENT, nullable=False, server_default="2000-01-01 00:00:00"))


def downgrade() -> None:
    op.drop_column("cart_item", "began_at")
