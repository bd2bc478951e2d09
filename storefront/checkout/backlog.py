"""How many orders are under way, and for how long nothing happened to them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from storefront.checkout.models import Checkout
from storefront.checkout.saga import UNFINISHED
from storefront.checkout.values import CheckoutState
from storefront.db.session import read_session


@dataclass(frozen=True, slots=True)
class Backlog:
    """The unfinished orders in one state.

    :ivar oldest_change_at: the last change of that one of them which has waited longest; None where there are none
    """

    state: CheckoutState
    count: int
    oldest_change_at: datetime | None


def backlog() -> list[Backlog]:
    """The unfinished orders by state, with every state that they can have."""
    asked = select(Checkout.state, func.count(Checkout.id), func.min(Checkout.updated_at))
    asked = asked.where(Checkout.state.in_(UNFINISHED)).group_by(Checkout.state)
    found = {state: Backlog(CheckoutState(state), count, at) for state, count, at in read_session().execute(asked)}
    return [found.get(state, Backlog(state, 0, None)) for state in UNFINISHED]
