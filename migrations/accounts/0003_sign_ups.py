"""Sign-ups that are not finished, and which sign-ins passed a second factor."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "accounts_0003"
down_revision = "accounts_0002"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def upgrade() -> None:
    with op.batch_alter_table("sessions") as sessions:
        sessions.add_column(sa.Column("has_second_factor", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "sign_ups",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("phone", sa.String(length=32), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("user_id", name="pk_sign_ups"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_sign_ups_user_id", ondelete="CASCADE"),
        sa.UniqueConstraint("email", name="uq_sign_ups_email"),
    )
    op.create_index("ix_sign_ups_created_at", "sign_ups", ["created_at"])


def downgrade() -> None:
    op.execute("DELETE FROM users WHERE id IN (SELECT user_id FROM sign_ups)")
    op.drop_table("sign_ups")
    with op.batch_alter_table("sessions") as sessions:
        sessions.drop_column("has_second_factor")
