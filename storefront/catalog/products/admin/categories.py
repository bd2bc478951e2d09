"""Categories as staff manage them: created, changed, reordered, and deleted when empty.

A category whose slug changes leaves a redirect from the old one.
"""

from __future__ import annotations

import uuid
from dataclasses import replace

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from storefront.catalog.events import CATEGORY_RENAMED
from storefront.catalog.listing.read_model import next_products, reindex
from storefront.catalog.models import AuditEntry, Category, Message, Product, ProductCategory
from storefront.catalog.products.admin.audit_messages import from_to
from storefront.catalog.products.admin.values import (
    CategoryConflict,
    CategoryDraft,
    CategoryInUse,
    CategoryRecord,
    DraftRefused,
    Problem,
)
from storefront.catalog.products.create import UNSORTED
from storefront.catalog.products.models import SlugRedirect
from storefront.catalog.products.slugs import free_slug
from storefront.catalog.values import UnknownCategory
from storefront.core.collation import collation_key
from storefront.db import audit_log, outbox
from storefront.db.session import read_session, retry_on_conflict, retry_on_deadlock, transaction

BATCH = 500  # products reindexed in one transaction


def list_categories() -> tuple[CategoryRecord, ...]:
    """List every category in the order of the navigation, by one select."""
    counts = (
        select(ProductCategory.category_id, func.count().label("count"))
        .group_by(ProductCategory.category_id)
        .subquery()
    )
    facts = (Category.id, Category.name, Category.slug, Category.description, Category.hue)
    rows = read_session().execute(
        select(*facts, func.coalesce(counts.c.count, 0).label("products"))
        .outerjoin(counts, counts.c.category_id == Category.id)
        .order_by(Category.sort_order, Category.id)
    )
    return tuple(
        CategoryRecord(row.id, row.name, row.slug, row.description, row.hue, position, row.products)
        for position, row in enumerate(rows, start=1)
    )


def get_category(category_id: int) -> CategoryRecord:
    """Return one category.

    :raise UnknownCategory: no category has this id
    """
    category = next((record for record in list_categories() if record.id == category_id), None)
    if category is None:
        raise UnknownCategory(str(category_id))
    return category


def find_redirect(slug: str) -> str | None:
    """Return the current slug of the category that had this slug before; None when none had it."""
    moved = select(Category.slug).join(SlugRedirect, SlugRedirect.category_id == Category.id)
    return read_session().scalar(moved.where(SlugRedirect.slug == slug))


@retry_on_conflict
@retry_on_deadlock
def create_category(draft: CategoryDraft, *, actor: str) -> int:
    """Create a category; a repeat with the same values returns the existing one.

    Of two first ones at once, which find no row to lock, the second runs again when the slug of both is the same.

    :return: its id
    :raise DraftRefused: problems are at "name" and "slug"
    """
    with transaction("catalog") as session:
        records = _lock_all(session)
        for record in records:
            if replace(record.draft, position=draft.position, slug=draft.slug and record.slug) == draft:
                return record.id
        draft = _with_slug(draft, records, None)
        if problems := _problems(draft, records, None):
            raise DraftRefused(problems)
        row = Category(
            name=draft.name,
            slug=draft.slug,
            description=draft.description,
            hue=draft.hue,
            picture=UNSORTED.picture.source,
            sort_order=len(records),
        )
        session.add(row)
        session.flush()
        _move_to(session, [record.id for record in records], row.id, draft.position)
        audit_log.record(
            session, AuditEntry, actor=actor, what="category created", subject=draft.slug, detail=draft.name
        )
        return row.id


@retry_on_deadlock
def change_category(category_id: int, draft: CategoryDraft, *, seen: str, actor: str) -> None:
    """Change a category to a draft.

    :param seen: digest of the record that the draft was made from
    :raise UnknownCategory: no category has this id
    :raise CategoryConflict: it was changed meanwhile, and not to the same values
    :raise DraftRefused: problems are at "name" and "slug"
    """
    with transaction("catalog") as session:
        records = _lock_all(session)
        record = next((record for record in records if record.id == category_id), None)
        if record is None:
            raise UnknownCategory(str(category_id))
        draft = replace(_with_slug(draft, records, category_id), position=max(1, min(draft.position, len(records))))
        if record.draft == draft:
            return
        if record.digest != seen:
            raise CategoryConflict(record)
        if problems := _problems(draft, records, category_id):
            raise DraftRefused(problems)
        if record.slug != draft.slug:
            _redirect_slug(session, record, draft.slug)
        values = {"name": draft.name, "slug": draft.slug, "description": draft.description, "hue": draft.hue}
        session.execute(update(Category).where(Category.id == category_id).values(**values))
        if record.position != draft.position:
            _move_to(session, [r.id for r in records if r.id != category_id], category_id, draft.position)
        if record.name != draft.name:
            # The name is part of the search index of its products, maybe very many: the worker rewrites it.
            payload = {"category": category_id}
            outbox.publish(session, Message, CATEGORY_RENAMED, f"{CATEGORY_RENAMED}/{uuid.uuid4()}", payload)
        detail = "; ".join(
            from_to(str(old), str(new))
            for old, new in zip(_values(record.draft), _values(draft), strict=True)
            if old != new
        )
        audit_log.record(session, AuditEntry, actor=actor, what="category changed", subject=record.slug, detail=detail)


