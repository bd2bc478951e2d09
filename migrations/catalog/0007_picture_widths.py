"""Pictures are kept at several widths, wherever they are stored."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "catalog_0007"
down_revision = "catalog_0006"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
BYTES = sa.LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql", "mariadb")

SIZES = {"products": ("picture_width", "picture_height"), "product_images": ("width", "height")}


def upgrade() -> None:
    for table, columns in SIZES.items():
        for column in columns:
            op.add_column(table, sa.Column(column, sa.Integer(), nullable=False, server_default="256"))
    op.add_column("product_images", sa.Column("removed_at", MOMENT, nullable=True))
    op.create_index("ix_product_images_removed_at", "product_images", ["removed_at"])
    op.create_table(
        "picture_files",
        sa.Column("name", sa.String(length=48), nullable=False),
        sa.Column("content", BYTES, nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("written_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_picture_files"),
    )
    op.create_index("ix_picture_files_written_at", "picture_files", ["written_at"])


def downgrade() -> None:
    op.drop_table("picture_files")
    op.drop_index("ix_product_images_removed_at", "product_images")
    op.drop_column("product_images", "removed_at")
    for table, columns in SIZES.items():
        for column in columns:
            op.drop_column(table, column)
