"""The ledger's one pen: every change of a count on hand leaves a row that explains it."""

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
    """Write the ledger's row, after the count it explains was changed in the same transaction.

    :param reference: names the occasion; one variant takes the same reason and reference only once
    :param undoes: id of the movement that this one takes back
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
