"""The audit log of the staff: entries are written in the transaction and schema of the action, and never changed."""

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

MAX_ACTOR_LENGTH = 80  # characters; the same as in the stock ledger
MAX_SUBJECT_LENGTH = 254  # characters, of an e-mail address
MAX_DETAIL_LENGTH = 500  # characters; longer details are cut


class AuditEntryMixin:
    """Columns of an audit log; each domain that staff can change mixes it into a table of its own.

    Triggers refuse UPDATE and DELETE on it.

    :cvar __bind_key__: the schema
    :cvar actor: who did it, as returned by `web.session.current_actor`
    :cvar what: the action in a word or two, from the domain's own set ("price", "refund", "role")
    :cvar subject: what was changed, as people know it: a SKU, an order number, an account's e-mail address
    :cvar detail: old and new values, in words
    """

    __tablename__ = "audit_log"
    __bind_key__: ClassVar[str]

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    actor: Mapped[str] = mapped_column(String(MAX_ACTOR_LENGTH), index=True)
    what: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(MAX_SUBJECT_LENGTH), index=True)
    detail: Mapped[str] = mapped_column(String(MAX_DETAIL_LENGTH), default="")


@dataclass(frozen=True, slots=True)
class AuditEntryView:
    """One entry of an audit log."""

    id: int
    at: datetime
    actor: str
    what: str
    subject: str
    detail: str


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """Filters of an audit log; empty ones do not restrict.

    :ivar actor: exact match
    :ivar subject: exact match
    :ivar since: earliest moment, inclusive
    :ivar until: latest moment, exclusive
    :ivar before: only entries older than this one, given by its moment and id, for paging
    """

    actor: str = ""
    subject: str = ""
    since: datetime | None = None
    until: datetime | None = None
    before: tuple[datetime, int] | None = None


def record(
    session: Session, table: type[AuditEntryMixin], *, actor: str, what: str, subject: str, detail: str = ""
) -> None:
    """Write an entry within the caller's transaction, which does the action."""
    row = {"actor": actor[:MAX_ACTOR_LENGTH], "what": what, "subject": subject, "detail": detail[:MAX_DETAIL_LENGTH]}
    session.execute(insert(table).values(at=utc_now(), **row))


def entries(table: type[AuditEntryMixin], criteria: AuditQuery, count: int) -> Iterator[AuditEntryView]:
    """Yield the entries of one audit log, latest first.

    :param count: at most this many
    """
    statement = select(table).order_by(table.at.desc(), table.id.desc()).limit(count)
    if criteria.actor:
        statement = statement.where(table.actor == criteria.actor)
    if criteria.subject:
        statement = statement.where(table.subject == criteria.subject)
    if criteria.since:
        statement = statement.where(table.at >= criteria.since)
    if criteria.until:
        statement = statement.where(table.at < criteria.until)
    if criteria.before:
        statement = statement.where(is_before(table.at, table.id, criteria.before))
    for row in read_session().scalars(statement):
        yield AuditEntryView(row.id, row.at, row.actor, row.what, row.subject, row.detail)


def is_before(
    at: InstrumentedAttribute[datetime], number: InstrumentedAttribute[int], place: tuple[datetime, int]
) -> ColumnElement[bool]:
    """Condition: the row comes after a position in a list that is sorted latest first.

    :param place: moment and id of the last row before
    """
    return and_(at <= place[0], or_(at < place[0], number < place[1]))
