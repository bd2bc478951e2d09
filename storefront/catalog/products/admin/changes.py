"""What staff do to a product: made, changed as it was seen, published and hidden."""

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
from storefront.catalog.products.admin.audit_messages import acts_of
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

CREATED_WITH = "initial"  # the reason of the units that a variant comes with
_named = select(Product.id, Product.sku, Product.name)


def create_product(sku: str, draft: ProductDraft, *, is_published: bool, key: str, actor: str) -> ProductId:
    """Add a product with all it has.

    :param key: names the submit: pressed twice it is made once
    :raise DraftRefused: it cannot stand like that; it says where and why
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
    # Whether it was done is asked last: a twin that ends meanwhile has taken the SKU by then.
    if (problems := find_problems(draft, sku, None)) and lookup(key) is None:
        raise DraftRefused(problems)
    try:
        return add_product(new, draft.categories, actor=actor, key=key)
    except (IntegrityError, SkuTaken, UnknownCategory) as error:  # taken between the look and the write
        if refusal := _refusal(error, find_problems(draft, sku, None)):
            raise refusal from error
        raise


def _refusal(error: Exception, problems: Mapping[str, Problem]) -> DraftRefused | None:
    """What to say of a write that the database refused.

    :param problems: that a second look found
    """
    if not problems and "product_specs" in (getattr(error, "statement", "") or ""):
        problems = {"specs": Problem.SPEC_ALIKE}  # as each database sees it: to MariaDB "Fuß" and "Fus" are one
    return DraftRefused(problems) if problems else None


def change_product(product_id: int, draft: ProductDraft, *, seen: int, actor: str) -> None:
    """Let a product stand as a draft says. Variants that the draft does not name stay as they are.

    :param seen: the version that the draft was made from
    :raise UnknownProduct: there is none of this id
    :raise ProductConflict: somebody changed it since, and not to the same
    :raise DraftRefused: it cannot stand like that; it says where and why
    """
    try:
        _change(product_id, draft, seen, actor)
    except IntegrityError as error:  # a code was taken between the look and the write
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
        if not _count_up(session, product_id, seen):
            raise ProductConflict(record)
        if problems := find_problems(draft, record.sku, record):
            raise DraftRefused(problems)
        _write_facts(session, record, draft)
        _write_specs(session, record, draft)
        _write_places(session, record, draft)
        _write_variants(session, record, draft, actor)
        refresh_products(session, [product_id])
        reindex(session, [product_id])
        for what, subject, detail in acts_of(record, draft):
            audit_log.record(session, AuditEntry, actor=actor, what=what, subject=subject, detail=detail)


def _count_up(session: Session, product_id: int, seen: int) -> bool:
    as_seen = update(Product).where(Product.id == product_id, Product.version == seen).values(version=seen + 1)
    return bool(rows_changed(session.execute(as_seen)))


def _completed(record: ProductRecord, draft: ProductDraft) -> ProductDraft:
    """With the variants it does not name; one that is the product's no more, or never was, is refused."""
    known = {variant.id: variant for variant in record.variants}
    by_sku = {variant.sku: variant for variant in record.variants}
    named: list[VariantDraft] = []
    for i, variant in enumerate(draft.variants):
        if (
            variant.id is None
            and variant.sku in by_sku
            and replace(variant, id=by_sku[variant.sku].id, stock=0) == (by_sku[variant.sku].draft)
        ):
            named.append(by_sku[variant.sku].draft)  # the same form again: it was added the first time
        elif variant.id is not None and variant.id not in known and variant.state is not VariantState.DELETED:
            raise DraftRefused({f"variants.{i}.sku": Problem.MISSING})
        elif variant.id is None or variant.id in known:
            own = known.get(variant.id or 0)
            named.append(replace(variant, sku=own.sku) if own else variant)
    ids = {variant.id for variant in named}
    return replace(draft, variants=(*named, *(v.draft for v in record.variants if v.id not in ids)))


def _is_done(record: ProductRecord, draft: ProductDraft) -> bool:
    """Whether it stands so already, but for the order of further categories."""
    main, others = draft.categories[:1], sorted(set(draft.categories[1:]) - set(draft.categories[:1]))
    return replace(draft, categories=(*main, *others)) == record.draft


