"""A cart names what it holds, so that two checkouts of the same content are told apart from two of equal goods."""

import sqlalchemy as sa
from alembic import op

revision = "cart_0006"
down_revision = "cart_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("cart", sa.Column("content_id", sa.String(length=32), nullable=False, server_default=""))
    cart = sa.table("cart", sa.column("id", sa.Integer), sa.column("content_id", sa.String))
    # Unlike any random id of a content that comes later, and unlike each other.
    name = sa.literal("cart-", sa.String).concat(sa.cast(cart.c.id, sa.String(20)))
    op.execute(sa.update(cart).values(content_id=name))


def downgrade() -> None:
    op.drop_column("cart", "content_id")
