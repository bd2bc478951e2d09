"""Synonyms of the search; listings show the lowest price that can be bought; the search index is to be rewritten."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from storefront.core.clock import utc_now

revision = "catalog_0012"
down_revision = "catalog_0011"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")

# The order in which a product takes its price from its variants: those that can be bought, those on sale, all.
RANK = "CASE WHEN v.is_withdrawn = 1 THEN 2 WHEN v.on_hand <= v.reserved THEN 1 ELSE 0 END"
BEFORE = "CASE WHEN v.is_withdrawn = 1 THEN 1 ELSE 0 END"
VARIES = (
    "EXISTS (SELECT 1 FROM variants AS v WHERE v.product_id = products.id AND v.price <> products.price AND "  # noqa: S608
    f"{RANK} = (SELECT MIN({RANK}) FROM variants AS v WHERE v.product_id = products.id))"
)
# What is left for the worker: it splits texts into words by the rules of the code that runs then.
TOPIC = "search-index-outdated"
OUTBOX = sa.table(
    "outbox",
    sa.column("key"),
    sa.column("topic"),
    sa.column("payload", sa.JSON),
    sa.column("attempts"),
    sa.column("last_error"),
    sa.column("created_at", MOMENT),
    sa.column("due_at", MOMENT),
)


def upgrade() -> None:
    op.create_table(
        "search_synonyms",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("phrases", sa.String(length=300), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_search_synonyms"),
        sa.UniqueConstraint("digest", name="uq_search_synonyms_digest"),
    )
    op.add_column("products", sa.Column("price_varies", sa.Boolean(), nullable=False, server_default=sa.false()))
    set_prices(RANK)
    op.execute(f"UPDATE products SET price_varies = 1 WHERE {VARIES}")  # noqa: S608 - constants of this file
    ask_for_index("upgrade")


def downgrade() -> None:
    set_prices(BEFORE)
    op.drop_column("products", "price_varies")
    op.drop_table("search_synonyms")
    op.execute(sa.delete(OUTBOX).where(OUTBOX.c.topic == TOPIC))


def set_prices(rank: str) -> None:
    """Take the prices of products and their listings from the first of their variants by a rank."""
    first = f"FROM variants AS v WHERE v.product_id = products.id ORDER BY {rank}, v.price, v.sort_order, v.id LIMIT 1"
    op.execute(
        f"UPDATE products SET compare_at_price = (SELECT v.compare_at_price {first}), "  # noqa: S608
        f"price = (SELECT v.price {first}) WHERE id IN (SELECT product_id FROM variants)"
    )
    op.execute(
        "UPDATE browse_index SET price = (SELECT price FROM products WHERE products.id = browse_index.product_id)"
    )


def ask_for_index(key: str) -> None:
    """Leave a message for the worker, unless there is nothing to index."""
    bind = op.get_bind()
    if bind.scalar(sa.text("SELECT id FROM products LIMIT 1")) is None:
        return
    now = utc_now().replace(tzinfo=None)
    values = {"key": f"{TOPIC}/{revision}/{key}", "topic": TOPIC, "payload": {}, "attempts": 0, "last_error": ""}
    bind.execute(sa.insert(OUTBOX).values(**values, created_at=now, due_at=now))
