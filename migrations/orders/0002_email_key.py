"""Orders know the e-mail address they were placed with as accounts know theirs: lower case, ASCII."""

import sqlalchemy as sa
from alembic import op

revision = "orders_0002"
down_revision = "orders_0001"
branch_labels = None
depends_on = None

ORDERS = sa.table("orders", sa.column("id"), sa.column("customer_email"), sa.column("email_key"))


def _key(email: str) -> str:
    name, _, domain = email.lower().rpartition("@")
    try:
        return f"{name}@{domain.encode('idna').decode()}"
    except UnicodeError:
        return ""


def upgrade() -> None:
    op.add_column("orders", sa.Column("email_key", sa.String(length=254), nullable=False, server_default=""))
    op.create_index("ix_orders_email_key", "orders", ["email_key"])
    op.execute("UPDATE orders SET email_key = LOWER(customer_email)")
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    letters, size = (
        ("LENGTH", "LENGTH(CAST(customer_email AS BLOB))") if is_sqlite else ("CHAR_LENGTH", "LENGTH(customer_email)")
    )
    not_ascii = sa.text(f"SELECT id, customer_email FROM orders WHERE {letters}(customer_email) <> {size}")  # noqa: S608
    for identity, email in op.get_bind().execute(not_ascii).all():
        op.execute(ORDERS.update().where(ORDERS.c.id == identity).values(email_key=_key(email)))


def downgrade() -> None:
    op.drop_index("ix_orders_email_key", "orders")
    op.drop_column("orders", "email_key")
