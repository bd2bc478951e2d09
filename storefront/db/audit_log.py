"""What the staff did, noted in the transaction that did it and in the schema it was done to; never changed after."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from sqlalchemy import ColumnElement, String, and_, insert, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Mapped, Session, mapped_column

from storefront.core.clock import utc_now
from storefront.db.column_types import UtcDateTime
from storefront.db.session import read_session

MAX_ACTOR_LENGTH = 80  # characters, as the ledger of the stock keeps them
MAX_DETAIL_LENGTH = 500  # characters; what is longer is cut


class AuditEntryMixin:
    """The columns of a trail; a domain that staff act on mixes it into a table of its own.

    The database refuses UPDATE and DELETE on it.

    :cvar __bind_key__: the schema
    :cvar actor: who did it, as `staff.actor` names them
    :cvar what: the act in a word or two, of a set that each domain draws ("price", "refund", "role")
    :cvar subject: what it was done to, as people know it: a SKU, an order's number, an account's address
    :cvar detail: from what to what, in words
    """

    __tablename__ = "audit_log"
    __bind_key__: ClassVar[str]

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    actor: Mapped[str] = mapped_column(String(MAX_ACTOR_LENGTH), index=True)
    what: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(254), index=True)
    detail: Mapped[str] = mapped_column(String(MAX_DETAIL_LENGTH), default="")


@dataclass(frozen=True, slots=True)
class AuditEntryView:
    """One act of somebody of the staff, as the trail shows it."""

    id: int
    at: datetime
    actor: str
    what: str
    subject: str
    detail: str


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """Which acts are asked for; what is empty does not restrict.

    :ivar actor: exactly so
    :ivar subject: exactly so
    :ivar since: the first moment that counts
    :ivar until: the first that counts no more
    :ivar before: only acts that come after this one in the order of `latest`: its moment and its number
    """

    actor: str = ""
    subject: str = ""
    since: datetime | None = None
    until: datetime | None = None
    before: tuple[datetime, int] | None = None


def record(
    session: Session, table: type[AuditEntryMixin], *, actor: str, what: str, subject: str, detail: str = ""
) -> None:
    """Note an act within the caller's transaction, which does it."""
    row = {"actor": actor[:MAX_ACTOR_LENGTH], "what": what, "subject": subject, "detail": detail[:MAX_DETAIL_LENGTH]}
    session.execute(insert(table).values(at=utc_now(), **row))


def entries(table: type[AuditEntryMixin], criteria: AuditQuery, count: int) -> Iterator[AuditEntryView]:
    """The acts of one trail, latest first.

    :param count: of them, at most
    """
    asked = select(table).order_by(table.at.desc(), table.id.desc()).limit(count)
    if criteria.actor:
        asked = asked.where(table.actor == criteria.actor)
    if criteria.subject:
        asked = asked.where(table.subject == criteria.subject)
    if criteria.since:
        asked = asked.where(table.at >= criteria.since)
    if criteria.until:
        asked = asked.where(table.at < criteria.until)
    if criteria.before:
        asked = asked.where(is_before(table.at, table.id, criteria.before))
    for row in read_session().scalars(asked):
        yield AuditEntryView(row.id, row.at, row.actor, row.what, row.subject, row.detail)


def is_before(
    at: InstrumentedAttribute[datetime], number: InstrumentedAttribute[int], place: tuple[datetime, int]
) -> ColumnElement[bool]:
    """Whether a row comes after a place in a list that has the latest first."""
    return and_(at <= place[0], or_(at < place[0], number < place[1]))
