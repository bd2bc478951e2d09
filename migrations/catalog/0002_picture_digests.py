"""Pictures are known by what they show: the same one is kept once a product."""

import sqlalchemy as sa
from alembic import op

revision = "catalog_0002"
down_revision = "catalog_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("product_images", sa.Column("digest", sa.String(length=64), nullable=True))
    op.create_index("ix_product_images_product_id_digest", "product_images", ["product_id", "digest"], unique=True)


def downgrade() -> None:
    op.drop_index("ix_product_images_product_id_digest", "product_images")
    op.drop_column("product_images", "digest")
