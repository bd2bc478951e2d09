"""Messages that left are counted per recipient."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "accounts_0008"
down_revision = "accounts_0007"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def upgrade() -> None:
    op.create_table(
        "sent_mails",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("recipient", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("sent_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sent_mails"),
        sa.UniqueConstraint("key", name="uq_sent_mails_key"),
    )
    op.create_index("ix_sent_mails_recipient_kind_sent_at", "sent_mails", ["recipient", "kind", "sent_at"])
    op.create_index("ix_sent_mails_sent_at", "sent_mails", ["sent_at"])


def downgrade() -> None:
    op.drop_table("sent_mails")
