"""Reviews can be hidden and found helpful; an outbox, for the word that something is back in stock."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "catalog_0003"
down_revision = "catalog_0002"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def upgrade() -> None:
    op.add_column("reviews", sa.Column("is_hidden", sa.Boolean(), nullable=False, server_default=sa.false()))
    shown = ["product_id", "is_hidden", "created_at"]
    op.create_index("ix_reviews_product_id_is_hidden_created_at", "reviews", shown)
    op.create_index("ix_reviews_user_id", "reviews", ["user_id"])
    op.drop_index("ix_reviews_product_id_created_at", "reviews")
    op.create_table(
        "review_votes",
        sa.Column("review_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["review_id"], ["reviews.id"], name="fk_review_votes_review_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("review_id", "user_id", name="pk_review_votes"),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("topic", sa.String(length=40), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.String(length=255), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("lease_owner", sa.String(length=36), nullable=True),
        sa.Column("delivered_at", MOMENT, nullable=True),
        sa.Column("parked_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sa.UniqueConstraint("key", name="uq_outbox_key"),
    )
    op.create_index("ix_outbox_delivered_at", "outbox", ["delivered_at"])
    op.create_index("ix_outbox_due_at", "outbox", ["due_at"])


def downgrade() -> None:
    op.drop_table("outbox")
    op.drop_table("review_votes")
    op.create_index("ix_reviews_product_id_created_at", "reviews", ["product_id", "created_at"])
    op.drop_index("ix_reviews_user_id", "reviews")
    op.drop_index("ix_reviews_product_id_is_hidden_created_at", "reviews")
    op.drop_column("reviews", "is_hidden")
