"""A sign-in that waits for the code of its second factor is a session, so that it ends like one."""

import sqlalchemy as sa
from alembic import op

revision = "accounts_0011"
down_revision = "accounts_0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("sessions") as sessions:
        sessions.add_column(sa.Column("is_pending", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    op.execute("DELETE FROM sessions WHERE is_pending = 1")
    with op.batch_alter_table("sessions") as sessions:
        sessions.drop_column("is_pending")
