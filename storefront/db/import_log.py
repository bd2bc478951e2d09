"""Log of rows imported from the old system, written in the transaction of the import, so that each is imported once.

Entries outlive the imported rows: what was deleted here since is not imported again.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from sqlalchemy import BigInteger, String, insert, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from storefront.db.session import read_session

_CHECKOUT = "old-"  # cannot clash: ids of other checkouts are UUIDs


class ImportedRowMixin:
    """Columns of an import log; each domain that rows are imported into mixes it into a table of its own.

    :cvar kind: the table of the old system
    :cvar old_id: the id of the row there
    """

    __tablename__ = "imported_rows"

    kind: Mapped[str] = mapped_column(String(24), primary_key=True)
    old_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)


@dataclass(slots=True)
class BatchResult:
    """The result of importing a batch, by the old ids of its rows.

    :ivar added: imported now
    :ivar known: imported before
    :ivar refused: not imported, with the reason
    :ivar notes: imported, with what was left out or changed
    """

    added: list[int] = field(default_factory=list)
    known: list[int] = field(default_factory=list)
    refused: dict[int, str] = field(default_factory=dict)
    notes: list[tuple[int, str]] = field(default_factory=list)


def already_imported(table: type[ImportedRowMixin], kind: str, ids: Collection[int]) -> set[int]:
    """Which of these rows were imported before, whether they still exist or not."""
    return set(read_session().scalars(select(table.old_id).where(table.kind == kind, table.old_id.in_(ids))))


def mark_imported(session: Session, table: type[ImportedRowMixin], kind: str, ids: Collection[int]) -> None:
    """Log rows as imported, within the caller's transaction, which writes them."""
    if ids:
        session.execute(insert(table), [{"kind": kind, "old_id": old_id} for old_id in ids])


def legacy_checkout_id(old_order: int) -> str:
    """The checkout id of an order imported from the old shop.

    :param old_order: id of its row there
    """
    return f"{_CHECKOUT}{old_order}"


def is_legacy_checkout(checkout: str) -> bool:
    """Whether a checkout belongs to an imported order, which was paid and shipped by the old shop."""
    return checkout.startswith(_CHECKOUT)
