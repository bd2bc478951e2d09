"""The table that tells a double click from a second order takes its present name."""

from storefront.db.renames import rename_table

revision = "checkout_0003"
down_revision = "checkout_0002"
branch_labels = None
depends_on = None

TABLES = {"twins": "duplicate_orders"}


def upgrade() -> None:
    for old, new in TABLES.items():
        rename_table(old, new)


def downgrade() -> None:
    for old, new in TABLES.items():
        rename_table(new, old)
