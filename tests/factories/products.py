"""What staff do at the product desk, and what tests look up about it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace

import sqlalchemy as sa

from storefront.catalog import service as catalog
from storefront.catalog.models import ALL_CATEGORIES, AuditEntry, BrowseEntry, product_search
from storefront.catalog.products.admin import ProductDraft, ProductRecord, VariantDraft
from storefront.catalog.service import admin
from storefront.db.session import read_session
from tests.factories.catalog import rupees

KEEPER = "keeper@example.com"

_keys = itertools.count(1)


def new_key() -> str:
    return f"{next(_keys):032x}"


def record_of(product_id: int) -> ProductRecord:
    """A product as it stands now."""
    read_session().rollback()
    return admin.get_product_record(product_id)


def change(product_id: int, *, seen: int | None = None, actor: str = KEEPER, **facts: object) -> ProductRecord:
    """Change some facts of a product as it stands now, or as it was at a version."""
    record = record_of(product_id)
    draft = replace(record.draft, **facts)  # type: ignore[arg-type]
    admin.change_product(product_id, draft, seen=record.version if seen is None else seen, actor=actor)
    return record_of(product_id)


def variants(record: ProductRecord, **changes: Callable[[VariantDraft], VariantDraft]) -> tuple[VariantDraft, ...]:
    """The variants of a product, some changed.

    :param changes: by option, or `only` of the one there is
    """
    drafts = [variant.draft for variant in record.variants]
    return tuple(changes.get(draft.option or "only", lambda same: same)(draft) for draft in drafts)


def priced(amount: str | int, compare_at_price: str | int | None = None) -> Callable[[VariantDraft], VariantDraft]:
    return lambda draft: replace(
        draft, price=rupees(amount), compare_at_price=None if compare_at_price is None else rupees(compare_at_price)
    )


def category_id(slug: str) -> int:
    return next(record.id for record in admin.list_categories() if record.slug == slug)


def make_draft(sku: str, *, name: str = "Enamel Mug", price: str | int = 500, stock: int = 4) -> ProductDraft:
    """A product with one variant, as somebody types it in."""
    only = VariantDraft(None, sku, "", rupees(price), stock=stock)
    place = category_id("home-living")
    return ProductDraft(name, "enamel-mug", "Kiln", "For camping.", "", (place,), (("Colour", "Blue"),), (only,))


def acts() -> list[tuple[str, str, str]]:
    """What the staff did to the catalogue, oldest first: what, to what, detail."""
    read_session().rollback()
    rows = read_session().execute(
        sa.select(AuditEntry.what, AuditEntry.subject, AuditEntry.detail).order_by(AuditEntry.id)
    )
    return [(row.what, row.subject, row.detail) for row in rows]


def found_by(words: str) -> set[int]:
    """The products on sale whose words these are, read from the table itself: MySQL matches only what is committed."""
    read_session().rollback()
    listed = sa.select(BrowseEntry.product_id).where(BrowseEntry.category_id == ALL_CATEGORIES)
    rows = read_session().execute(sa.select(product_search.c.product_id, product_search.c.words))
    on_sale = set(read_session().scalars(listed))
    return {row.product_id for row in rows if set(words.split()) <= set(row.words.split())} & on_sale


def faults() -> list[str]:
    """What the doctor finds in the catalogue."""
    read_session().rollback()
    return [*catalog.stock_violations(), *catalog.product_violations(), *catalog.review_violations()]


def coded(barcode: str) -> Callable[[VariantDraft], VariantDraft]:
    return lambda draft: replace(draft, barcode=barcode)
