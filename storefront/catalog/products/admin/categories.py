"""The categories themselves: opened, changed, put in order, removed when nothing stands in them.

A category that moves leaves its old address behind, which leads to wherever it is by now.
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
from storefront.catalog.values import UnknownCategory
from storefront.core.collation import collation_key
from storefront.db import audit_log, outbox
from storefront.db.session import read_session, retry_on_deadlock, transaction

AT_ONCE = 500  # products whose words are written in one transaction


def list_categories() -> tuple[CategoryRecord, ...]:
    """Every category in the order of the navigation, by one select."""
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
    """One category.

    :raise UnknownCategory: there is none of this id
    """
    found = next((record for record in list_categories() if record.id == category_id), None)
    if found is None:
        raise UnknownCategory(str(category_id))
    return found


def find_redirect(slug: str) -> str | None:
    """Where the category is by now that had this address; None when none had it."""
    moved = select(Category.slug).join(SlugRedirect, SlugRedirect.category_id == Category.id)
    return read_session().scalar(moved.where(SlugRedirect.slug == slug))


@retry_on_deadlock
def create_category(draft: CategoryDraft, *, actor: str) -> int:
    """Open a category; asked for twice, it is opened once. :return: its id

    :raise DraftRefused: places are "name" and "slug"
    """
    with transaction("catalog") as session:
        records = _take(session)
        if same := next((r for r in records if replace(r.draft, position=draft.position) == draft), None):
            return same.id
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
        _arrange(session, [record.id for record in records], row.id, draft.position)
        audit_log.record(
            session, AuditEntry, actor=actor, what="category opened", subject=draft.slug, detail=draft.name
        )
        return row.id


@retry_on_deadlock
def change_category(category_id: int, draft: CategoryDraft, *, seen: str, actor: str) -> None:
    """Let a category stand as a draft says.

    :param seen: the digest of what the draft was made from
    :raise UnknownCategory: there is none of this id
    :raise CategoryConflict: somebody changed it since, and not to the same
    :raise DraftRefused: places are "name" and "slug"
    """
    with transaction("catalog") as session:
        records = _take(session)
        record = next((record for record in records if record.id == category_id), None)
        if record is None:
            raise UnknownCategory(str(category_id))
        draft = replace(draft, position=max(1, min(draft.position, len(records))))
        if record.draft == draft:
            return
        if record.digest != seen:
            raise CategoryConflict(record)
        if problems := _problems(draft, records, category_id):
            raise DraftRefused(problems)
        if record.slug != draft.slug:
            _move(session, record, draft.slug)
        facts = {"name": draft.name, "slug": draft.slug, "description": draft.description, "hue": draft.hue}
        written = update(Category).where(Category.id == category_id).values(**facts)
        session.execute(written)
        if record.position != draft.position:
            _arrange(session, [r.id for r in records if r.id != category_id], category_id, draft.position)
        if record.name != draft.name:
            # Its products are found by its name; there may be very many, so the worker writes their words.
            word = {"category": category_id}
            outbox.publish(session, Message, CATEGORY_RENAMED, f"{CATEGORY_RENAMED}/{uuid.uuid4()}", word)
        detail = "; ".join(
            from_to(str(old), str(new))
            for old, new in zip(_facts(record.draft), _facts(draft), strict=True)
            if old != new
        )
        audit_log.record(session, AuditEntry, actor=actor, what="category changed", subject=record.slug, detail=detail)


def _facts(draft: CategoryDraft) -> tuple[object, ...]:
    return (draft.name, draft.slug, draft.description, draft.hue, draft.position)


def remove_category(category_id: int, *, actor: str) -> None:
    """Remove a category in which nothing stands, and the addresses that led to it.

    :raise UnknownCategory: there is none of this id
    :raise CategoryInUse: products stand in it
    """
    try:
        _remove(category_id, actor)
    except IntegrityError as error:  # a product came to stand in it between the look and the write
        raise CategoryInUse(1) from error


@retry_on_deadlock
def _remove(category_id: int, actor: str) -> None:
    with transaction("catalog") as session:
        record = next((record for record in _take(session) if record.id == category_id), None)
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
            session, AuditEntry, actor=actor, what="category removed", subject=record.slug, detail=record.name
        )


def reindex_category(category_id: int) -> int:
    """Write the words of a category's products anew, in many short transactions.

    :return: how many products
    """
    done = last = 0
    while True:
        with transaction("catalog") as session:
            ids = next_products(session, category_id, last, AT_ONCE)
            if not ids:
                return done
            reindex(session, ids)
        done, last = done + len(ids), ids[-1]


def _take(session: Session) -> tuple[CategoryRecord, ...]:
    """All of them: there are few, and they have an order and names in common."""
    session.execute(select(Category.id).order_by(Category.id).with_for_update())
    return list_categories()


def _problems(draft: CategoryDraft, records: tuple[CategoryRecord, ...], own_id: int | None) -> dict[str, Problem]:
    others = [record for record in records if record.id != own_id]
    found = {}
    if collation_key(draft.name) in {collation_key(other.name) for other in others}:
        found["name"] = Problem.NAME_TAKEN
    left_by = read_session().scalar(select(SlugRedirect.category_id).where(SlugRedirect.slug == draft.slug))
    if draft.slug in {other.slug for other in others}:
        found["slug"] = Problem.SLUG_TAKEN
    elif left_by is not None and left_by != own_id:
        found["slug"] = Problem.SLUG_WAS_ANOTHERS
    return found


def _move(session: Session, record: CategoryRecord, slug: str) -> None:
    """Leave the old address behind; an address that it comes back to leads nowhere else any more."""
    back = delete(SlugRedirect).where(SlugRedirect.slug == slug)
    session.execute(back)
    session.execute(insert(SlugRedirect).values(slug=record.slug, category_id=record.id))


def _arrange(session: Session, others: list[int], category_id: int, position: int) -> None:
    """Put one among the others, at a place counted from 1, and number all of them anew."""
    order = [*others[: max(0, position - 1)], category_id, *others[max(0, position - 1) :]]
    for place, one in enumerate(order):
        moved = update(Category).where(Category.id == one, Category.sort_order != place).values(sort_order=place)
        session.execute(moved)
