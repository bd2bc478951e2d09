"""Accounts can be deleted: their ids are never given to another, and a code can be good for a deletion."""

from alembic import op

revision = "accounts_0004"
down_revision = "accounts_0003"
branch_labels = None
depends_on = None

ROLE = "role IN ('customer', 'stock', 'orders', 'admin')"
PURPOSE = "purpose IN ('register', 'sign-in', 'reset', 'email', 'phone')"
NEW_PURPOSE = "purpose IN ('register', 'sign-in', 'reset', 'email', 'phone', 'deletion')"


def _number_users(*, is_never_reused: bool) -> None:
    """SQLite gives the id of a row deleted last to the next one, unless told not to; others never do.

    Its table is made anew for that, and Alembic would give the check another name: it is said again.
    """
    if op.get_bind().dialect.name == "sqlite":
        options = {"sqlite_autoincrement": is_never_reused}
        with op.batch_alter_table("users", recreate="always", table_kwargs=options) as users:
            users.drop_constraint("ck_users_role", type_="check")
            users.create_check_constraint("ck_users_role", ROLE)


def _allow_purposes(condition: str) -> None:
    with op.batch_alter_table("otp_codes") as otp_codes:
        otp_codes.drop_constraint("ck_otp_codes_purpose", type_="check")
        otp_codes.create_check_constraint("ck_otp_codes_purpose", condition)


def upgrade() -> None:
    _number_users(is_never_reused=True)
    _allow_purposes(NEW_PURPOSE)


def downgrade() -> None:
    op.execute("DELETE FROM otp_codes WHERE purpose = 'deletion'")
    _allow_purposes(PURPOSE)
    _number_users(is_never_reused=False)
