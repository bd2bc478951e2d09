"""The table of imported rows takes its present name."""

from storefront.db.renames import rename_table

revision = "cart_0005"
down_revision = "cart_0004"
branch_labels = None
depends_on = None

TABLES = {"arrivals": "imported_rows"}


def upgrade() -> None:
    for old, new in TABLES.items():
        rename_table(old, new)


def downgrade() -> None:
    for old, new in TABLES.items():
        rename_table(new, old)
