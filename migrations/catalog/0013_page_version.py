"""The version of everything that pages of the catalogue show."""

import sqlalchemy as sa
from alembic import op

revision = "catalog_0013"
down_revision = "catalog_0012"
branch_labels = None
depends_on = None

SHARDS = 8


def upgrade() -> None:
    table = op.create_table(
        "page_version",
        sa.Column("shard", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("shard", name="pk_page_version"),
    )
    op.bulk_insert(table, [{"shard": shard, "token": 0} for shard in range(SHARDS)])


def downgrade() -> None:
    op.drop_table("page_version")
