"""Tables and columns take the names of the trade: audit log, compare-at price, reorder level."""

from storefront.db.renames import rename_append_only_table, rename_column, rename_index, rename_table

revision = "catalog_0010"
down_revision = "catalog_0009"
branch_labels = None
depends_on = None

TABLES = {"arrivals": "imported_rows", "product_submits": "idempotency_keys"}
COLUMNS = [
    ("outbox", "parked_at", "failed_at"),
    ("products", "was", "compare_at_price"),
    ("variants", "was", "compare_at_price"),
    ("variants", "is_sold", "is_sellable"),
    ("variants", "is_low_told", "low_stock_notified"),
    ("variants", "low_level", "reorder_level"),
    ("variants", "shelf", "stock_status"),
    ("price_changes", "was", "compare_at_price"),
    ("price_changes", "old_was", "old_compare_at_price"),
]
INDEXES = {
    "ix_variants_shelf_days_left": "ix_variants_stock_status_days_left",
    "ix_variants_shelf_sku": "ix_variants_stock_status_sku",
}


def upgrade() -> None:
    rename_append_only_table("staff_acts", "audit_log", "the audit log is never changed")
    for old, new in TABLES.items():
        rename_table(old, new)
    for table, old, new in COLUMNS:
        rename_column(table, old, new)
    for old, new in INDEXES.items():
        rename_index("variants", old, new)


def downgrade() -> None:
    rename_append_only_table("audit_log", "staff_acts", "acts are never changed")
    for old, new in TABLES.items():
        rename_table(new, old)
    for table, old, new in COLUMNS:
        rename_column(table, new, old)
    for old, new in INDEXES.items():
        rename_index("variants", new, old)
