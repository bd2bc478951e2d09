"""Messages of one topic are found by an index: one-time codes are looked for before all others."""

from alembic import op

revision = "accounts_0009"
down_revision = "accounts_0008"
branch_labels = None
depends_on = None

NAME = "ix_outbox_topic_delivered_at_due_at"


def upgrade() -> None:
    op.create_index(NAME, "outbox", ["topic", "delivered_at", "due_at"])


def downgrade() -> None:
    op.drop_index(NAME, "outbox")
