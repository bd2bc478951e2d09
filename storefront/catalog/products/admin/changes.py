"""Creates, changes, publishes and hides products, with optimistic locking by the product's version."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from storefront.catalog.inventory.availability import refresh_products
from storefront.catalog.inventory.ledger import record_movement
from storefront.catalog.listing.read_model import lock_products, reindex
from storefront.catalog.models import AuditEntry, Product, ProductCategory, Spec, Variant
from storefront.catalog.products.admin.audit_messages import changes_of
from storefront.catalog.products.admin.detail import get_product_record
from storefront.catalog.products.admin.validation import find_problems
from storefront.catalog.products.admin.values import (
    DraftRefused,
    Problem,
    ProductConflict,
    ProductDraft,
    ProductRecord,
    VariantDraft,
    VariantState,
)
from storefront.catalog.products.create import NewProduct, NewVariant, add_product
from storefront.catalog.products.idempotency import lookup
from storefront.catalog.values import LOW_STOCK, ProductId, Sku, SkuTaken, UnknownCategory
from storefront.core.clock import today
from storefront.db import audit_log
from storefront.db.session import retry_on_deadlock, rows_changed, transaction

INITIAL = "initial"  # reason of the movement of a new variant's stock
_names = select(Product.id, Product.sku, Product.name)


def create_product(sku: str, draft: ProductDraft, *, is_published: bool, key: str, actor: str) -> ProductId:
    """Create a product.

    :param is_published: whether it is on sale at once
    :param key: idempotency key; a repeat returns the product created first
    :raise DraftRefused: the draft is invalid; it has the problems by field
    """
    new = NewProduct(
        sku=Sku(sku),
        name=draft.name,
        brand=draft.brand,
        description=draft.description,
        categories=(),
        variants=tuple(
            NewVariant(Sku(v.sku), v.option, v.price, v.stock, v.barcode, v.compare_at_price) for v in draft.variants
        ),
        published_on=today(),
        option_name=draft.option_name,
        specs=draft.specs,
        slug=draft.slug,
        is_published=is_published,
    )
    # The key is looked up after the checks: a concurrent request with the same key may have just created this SKU.
    if (problems := find_problems(draft, sku, None)) and lookup(key) is None:
        raise DraftRefused(problems)
    try:
        return add_product(new, draft.categories, actor=actor, key=key)
    except (IntegrityError, SkuTaken, UnknownCategory) as error:  # changed by another transaction after the checks
        if refusal := _refusal(error, find_problems(draft, sku, None)):
            raise refusal from error
        raise


def _refusal(error: Exception, problems: Mapping[str, Problem]) -> DraftRefused | None:
    """Explain a write that the database refused; None when nothing explains it.

    :param problems: of a second validation
    """
    if not problems and "product_specs" in (getattr(error, "statement", "") or ""):
        problems = {"specs": Problem.SPEC_ALIKE}  # collations differ: to MariaDB "Fuß" and "Fus" are equal
    return DraftRefused(problems) if problems else None


def change_product(product_id: int, draft: ProductDraft, *, seen: int, actor: str) -> None:
    """Change a product to a draft. Variants that the draft leaves out are unchanged.

    :param seen: the version that the draft was made from
    :raise UnknownProduct: no product has this id
    :raise ProductConflict: it was changed meanwhile, and not to the same values
    :raise DraftRefused: the draft is invalid; it has the problems by field
    """
    try:
        _change(product_id, draft, seen, actor)
    except IntegrityError as error:  # another transaction took a SKU or barcode after the checks
        record = get_product_record(product_id)
        if refusal := _refusal(error, find_problems(_completed(record, draft), record.sku, record)):
            raise refusal from error
        raise


@retry_on_deadlock
def _change(product_id: int, draft: ProductDraft, seen: int, actor: str) -> None:
    with transaction("catalog") as session:
        lock_products(session, [product_id])
        record = get_product_record(product_id)
        draft = _completed(record, draft)
        if _is_done(record, draft):
            return
        if not _increment_version(session, product_id, seen):
            raise ProductConflict(record)
        if problems := find_problems(draft, record.sku, record):
            raise DraftRefused(problems)
        _write_product(session, record, draft)
        _write_specs(session, record, draft)
        _write_categories(session, record, draft)
        _write_variants(session, record, draft, actor)
        refresh_products(session, [product_id])
        reindex(session, [product_id])
        for what, subject, detail in changes_of(record, draft):
            audit_log.record(session, AuditEntry, actor=actor, what=what, subject=subject, detail=detail)


def _increment_version(session: Session, product_id: int, seen: int) -> bool:
    """Increment the version; False when it is not the one that was seen."""
    unchanged = update(Product).where(Product.id == product_id, Product.version == seen).values(version=seen + 1)
    return bool(rows_changed(session.execute(unchanged)))


def _completed(record: ProductRecord, draft: ProductDraft) -> ProductDraft:
    """Add the product's variants that a draft leaves out.

    :raise DraftRefused: the draft has a variant that does not belong to the product any more
    """
    known = {variant.id: variant for variant in record.variants}
    by_sku = {variant.sku: variant for variant in record.variants}
    variants: list[VariantDraft] = []
    for i, variant in enumerate(draft.variants):
        if (
            variant.id is None
            and variant.sku in by_sku
            and replace(variant, id=by_sku[variant.sku].id, stock=0) == (by_sku[variant.sku].draft)
        ):
            variants.append(by_sku[variant.sku].draft)  # a repeat of the form that added this variant
        elif variant.id is not None and variant.id not in known and variant.state is not VariantState.DELETED:
            raise DraftRefused({f"variants.{i}.sku": Problem.MISSING})
        elif variant.id is None or variant.id in known:
            own = known.get(variant.id or 0)
            variants.append(replace(variant, sku=own.sku) if own else variant)
    ids = {variant.id for variant in variants}
    return replace(draft, variants=(*variants, *(v.draft for v in record.variants if v.id not in ids)))


def _is_done(record: ProductRecord, draft: ProductDraft) -> bool:
    """Tell whether the product equals the draft already, apart from the order of its further categories."""
    main, others = draft.categories[:1], sorted(set(draft.categories[1:]) - set(draft.categories[:1]))
    return replace(draft, categories=(*main, *others)) == record.draft


def _write_product(session: Session, record: ProductRecord, draft: ProductDraft) -> None:
    values = {
        "name": draft.name,
        "slug": draft.slug,
        "brand": draft.brand,
        "description": draft.description,
        "option_name": draft.option_name,
        "main_category_id": draft.categories[0],
    }
    session.execute(update(Product).where(Product.id == record.id).values(**values))


def _write_specs(session: Session, record: ProductRecord, draft: ProductDraft) -> None:
    if record.specs == draft.specs:
        return
    session.execute(delete(Spec).where(Spec.product_id == record.id))
    rows = [
        {"product_id": record.id, "name": name, "value": value, "sort_order": position}
        for position, (name, value) in enumerate(draft.specs)
    ]
    if rows:
        session.execute(insert(Spec), rows)


def _write_categories(session: Session, record: ProductRecord, draft: ProductDraft) -> None:
    old, new = set(record.categories), set(draft.categories)
    if removed := old - new:
        in_removed = (ProductCategory.product_id == record.id, ProductCategory.category_id.in_(removed))
        session.execute(delete(ProductCategory).where(*in_removed))
    if added := sorted(new - old):
        session.execute(insert(ProductCategory), [{"product_id": record.id, "category_id": i} for i in added])


def _write_variants(session: Session, record: ProductRecord, draft: ProductDraft, actor: str) -> None:
    known = {variant.id: variant for variant in record.variants}
    deleted = [v.id for v in draft.variants if v.state is VariantState.DELETED and v.id is not None]
    if deleted:
        session.execute(delete(Variant).where(Variant.id.in_(deleted)))
    # Two variants may swap barcodes, which the unique index refuses in any order: changed barcodes are cleared first.
    changed = [v.id for v in draft.variants if v.id in known and known[v.id].barcode != v.barcode]
    if changed:
        session.execute(update(Variant).where(Variant.id.in_(changed)).values(barcode=None))
    for position, variant in enumerate(draft.variants):
        if variant.state is VariantState.DELETED:
            continue
        values = {
            "name": variant.option,
            "price": variant.price.minor,
            "compare_at_price": variant.compare_at_price.minor if variant.compare_at_price else None,
            "barcode": variant.barcode,
            "sort_order": position,
            "is_withdrawn": variant.state is VariantState.WITHDRAWN,
        }
        if variant.id is None:
            _add_variant(session, record.id, variant, values, actor)
        else:
            session.execute(update(Variant).where(Variant.id == variant.id).values(**values))


def _add_variant(
    session: Session, product_id: int, variant: VariantDraft, values: dict[str, object], actor: str
) -> None:
    row = Variant(product_id=product_id, sku=variant.sku, on_hand=variant.stock, **values)
    row.is_sellable = False  # `refresh_products` sets it, and so sees the variant come on sale
    row.low_stock_notified = variant.stock <= LOW_STOCK  # no alert for initial stock
    session.add(row)
    session.flush()
    if variant.stock:
        record_movement(session, row.id, variant.stock, INITIAL, variant.sku, actor)


@retry_on_deadlock
def set_published(product_ids: Collection[int], is_published: bool, *, actor: str) -> int:
    """Publish products, or hide them from all pages. Idempotent.

    :return: number of products changed
    """
    with transaction("catalog") as session:
        lock_products(session, product_ids)
        return publish_within(session, product_ids, is_published, actor=actor)


def publish_within(session: Session, product_ids: Collection[int], is_published: bool, *, actor: str) -> int:
    """Publish or hide products as `set_published` does, in the caller's transaction, which must hold their locks."""
    known = {row.id: row for row in session.execute(_names.where(Product.id.in_(product_ids)))}
    changed = []
    for product_id, row in sorted(known.items()):
        values: dict[str, object] = {"active": is_published, "version": Product.version + 1}
        if is_published:
            values["published_on"] = today()
        different = update(Product).where(Product.id == product_id, Product.active.is_(not is_published))
        if rows_changed(session.execute(different.values(**values))):
            changed.append(product_id)
            what = "published" if is_published else "hidden"
            audit_log.record(session, AuditEntry, actor=actor, what=what, subject=row.sku, detail=row.name)
    refresh_products(session, changed)
    return len(changed)