def _values(draft: CategoryDraft) -> tuple[object, ...]:
    return (draft.name, draft.slug, draft.description, draft.hue, draft.position)


def remove_category(category_id: int, *, actor: str) -> None:
    """Delete an empty category and the redirects to it.

    :raise UnknownCategory: no category has this id
    :raise CategoryInUse: products are in it
    """
    try:
        _remove(category_id, actor)
    except IntegrityError as error:  # a concurrent transaction added a product after the check
        raise CategoryInUse(1) from error


@retry_on_deadlock
def _remove(category_id: int, actor: str) -> None:
    with transaction("catalog") as session:
        record = next((record for record in _lock_all(session) if record.id == category_id), None)
        if record is None:
            raise UnknownCategory(str(category_id))
        main = session.scalar(select(func.count()).where(Product.main_category_id == category_id)) or 0
        if record.product_count or main:
            raise CategoryInUse(max(record.product_count, main))
        for statement in (
            delete(SlugRedirect).where(SlugRedirect.category_id == category_id),
            delete(Category).where(Category.id == category_id),
        ):
            session.execute(statement)
        audit_log.record(
            session, AuditEntry, actor=actor, what="category deleted", subject=record.slug, detail=record.name
        )


def reindex_category(category_id: int) -> int:
    """Rewrite the search index of a category's products, in short transactions.

    :return: number of products
    """
    done = last = 0
    while True:
        with transaction("catalog") as session:
            ids = next_products(session, category_id, last, BATCH)
            if not ids:
                return done
            reindex(session, ids)
        done, last = done + len(ids), ids[-1]


def _lock_all(session: Session) -> tuple[CategoryRecord, ...]:
    """Lock and return all categories: they are few, and share one order and unique names."""
    session.execute(select(Category.id).order_by(Category.id).with_for_update())
    return list_categories()


def _with_slug(draft: CategoryDraft, records: tuple[CategoryRecord, ...], own_id: int | None) -> CategoryDraft:
    """Fill a missing slug with one made of the name, which no other category has or had."""
    if draft.slug:
        return draft
    redirects = read_session().execute(select(SlugRedirect.slug, SlugRedirect.category_id))
    taken = {slug for slug, category_id in redirects if category_id != own_id}
    taken |= {record.slug for record in records if record.id != own_id}
    return replace(draft, slug=free_slug(draft.name, taken, "category"))


def _problems(draft: CategoryDraft, records: tuple[CategoryRecord, ...], own_id: int | None) -> dict[str, Problem]:
    others = [record for record in records if record.id != own_id]
    problems = {}
    if collation_key(draft.name) in {collation_key(other.name) for other in others}:
        problems["name"] = Problem.NAME_TAKEN
    redirects_to = read_session().scalar(select(SlugRedirect.category_id).where(SlugRedirect.slug == draft.slug))
    if draft.slug in {other.slug for other in others}:
        problems["slug"] = Problem.SLUG_TAKEN
    elif redirects_to is not None and redirects_to != own_id:
        problems["slug"] = Problem.SLUG_WAS_ANOTHERS
    return problems


def _redirect_slug(session: Session, record: CategoryRecord, slug: str) -> None:
    """Redirect the old slug to the category, and drop a redirect from the new one."""
    session.execute(delete(SlugRedirect).where(SlugRedirect.slug == slug))
    session.execute(insert(SlugRedirect).values(slug=record.slug, category_id=record.id))


def _move_to(session: Session, others: list[int], category_id: int, position: int) -> None:
    """Insert a category among the others at a position from 1, and renumber all of them."""
    order = [*others[: max(0, position - 1)], category_id, *others[max(0, position - 1) :]]
    for index, each in enumerate(order):
        moved = update(Category).where(Category.id == each, Category.sort_order != index).values(sort_order=index)
        session.execute(moved)
