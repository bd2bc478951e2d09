"""Orders come back undelivered, are closed when all of them is refunded, and their cash on delivery is noted.

The cash of delivered orders counts as received, as the API and the refunds have always taken it: whoever kept these
books kept them elsewhere. Their payments stay as they are.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "orders_0010"
down_revision = "orders_0009"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
BEFORE = "status IN ('pending', 'confirmed', 'processing', 'shipped', 'delivered', 'cancelled')"
AFTER = BEFORE.replace("'cancelled'", "'cancelled', 'undelivered', 'refunded'")
TABLES = ("orders", "order_events")
TOPIC = "order-cash-received"


# Only constants of this module are put into these statements.
DELIVERED = "SELECT MIN(at) FROM order_events WHERE order_events.order_id = orders.id AND status = 'delivered'"
RECEIVED = (
    f"UPDATE orders SET cash_received_at = COALESCE(({DELIVERED}), order_date) "  # noqa: S608
    "WHERE payment_type = 'cod' AND status = 'delivered'"
)
# What an order and its timeline were before the order was closed as refunded.
BEFORE_REFUND = (
    "UPDATE {table} SET status = (SELECT known.status FROM (SELECT id, order_id, status FROM order_events) AS known "
    "WHERE known.order_id = {order} AND known.status <> 'refunded' ORDER BY known.id DESC LIMIT 1) "
    "WHERE status = 'refunded'"
)


def upgrade() -> None:
    _check(AFTER)
    op.add_column("orders", sa.Column("cash_received_at", MOMENT, nullable=True))
    op.create_index("ix_orders_cash", "orders", ["payment_type", "cash_received_at", "status"])
    op.execute(RECEIVED)


def downgrade() -> None:
    op.execute(f"DELETE FROM outbox WHERE topic = '{TOPIC}'")  # noqa: S608
    op.drop_index("ix_orders_cash", "orders")
    with op.batch_alter_table("orders") as orders:
        orders.drop_column("cash_received_at")
    for table, order in (("orders", "orders.id"), ("order_events", "order_events.order_id")):
        op.execute(f"UPDATE {table} SET status = 'cancelled' WHERE status = 'undelivered'")  # noqa: S608
        op.execute(BEFORE_REFUND.format(table=table, order=order))
    _check(BEFORE)


def _check(statuses: str) -> None:
    for table in TABLES:
        with op.batch_alter_table(table) as changed:
            changed.drop_constraint(f"ck_{table}_status", type_="check")
            changed.create_check_constraint(f"ck_{table}_status", statuses)
