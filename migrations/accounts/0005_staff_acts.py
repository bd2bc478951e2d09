"""What the staff did to accounts is noted beside it, and the database refuses to change the note."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "accounts_0005"
down_revision = "accounts_0004"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def upgrade() -> None:
    op.create_table(
        "staff_acts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("what", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=254), nullable=False),
        sa.Column("detail", sa.String(length=500), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_staff_acts"),
    )
    for column in ("at", "actor", "subject"):
        op.create_index(f"ix_staff_acts_{column}", "staff_acts", [column])
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for verb in ("UPDATE", "DELETE"):
        refusal = (
            "BEGIN SELECT RAISE(ABORT, 'acts are never changed'); END"
            if is_sqlite
            else "FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'acts are never changed'"
        )
        op.execute(f"CREATE TRIGGER staff_acts_no_{verb.lower()} BEFORE {verb} ON staff_acts {refusal}")


def downgrade() -> None:
    op.drop_table("staff_acts")
