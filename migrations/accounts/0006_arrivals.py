"""What came over from the old system is noted; a sign-up may be of a phone alone; columns hold what may be sent."""

import sqlalchemy as sa
from alembic import op

from storefront.db.column_resize import resize

revision = "accounts_0006"
down_revision = "accounts_0005"
branch_labels = None
depends_on = None

ROOM = {
    "users": {"name": 255, "avatar": 500},
    "addresses": {
        "full_name": 255,
        "line1": 500,
        "line2": 500,
        "city": 100,
        "state": 100,
        "postal_code": 20,
        "country": 100,
    },
    "wishlist": {"variant": 100},
    "stock_notices": {"variant": 100},
}
BEFORE = {
    "users": {"name": 120, "avatar": 255},
    "addresses": {
        "full_name": 120,
        "line1": 160,
        "line2": 160,
        "city": 80,
        "state": 80,
        "postal_code": 16,
        "country": 60,
    },
    "wishlist": {"variant": 64},
    "stock_notices": {"variant": 64},
}


def upgrade() -> None:
    op.create_table(
        "arrivals",
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("old_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("kind", "old_id", name="pk_arrivals"),
    )
    for table, lengths in ROOM.items():
        resize(table, lengths)
    with op.batch_alter_table("sign_ups") as sign_ups:
        sign_ups.alter_column("email", existing_type=sa.String(length=254), nullable=True)


def downgrade() -> None:
    op.execute("DELETE FROM sign_ups WHERE email IS NULL")
    with op.batch_alter_table("sign_ups") as sign_ups:
        sign_ups.alter_column("email", existing_type=sa.String(length=254), nullable=False)
    for table, lengths in BEFORE.items():
        resize(table, lengths)
    op.drop_table("arrivals")
