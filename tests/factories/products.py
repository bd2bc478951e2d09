"""Changes of products by staff, and queries on products for tests."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace

import sqlalchemy as sa

from storefront.catalog import products
from storefront.catalog import service as catalog
from storefront.catalog.models import ALL_CATEGORIES, AuditEntry, BrowseEntry, product_search
from storefront.catalog.products.admin import ProductDraft, ProductRecord, VariantDraft
from storefront.db.session import read_session
from tests.factories.catalog import rupees

KEEPER = "keeper@example.com"

_keys = itertools.count(1)


def new_key() -> str:
    return f"{next(_keys):032x}"


def record_of(product_id: int) -> ProductRecord:
    """The current record of a product."""
    read_session().rollback()
    return products.admin.get_product_record(product_id)


def change(product_id: int, *, seen: int | None = None, actor: str = KEEPER, **facts: object) -> ProductRecord:
    """Change some facts of a product.

    :param seen: version that the staff saw, the current one by default
    """
    record = record_of(product_id)
    draft = replace(record.draft, **facts)  # type: ignore[arg-type]
    products.admin.change_product(product_id, draft, seen=record.version if seen is None else seen, actor=actor)
    return record_of(product_id)


def variants(record: ProductRecord, **changes: Callable[[VariantDraft], VariantDraft]) -> tuple[VariantDraft, ...]:
    """The drafts of a product's variants, some of them changed.

    :param changes: by option; `only` for a product with one variant
    """
    drafts = [variant.draft for variant in record.variants]
    return tuple(changes.get(draft.option or "only", lambda same: same)(draft) for draft in drafts)


def priced(amount: str | int, compare_at_price: str | int | None = None) -> Callable[[VariantDraft], VariantDraft]:
    return lambda draft: replace(
        draft, price=rupees(amount), compare_at_price=None if compare_at_price is None else rupees(compare_at_price)
    )


def category_id(slug: str) -> int:
    return next(record.id for record in products.admin.list_categories() if record.slug == slug)


def make_draft(sku: str, *, name: str = "Enamel Mug", price: str | int = 500, stock: int = 4) -> ProductDraft:
    """The draft of a product with one variant."""
    only = VariantDraft(None, sku, "", rupees(price), stock=stock)
    place = category_id("home-living")
    return ProductDraft(name, "enamel-mug", "Kiln", "For camping.", "", (place,), (("Colour", "Blue"),), (only,))


def acts() -> list[tuple[str, str, str]]:
    """The catalog's audit log, oldest first: action, subject and detail of each entry."""
    read_session().rollback()
    rows = read_session().execute(
        sa.select(AuditEntry.what, AuditEntry.subject, AuditEntry.detail).order_by(AuditEntry.id)
    )
    return [(row.what, row.subject, row.detail) for row in rows]


def found_by(words: str) -> set[int]:
    """Ids of products on sale whose search text has all these words.

    It reads the search table itself, because MySQL's full-text search only finds committed rows.
    """
    read_session().rollback()
    listed = sa.select(BrowseEntry.product_id).where(BrowseEntry.category_id == ALL_CATEGORIES)
    rows = read_session().execute(sa.select(product_search.c.product_id, product_search.c.words))
    on_sale = set(read_session().scalars(listed))
    return {row.product_id for row in rows if set(words.split()) <= set(row.words.split())} & on_sale


def faults() -> list[str]:
    """Consistency violations of the catalog."""
    read_session().rollback()
    return [*catalog.stock_violations(), *catalog.product_violations(), *catalog.review_violations()]


def coded(barcode: str) -> Callable[[VariantDraft], VariantDraft]:
    return lambda draft: replace(draft, barcode=barcode)
