"""Columns hold as much as the contract lets a client send."""

from storefront.db.column_resize import resize

revision = "orders_0006"
down_revision = "orders_0005"
branch_labels = None
depends_on = None

ROOM = {
    "orders": {
        "shipping_full_name": 255,
        "shipping_address_line1": 500,
        "shipping_address_line2": 500,
        "shipping_city": 100,
        "shipping_state": 100,
        "shipping_zip_code": 20,
        "shipping_country": 100,
    },
    "order_item": {"sku": 100, "product_name": 500},
}
BEFORE = {
    "orders": {
        "shipping_full_name": 120,
        "shipping_address_line1": 160,
        "shipping_address_line2": 160,
        "shipping_city": 80,
        "shipping_state": 80,
        "shipping_zip_code": 16,
        "shipping_country": 60,
    },
    "order_item": {"sku": 64, "product_name": 160},
}


def upgrade() -> None:
    for table, lengths in ROOM.items():
        resize(table, lengths)


def downgrade() -> None:
    for table, lengths in BEFORE.items():
        resize(table, lengths)
