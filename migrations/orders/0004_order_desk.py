"""Orders are searched, packed and sent by the staff: who brings a parcel, what was announced, ways to find an order."""

import sqlalchemy as sa
from alembic import op

revision = "orders_0004"
down_revision = "orders_0003"
branch_labels = None
depends_on = None

INDEXES = {
    "ix_orders_status_order_date": ("orders", ["status", "order_date", "id"]),
    "ix_orders_status_estimated_delivery": ("orders", ["status", "estimated_delivery", "id"]),
    "ix_orders_shipping_full_name": ("orders", ["shipping_full_name"]),
    "ix_order_item_sku": ("order_item", ["sku", "order_id"]),
}


def upgrade() -> None:
    for name in ("carrier", "topic"):
        op.add_column("order_events", sa.Column(name, sa.String(length=40), nullable=False, server_default=""))
    for name, (table, columns) in INDEXES.items():
        op.create_index(name, table, columns)


def downgrade() -> None:
    for name, (table, _) in INDEXES.items():
        op.drop_index(name, table)
    for name in ("topic", "carrier"):
        op.drop_column("order_events", name)
