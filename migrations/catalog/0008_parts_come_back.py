"""Units of a reservation come back one by one."""

import sqlalchemy as sa
from alembic import op

revision = "catalog_0008"
down_revision = "catalog_0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("stock_reservations") as reservations:
        reservations.add_column(sa.Column("returned", sa.Integer(), nullable=False, server_default="0"))
        reservations.create_check_constraint(
            "ck_stock_reservations_returned_within_quantity", "returned >= 0 AND returned <= quantity"
        )
    op.execute("UPDATE stock_reservations SET returned = quantity WHERE state = 'returned'")


def downgrade() -> None:
    with op.batch_alter_table("stock_reservations") as reservations:
        reservations.drop_constraint("ck_stock_reservations_returned_within_quantity", type_="check")
        reservations.drop_column("returned")
