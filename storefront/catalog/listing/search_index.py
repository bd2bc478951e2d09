"""The search index as a whole: checked, and rewritten when the rules by which texts are split into words change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

from sqlalchemy import delete, func, select

from storefront.catalog.events import SEARCH_INDEX_OUTDATED
from storefront.catalog.listing.read_model import reindex, search_texts
from storefront.catalog.models import Message, Product, SearchWord, product_search
from storefront.catalog.search.engine import index_row
from storefront.db import outbox
from storefront.db.session import read_session, retry_on_deadlock, transaction

BATCH = 500  # products of one transaction
PART = 4000  # products of one message; some seconds, within `outbox.LEASE`


def count_products() -> int:
    """Count the products, on sale or not."""
    return read_session().scalar(select(func.count()).select_from(Product)) or 0


def rebuild(advance: Callable[[int], None] = lambda _: None) -> int:
    """Rewrite the search index of all products, in short transactions; searches go on meanwhile.

    Safe to repeat, also while another one runs.

    :param advance: is told the number of products of each batch
    :return: number of products
    """
    _forget_words()
    done = 0
    for ids in _batches():
        _reindex(ids)
        advance(len(ids))
        done += len(ids)
    return done


def rebuild_part(run: str, after: int) -> None:
    """Rewrite the entries of the next `PART` products, and publish a message for those that follow.

    A part at a time, because a message must be handled before its lease ends. Safe to repeat.

    :param run: names the rebuilding in the keys of its messages
    :param after: id of the last product of the part before, 0 to begin
    """
    if not after:
        _forget_words()
    last, done = after, 0
    for ids in islice(_batches(after), PART // BATCH):
        _reindex(ids)
        last, done = ids[-1], done + len(ids)
    if done == PART:
        _publish_rest(run, last)


@retry_on_deadlock
def _publish_rest(run: str, after: int) -> None:
    key = f"{run}/{after}"
    with transaction("catalog") as session:
        if session.scalar(select(Message.id).where(Message.key == key)) is None:
            outbox.publish(session, Message, SEARCH_INDEX_OUTDATED, key, {"run": run, "after": after})


def outdated_products() -> Iterator[str]:
    """Yield the SKUs of products whose entry in the search index does not follow from their texts."""
    for ids in _batches():
        session = read_session()
        entries = session.execute(select(product_search).where(product_search.c.product_id.in_(ids)))
        stored = {entry.product_id: (entry.name, entry.words) for entry in entries}
        skus = dict(session.execute(select(Product.id, Product.sku).where(Product.id.in_(ids))).all())
        for text in search_texts(session, ids):
            row = index_row(text)
            if text.product_id in stored and stored[text.product_id] != (row["name"], row["words"]):
                yield skus[text.product_id]


def _batches(after: int = 0) -> Iterator[list[int]]:
    last = after
    while ids := list(
        read_session().scalars(select(Product.id).where(Product.id > last).order_by(Product.id).limit(BATCH))
    ):
        yield ids
        last = ids[-1]


@retry_on_deadlock
def _forget_words() -> None:
    """Drop the words proposed for wrong spellings: `reindex` learns those of the present rules."""
    with transaction("catalog") as session:
        session.execute(delete(SearchWord))


@retry_on_deadlock
def _reindex(product_ids: list[int]) -> None:
    with transaction("catalog") as session:
        reindex(session, product_ids)
