"""What came over from the old system is noted, and columns hold as much as the contract lets a client send."""

import sqlalchemy as sa
from alembic import op

from storefront.db.column_resize import resize

revision = "cart_0004"
down_revision = "cart_0003"
branch_labels = None
depends_on = None

ROOM = {
    "cart_item": {"variant": 100},
}
BEFORE = {
    "cart_item": {"variant": 64},
}


def upgrade() -> None:
    op.create_table(
        "arrivals",
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("old_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("kind", "old_id", name="pk_arrivals"),
    )
    for table, lengths in ROOM.items():
        resize(table, lengths)


def downgrade() -> None:
    for table, lengths in BEFORE.items():
        resize(table, lengths)
    op.drop_table("arrivals")
