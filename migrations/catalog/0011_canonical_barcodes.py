"""Barcodes take one spelling each; stock imports keep the rows that were not applied, and count repeats of a file."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "catalog_0011"
down_revision = "catalog_0010"
branch_labels = None
depends_on = None

LONG_TEXT = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")
WRITTEN = (8, 13, 14)


def upgrade() -> None:
    spell_barcodes(op.get_bind())  # before the columns, since MariaDB does not roll them back
    op.add_column("stock_imports", sa.Column("header", LONG_TEXT, nullable=True))
    op.add_column("stock_imports", sa.Column("occurrence", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("stock_import_lines", sa.Column("cells", LONG_TEXT, nullable=True))


def spell_barcodes(connection: sa.Connection) -> None:
    """Write each valid barcode number with 8, 13 or 14 digits.

    One that another variant has in another spelling stays as it is, for `doctor` to report: only the shop knows whose
    it is. So does one with a wrong check digit, which is found as it is written.
    """
    variants = sa.table("variants", sa.column("id", sa.Integer), sa.column("barcode", sa.String))
    rows = connection.execute(sa.select(variants.c.id, variants.c.barcode).where(variants.c.barcode.is_not(None)))
    stored = {row.barcode: row.id for row in rows.all()}
    for barcode, variant_id in stored.copy().items():
        written = canonical(barcode)
        if written and written not in stored:
            change = sa.update(variants).where(variants.c.id == variant_id).values(barcode=written)
            connection.execute(change)
            stored[written] = variant_id


def canonical(digits: str) -> str | None:
    """As `storefront.core.gtin` did when this was written."""
    number = digits.lstrip("0")
    if not digits.isascii() or not digits.isdigit() or len(digits) not in {8, 12, 13, 14} or not number:
        return None
    if (sum(map(int, digits[-1::-2])) + 3 * sum(map(int, digits[-2::-2]))) % 10:
        return None
    return number.zfill(next(length for length in WRITTEN if len(number) <= length))


def downgrade() -> None:
    op.drop_column("stock_import_lines", "cells")
    op.drop_column("stock_imports", "occurrence")
    op.drop_column("stock_imports", "header")
