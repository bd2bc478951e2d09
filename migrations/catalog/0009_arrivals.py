"""What came over from the old system is noted, and columns hold as much as the contract lets a client send."""

import sqlalchemy as sa
from alembic import op

from storefront.db.column_resize import resize

revision = "catalog_0009"
down_revision = "catalog_0008"
branch_labels = None
depends_on = None

ROOM = {
    "products": {"sku": 100, "name": 500, "brand": 255},
    "variants": {"sku": 100, "title": 582},
    "browse_index": {"brand": 255},
    "reviews": {"title": 500},
    "stock_movements": {"reference": 100},
    "stock_import_lines": {"sku": 100},
}
BEFORE = {
    "products": {"sku": 64, "name": 160, "brand": 80},
    "variants": {"sku": 64, "title": 242},
    "browse_index": {"brand": 80},
    "reviews": {"title": 120},
    "stock_movements": {"reference": 64},
    "stock_import_lines": {"sku": 64},
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
