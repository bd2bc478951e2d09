"""A cart remembers the checkout whose goods were taken out of it last, so that none is taken out twice."""

import sqlalchemy as sa
from alembic import op

revision = "cart_0002"
down_revision = "cart_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("cart", sa.Column("cleared_for", sa.String(length=36), nullable=True))


def downgrade() -> None:
    op.drop_column("cart", "cleared_for")
