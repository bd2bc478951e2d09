"""A payment names the saved payment method that it was made with."""

import sqlalchemy as sa
from alembic import op

revision = "payments_0006"
down_revision = "payments_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("payments", sa.Column("saved_method", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("payments", "saved_method")
