"""The number of an order may be as long as the contract lets it be."""

from storefront.db.column_resize import resize

revision = "payments_0004"
down_revision = "payments_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    resize("payments", {"order_id": 50})


def downgrade() -> None:
    resize("payments", {"order_id": 32})
