"""The number of an order may be as long as the contract lets it be."""

from storefront.db.column_resize import resize

revision = "orders_0007"
down_revision = "orders_0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    resize("orders", {"order_id": 50})


def downgrade() -> None:
    resize("orders", {"order_id": 32})