def _write_facts(session: Session, record: ProductRecord, draft: ProductDraft) -> None:
    facts = {
        "name": draft.name,
        "slug": draft.slug,
        "brand": draft.brand,
        "description": draft.description,
        "option_name": draft.option_name,
        "main_category_id": draft.categories[0],
    }
    written = update(Product).where(Product.id == record.id).values(**facts)
    session.execute(written)


def _write_specs(session: Session, record: ProductRecord, draft: ProductDraft) -> None:
    if record.specs == draft.specs:
        return
    mine = delete(Spec).where(Spec.product_id == record.id)
    session.execute(mine)
    rows = [
        {"product_id": record.id, "name": name, "value": value, "sort_order": position}
        for position, (name, value) in enumerate(draft.specs)
    ]
    if rows:
        session.execute(insert(Spec), rows)


def _write_places(session: Session, record: ProductRecord, draft: ProductDraft) -> None:
    old, new = set(record.categories), set(draft.categories)
    if gone := old - new:
        mine = delete(ProductCategory).where(
            ProductCategory.product_id == record.id, ProductCategory.category_id.in_(gone)
        )
        session.execute(mine)
    if come := sorted(new - old):
        session.execute(insert(ProductCategory), [{"product_id": record.id, "category_id": i} for i in come])


def _write_variants(session: Session, record: ProductRecord, draft: ProductDraft, actor: str) -> None:
    known = {variant.id: variant for variant in record.variants}
    gone = [v.id for v in draft.variants if v.state is VariantState.DELETED and v.id is not None]
    if gone:
        session.execute(delete(Variant).where(Variant.id.in_(gone)))
    # Two variants may swap their barcodes, which no order of updates allows: all that move are let go of first.
    moving = [v.id for v in draft.variants if v.id in known and known[v.id].barcode != v.barcode]
    if moving:
        freed = update(Variant).where(Variant.id.in_(moving)).values(barcode=None)
        session.execute(freed)
    for position, variant in enumerate(draft.variants):
        if variant.state is VariantState.DELETED:
            continue
        facts = {
            "name": variant.option,
            "price": variant.price.minor,
            "compare_at_price": variant.compare_at_price.minor if variant.compare_at_price else None,
            "barcode": variant.barcode,
            "sort_order": position,
            "is_withdrawn": variant.state is VariantState.WITHDRAWN,
        }
        if variant.id is None:
            _add_variant(session, record.id, variant, facts, actor)
        else:
            written = update(Variant).where(Variant.id == variant.id).values(**facts)
            session.execute(written)


def _add_variant(
    session: Session, product_id: int, variant: VariantDraft, facts: dict[str, object], actor: str
) -> None:
    row = Variant(product_id=product_id, sku=variant.sku, on_hand=variant.stock, **facts)
    row.is_sellable, row.low_stock_notified = False, variant.stock <= LOW_STOCK  # it comes so: nobody needs to be told
    session.add(row)
    session.flush()
    if variant.stock:
        record_movement(session, row.id, variant.stock, CREATED_WITH, variant.sku, actor)


@retry_on_deadlock
def set_published(product_ids: Collection[int], is_published: bool, *, actor: str) -> int:
    """Put products on sale, or hide them from all pages; those that are so already stay as they are.

    :return: how many were changed
    """
    with transaction("catalog") as session:
        lock_products(session, product_ids)
        return publish_within(session, product_ids, is_published, actor=actor)


def publish_within(session: Session, product_ids: Collection[int], is_published: bool, *, actor: str) -> int:
    """The same within the caller's transaction, which has taken their rows."""
    known = {row.id: row for row in session.execute(_named.where(Product.id.in_(product_ids)))}
    changed = []
    for product_id, row in sorted(known.items()):
        facts: dict[str, object] = {"active": is_published, "version": Product.version + 1}
        if is_published:
            facts["published_on"] = today()
        other = update(Product).where(Product.id == product_id, Product.active.is_(not is_published)).values(**facts)
        if rows_changed(session.execute(other)):
            changed.append(product_id)
            what = "published" if is_published else "hidden"
            audit_log.record(session, AuditEntry, actor=actor, what=what, subject=row.sku, detail=row.name)
    refresh_products(session, changed)
    return len(changed)
