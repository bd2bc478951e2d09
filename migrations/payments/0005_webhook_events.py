"""Tables and columns take the names of the trade: webhook events, failed messages."""

from storefront.db.renames import rename_column, rename_table

revision = "payments_0005"
down_revision = "payments_0004"
branch_labels = None
depends_on = None

TABLES = {"payment_events": "webhook_events"}
COLUMNS = [
    ("outbox", "parked_at", "failed_at"),
]


def upgrade() -> None:
    for old, new in TABLES.items():
        rename_table(old, new)
    for table, old, new in COLUMNS:
        rename_column(table, old, new)


def downgrade() -> None:
    for old, new in TABLES.items():
        rename_table(new, old)
    for table, old, new in COLUMNS:
        rename_column(table, new, old)
