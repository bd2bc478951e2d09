"""Writes the stock ledger: one movement for every change of a count on hand."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from storefront.catalog.models import StockMovement, Variant
from storefront.core.clock import utc_now

SALE = "sale"
CANCELLATION = "cancellation"
RETURN = "return"


def record_movement(
    session: Session,
    variant_id: int,
    units: int,
    reason: str,
    reference: str,
    actor: str,
    *,
    note: str = "",
    undoes: int | None = None,
) -> None:
    """Record a change of the count on hand, after the count was changed in the same transaction.

    :param units: added; negative when removed
    :param reference: idempotency key; a variant has each pair of reason and reference at most once
    :param actor: who made the change, as the ledger shows it
    :param undoes: id of the movement that this one reverses
    """
    balance = session.scalars(select(Variant.on_hand).where(Variant.id == variant_id)).one()
    session.add(
        StockMovement(
            variant_id=variant_id,
            delta=units,
            balance=balance,
            reason=reason,
            reference=reference,
            actor=actor,
            created_at=utc_now(),
            note=note,
            undoes_id=undoes,
        )
    )
