"""What came over from the old system: noted in the transaction that wrote it, so that it comes once.

The note outlives the row. What somebody has deleted here since does not come back when the old data is read again.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from sqlalchemy import BigInteger, String, insert, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from storefront.db.session import read_session

_CHECKOUT = "old-"  # a checkout of our own is a UUID: none looks like this


class ImportedRowMixin:
    """The columns of the notes; a domain that rows come to mixes it into a table of its own.

    :cvar kind: which table of the old system
    :cvar old_id: the row's id there
    """

    __tablename__ = "imported_rows"

    kind: Mapped[str] = mapped_column(String(24), primary_key=True)
    old_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)


@dataclass(slots=True)
class BatchResult:
    """What became of a batch, by the ids of its rows.

    :ivar known: they came before
    :ivar refused: why they cannot come
    :ivar notes: what of a row that came was left behind
    """

    added: list[int] = field(default_factory=list)
    known: list[int] = field(default_factory=list)
    refused: dict[int, str] = field(default_factory=dict)
    notes: list[tuple[int, str]] = field(default_factory=list)


def already_imported(table: type[ImportedRowMixin], kind: str, ids: Collection[int]) -> set[int]:
    """Which of these came over before; what became of them since is not asked."""
    return set(read_session().scalars(select(table.old_id).where(table.kind == kind, table.old_id.in_(ids))))


def mark_imported(session: Session, table: type[ImportedRowMixin], kind: str, ids: Collection[int]) -> None:
    """Note that they came, within the caller's transaction, which writes them."""
    if ids:
        session.execute(insert(table), [{"kind": kind, "old_id": old_id} for old_id in ids])


def legacy_checkout_id(old_order: int) -> str:
    """What stands for the checkout of an order that the old shop took.

    :param old_order: id of its row there
    """
    return f"{_CHECKOUT}{old_order}"


def is_legacy_checkout(checkout: str) -> bool:
    """Whether a checkout stands for an order of the old shop: its goods left there, its money was taken there."""
    return checkout.startswith(_CHECKOUT)
