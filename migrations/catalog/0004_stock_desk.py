"""What the stock desk reads and writes: levels, sales of a month, what follows from both; undoing; imported files."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "catalog_0004"
down_revision = "catalog_0003"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")

AVAILABLE = "on_hand - reserved"
SHELF = (
    "CASE WHEN is_sold = 0 THEN 3 WHEN on_hand - reserved <= 0 THEN 0 "
    "WHEN on_hand - reserved <= low_level THEN 1 ELSE 2 END"
)
DAYS_LEFT = (
    "CASE WHEN sold_30 > 0 THEN ((on_hand - reserved) * 30 - ((on_hand - reserved) * 30) % sold_30) / sold_30 "
    "ELSE 99999999 END"
)

VARIANT_INDEXES = {
    "ix_variants_available": ["available", "id"],
    "ix_variants_days_left": ["days_left", "id"],
    "ix_variants_reserved": ["reserved", "id"],
    "ix_variants_shelf_days_left": ["shelf", "days_left", "id"],
    "ix_variants_shelf_sku": ["shelf", "sku"],
    "ix_variants_sold_30": ["sold_30", "id"],
    "ix_variants_title": ["title", "id"],
}
LEDGER_INDEXES = {
    "ix_stock_movements_actor": ["actor", "created_at", "id"],
    "ix_stock_movements_created_at": ["created_at", "id"],
    "ix_stock_movements_reason": ["reason", "created_at", "id"],
    "ix_stock_movements_reference": ["reference"],
    "ix_stock_movements_variant_id": ["variant_id", "id"],
}


def upgrade() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    extend_variants(is_sqlite)
    extend_ledger(is_sqlite)
    create_imports()


def extend_variants(is_sqlite: bool) -> None:
    plain = (
        sa.Column("title", sa.String(length=242), nullable=False, server_default=""),
        sa.Column("low_level", sa.Integer(), nullable=False, server_default="5"),
        sa.Column("is_low_told", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("sold_30", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("is_sold", sa.Boolean(), nullable=False, server_default=sa.true()),
    )
    for column in plain:
        op.add_column("variants", column)
    # SQLite cannot add a stored column; an index of it is kept all the same. MariaDB's stored ones are the sturdier.
    for name, rule in (("available", AVAILABLE), ("shelf", SHELF), ("days_left", DAYS_LEFT)):
        op.add_column(
            "variants", sa.Column(name, sa.Integer(), sa.Computed(rule, persisted=not is_sqlite), nullable=True)
        )
    op.execute(
        "UPDATE variants SET is_low_told = CASE WHEN on_hand - reserved <= low_level THEN 1 ELSE 0 END, "  # noqa: S608
        "is_sold = (SELECT active FROM products WHERE products.id = variants.product_id), "
        f"title = (SELECT {title(is_sqlite)} FROM products WHERE products.id = variants.product_id)"
    )
    for name, columns in VARIANT_INDEXES.items():
        op.create_index(name, "variants", columns)


def title(is_sqlite: bool) -> str:
    """The name of a product with that of a variant, in the words of each database."""
    if is_sqlite:
        return "products.name || CASE WHEN variants.name = '' THEN '' ELSE ', ' || variants.name END"
    return "CONCAT(products.name, CASE WHEN variants.name = '' THEN '' ELSE CONCAT(', ', variants.name) END)"


def extend_ledger(is_sqlite: bool) -> None:
    """Columns are added in place: a table written anew would lose the triggers that keep it."""
    op.add_column("stock_movements", sa.Column("note", sa.String(length=200), nullable=False, server_default=""))
    op.add_column("stock_movements", sa.Column("undoes_id", sa.Integer(), nullable=True))
    op.create_index("ix_stock_movements_undoes_id", "stock_movements", ["undoes_id"], unique=True)
    for name, columns in LEDGER_INDEXES.items():
        op.create_index(name, "stock_movements", columns)


def create_imports() -> None:
    op.create_table(
        "stock_imports",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("file_name", sa.String(length=120), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("line_count", sa.Integer(), nullable=False),
        sa.Column("change_count", sa.Integer(), nullable=False),
        sa.Column("problem_count", sa.Integer(), nullable=False),
        sa.Column("lease_owner", sa.String(length=36), nullable=True),
        sa.Column("lease_until", MOMENT, nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("finished_at", MOMENT, nullable=True),
        sa.CheckConstraint(
            "state IN ('reading', 'checked', 'waiting', 'applying', 'applied', 'refused')",
            name="ck_stock_imports_state",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_stock_imports"),
    )
    op.create_index("ix_stock_imports_state", "stock_imports", ["state"])
    op.create_table(
        "stock_import_lines",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("import_id", sa.Integer(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("sku", sa.String(length=64), nullable=False),
        sa.Column("variant_id", sa.Integer(), nullable=True),
        sa.Column("product_id", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(length=24), nullable=False),
        sa.Column("is_count", sa.Boolean(), nullable=False),
        sa.Column("seen", sa.Integer(), nullable=False),
        sa.Column("delta", sa.Integer(), nullable=True),
        sa.Column("level", sa.Integer(), nullable=True),
        sa.Column("seen_level", sa.Integer(), nullable=False),
        sa.Column("problem", sa.String(length=24), nullable=False),
        sa.Column("detail", sa.String(length=80), nullable=False),
        sa.ForeignKeyConstraint(
            ["import_id"], ["stock_imports.id"], name="fk_stock_import_lines_import_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_stock_import_lines"),
    )
    op.create_index("ix_stock_import_lines_import_id_line", "stock_import_lines", ["import_id", "line"])
    op.create_index("ix_stock_import_lines_import_id_product_id", "stock_import_lines", ["import_id", "product_id"])
    op.create_index(
        "ix_stock_import_lines_import_id_variant_id",
        "stock_import_lines",
        ["import_id", "variant_id"],
        unique=True,
    )


def downgrade() -> None:
    op.drop_table("stock_import_lines")
    op.drop_table("stock_imports")
    op.drop_index("ix_stock_movements_undoes_id", "stock_movements")
    for name in LEDGER_INDEXES:
        op.drop_index(name, "stock_movements")
    op.drop_column("stock_movements", "undoes_id")
    op.drop_column("stock_movements", "note")
    for name in VARIANT_INDEXES:
        op.drop_index(name, "variants")
    for name in ("days_left", "shelf", "available", "is_sold", "sold_30", "is_low_told", "low_level", "title"):
        op.drop_column("variants", name)
