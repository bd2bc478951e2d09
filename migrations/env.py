"""How Alembic runs the migrations of one schema; `storefront/db/migrations.py` says which."""

import sqlalchemy as sa
from alembic import context

from storefront.db.session import db

config = context.config
schema: str = config.attributes["schema"]


def is_compared(thing, name, kind, reflected, compare_to) -> bool:
    """Search tables are made by hand in their migration: FTS5 and FULLTEXT have no common model."""
    if kind == "table":
        return not name.startswith("product_search")
    return True


engine = sa.create_engine(config.attributes["url"], poolclass=sa.NullPool)
with engine.connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=db.metadatas[schema],
        version_table="alembic_version",
        render_as_batch=connection.dialect.name == "sqlite",
        transaction_per_migration=True,
        include_object=is_compared,
    )
    with context.begin_transaction():
        context.run_migrations()
