"""Tables and columns take the names of the trade: audit log, units in a return, failed messages."""

from storefront.db.renames import rename_append_only_table, rename_column

revision = "orders_0009"
down_revision = "orders_0008"
branch_labels = None
depends_on = None

COLUMNS = [
    ("outbox", "parked_at", "failed_at"),
    ("order_item", "coming_back", "in_return"),
]


def upgrade() -> None:
    rename_append_only_table("staff_acts", "audit_log", "the audit log is never changed")
    for table, old, new in COLUMNS:
        rename_column(table, old, new)


def downgrade() -> None:
    rename_append_only_table("audit_log", "staff_acts", "acts are never changed")
    for table, old, new in COLUMNS:
        rename_column(table, new, old)
