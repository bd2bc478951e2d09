"""Tables and columns take the names of the trade: audit log, imported rows, failed messages."""

from storefront.db.renames import rename_append_only_table, rename_column, rename_table

revision = "accounts_0007"
down_revision = "accounts_0006"
branch_labels = None
depends_on = None

TABLES = {"arrivals": "imported_rows"}
COLUMNS = [
    ("outbox", "parked_at", "failed_at"),
]


def upgrade() -> None:
    rename_append_only_table("staff_acts", "audit_log", "the audit log is never changed")
    for old, new in TABLES.items():
        rename_table(old, new)
    for table, old, new in COLUMNS:
        rename_column(table, old, new)


def downgrade() -> None:
    rename_append_only_table("audit_log", "staff_acts", "acts are never changed")
    for old, new in TABLES.items():
        rename_table(new, old)
    for table, old, new in COLUMNS:
        rename_column(table, new, old)
