"""The eight steps of the saga that places an order, each with its undo; `saga` says what they write and in which order.

A step knows neither the record nor its lease: `saga` runs it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select

from storefront.cart import service as cart
from storefront.catalog import inventory
from storefront.checkout.cart_content import refuse_other_content
from storefront.checkout.models import Checkout
from storefront.checkout.snapshot import PlacedOrder
from storefront.checkout.values import Failure
from storefront.db.prepared import prepared
from storefront.db.session import read_session
from storefront.orders import service as orders
from storefront.payments import service as payments


@dataclass(slots=True)
class SagaRun:
    """A checkout while one runner holds its lease.

    :ivar id: of the checkout
    :ivar owner: the random name under which this runner holds the lease
    :ivar placed: what is ordered, fixed when the order was placed
    :ivar progress: results that steps leave for later ones and for the pages, stored with the record
    :ivar renewed_at: when this runner renewed its lease last
    :ivar reached: number of the last step that may have happened
    :ivar current_step: number of the step this runner began last, going forward
    """

    id: str
    owner: str
    placed: PlacedOrder
    progress: dict[str, Any]
    renewed_at: datetime
    reached: int
    current_step: int | None = None

    @property
    def must_be_held(self) -> bool:
        """Whether the order waits for staff before stock is taken: `approval` releases or refuses it."""
        return self.placed.needs_approval and not self.progress.get("approved")


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the saga with its undo.

    :ivar name: shown to staff, and used in the log
    :ivar do: safe to repeat after it succeeded
    :ivar undo: safe to call when `do` never happened
    """

    name: str
    do: Callable[[SagaRun], None]
    undo: Callable[[SagaRun], None]


def _no_undo(run: SagaRun) -> None:
    """From the capture on there is no way back."""


def _reserve(run: SagaRun) -> None:
    if run.placed.cart_content:
        refuse_other_content(run.placed, _cart_token(run))
    inventory.reserve(run.id, run.placed.holds)


@prepared
def _token_of(checkout: Any) -> Select[str]:
    return select(Checkout.cart_token).where(Checkout.id == checkout)


def _cart_token(run: SagaRun) -> str:
    """The key of the cart that is ordered, now: a guest who signed in has moved it to their account."""
    token: str = read_session().scalars(*_token_of(run.id)).one()
    return token


def _account(run: SagaRun) -> int | None:
    """The account that the order belongs to, now: a guest may have signed in since it was placed."""
    return run.placed.snapshot.customer_id or cart.account_of(_cart_token(run))


def _release(run: SagaRun) -> None:
    inventory.release(run.id)


def _authorise(run: SagaRun) -> None:
    total, option = run.placed.snapshot.grand_total, run.placed.payment
    payments.authorise(run.id, total, option.code, run.placed.return_url, saved_method=option.saved)


def _void(run: SagaRun) -> None:
    payments.void(run.id)


def _create_order(run: SagaRun) -> None:
    snapshot = replace(run.placed.snapshot, customer_id=_account(run))
    run.progress["order"] = orders.create_order(run.id, snapshot)


def _cancel_order(run: SagaRun) -> None:
    note = "The order could not be completed; nothing was charged"
    if run.progress.get("failure") == Failure.REFUSED:
        note = run.progress["detail"]
    orders.cancel_order(run.id, note, actor=run.progress.get("actor", ""))


def _secure(run: SagaRun) -> None:
    """Keep the stock for as long as the capture takes.

    The customer may have taken longer than the reservation lasts: reserve again, or fail while nothing is captured.
    """
    inventory.reserve(run.id, run.placed.holds, permanent=True)


def _capture(run: SagaRun) -> None:
    payments.capture(run.id, run.progress["order"])


def _sell(run: SagaRun) -> None:
    inventory.commit_reservation(run.id)


def _confirm(run: SagaRun) -> None:
    if run.placed.snapshot.customer_id is None and (account := _account(run)) is not None:
        orders.join_account(run.id, account)  # they signed in between the two steps
    orders.confirm_order(run.id, actor=run.progress.get("actor", ""))


def _clear(run: SagaRun) -> None:
    placed = run.placed
    cart.clear(_cart_token(run), run.id, placed.bought, products=placed.emptied, content_id=placed.cart_content)


def hold_for_approval(run: SagaRun) -> None:
    """Give the stock of an order that waits for staff back, say so, and clear its cart. Safe to repeat."""
    _release(run)
    orders.hold_order(run.id)
    _clear(run)


# The comments say why a step may be repeated. A record stores its step by position: the order must not change while
# checkouts are unfinished.
STEPS = (
    Step("reserve", _reserve, _release),  # one reservation for each checkout and variant, which a repeat renews
    Step("authorise", _authorise, _void),  # one payment for each checkout; the provider's idempotency key is its id
    Step("create order", _create_order, _cancel_order),  # `orders.checkout_id` is unique: a repeat finds the order
    Step("secure", _secure, _release),  # as reserve
    Step("capture", _capture, _no_undo),  # a captured payment stays captured, here and at the provider
    Step("sell", _sell, _no_undo),  # a reservation leaves the state "held" once
    Step("confirm", _confirm, _no_undo),  # an order leaves "pending" once; its e-mail is queued by the same transaction
    Step("clear", _clear, _no_undo),  # `cart.cleared_for` keeps a repeat from removing what was added since
)
SECURE = next(number for number, step in enumerate(STEPS) if step.name == "secure")
CAPTURE = next(number for number, step in enumerate(STEPS) if step.name == "capture")
