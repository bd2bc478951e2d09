"""The moment an order begins: its record is committed, and takes the content of the cart from any other checkout.

From this commit on the order is under way, whatever happens to the request: no answer may say otherwise. Two checkouts
never order one content of a cart. That holds by three rules:

1. `checkouts.cart_content` is unique: of two checkouts that read the same content one is opened.
2. A cart has one unfinished checkout. A guest who signs in brings theirs along, with another content: it counts, too.
3. The first step looks whether the cart still has the content: another checkout may have ended, and cleared it, between
   the reading of the cart and the commit (`saga_steps.STEPS`).

An order of goods that are in no cart takes no content; for it, duplicates decide (`duplicates`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Select, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from storefront.checkout import duplicates, saga
from storefront.checkout import snapshot as plans
from storefront.checkout.duplicates import Guard
from storefront.checkout.models import Checkout
from storefront.checkout.snapshot import PlacedOrder
from storefront.checkout.values import CheckoutState
from storefront.core.clock import utc_now
from storefront.db.session import read_session, retry_on_deadlock, rows_changed, transaction

ATTEMPTS = 3  # at opening an order while others take and release the same content


class CartTaken(Exception):
    """Another checkout has taken the cart, or its content.

    :ivar checkout: its id
    """

    def __init__(self, checkout: str) -> None:
        super().__init__(checkout)
        self.checkout = checkout


class OpeningUnknown(Exception):
    """The database did not answer the commit: the order is under way, or it is not."""


@dataclass(frozen=True, slots=True)
class Opening:
    """An order that begins.

    :ivar checkout: id of its record
    :ivar token: key of the cart, as it was when the cart was read
    :ivar agreed: what a repeat must state under the same key
    """

    checkout: str
    token: str
    placed: PlacedOrder
    agreed: str


def open_draft(opening: Opening, guards: Sequence[Guard]) -> bool:
    """Begin the order of a draft; the second request of a double click changes nothing.

    :return: whether this request began it
    :raise CartTaken: another checkout has the cart
    :raise OpeningUnknown: the database did not answer the commit
    """
    for _ in range(ATTEMPTS):
        try:
            return _open_draft(opening, guards)
        except IntegrityError:
            if holder := find_holder(opening.placed.cart_content):
                raise CartTaken(holder) from None
    raise OpeningUnknown(opening.checkout)


@retry_on_deadlock
def _open_draft(opening: Opening, guards: Sequence[Guard]) -> bool:
    with _Commit() as commit, transaction("checkout") as session:
        is_draft = (Checkout.id == opening.checkout) & (Checkout.state == CheckoutState.DRAFT)
        # Not if its guest has signed in since the cart was read: it belongs to another cart now.
        mine = update(Checkout).where(is_draft, Checkout.cart_token == opening.token)
        opened = rows_changed(session.execute(mine.values(idempotency_key=opening.checkout, **_record(opening))))
        if opened:
            _refuse_second(session, opening)
            duplicates.store(session, guards, opening.checkout)
        commit.begins()
    return bool(opened)


def open_new(opening: Opening, key: str | None, guards: Sequence[Guard]) -> None:
    """Begin an order without a draft.

    :param key: the idempotency key, if the client sent one
    :raise CartTaken: another checkout has the cart
    :raise IntegrityError: the same order was opened first; its unique keys decide
    :raise OpeningUnknown: the database did not answer the commit
    """
    try:
        _open_new(opening, key, guards)
    except IntegrityError:
        if holder := find_holder(opening.placed.cart_content):
            raise CartTaken(holder) from None
        raise


@retry_on_deadlock
def _open_new(opening: Opening, key: str | None, guards: Sequence[Guard]) -> None:
    with _Commit() as commit, transaction("checkout") as session:
        now = utc_now()
        _refuse_second(session, opening)
        record = Checkout(id=opening.checkout, cart_token=opening.token, created_at=now, **_record(opening))
        record.idempotency_key = key or opening.checkout
        session.add(record)
        session.flush()
        duplicates.store(session, guards, opening.checkout)
        commit.begins()


def _record(opening: Opening) -> dict[str, object]:
    now = utc_now()
    return {
        "state": CheckoutState.RUNNING,
        "cart_content": opening.placed.cart_content or None,
        "plan": plans.dump(opening.placed),
        "progress": {"placed_at": now.isoformat(), "agreed": opening.agreed},
        "updated_at": now,
    }


def _refuse_second(session: Session, opening: Opening) -> None:
    """Refuse a second unfinished order of a cart.

    :raise CartTaken: it has one
    """
    if not opening.placed.cart_content:
        return
    others = _unfinished_orders_of(opening.token).where(Checkout.id != opening.checkout)
    if (first := session.scalar(others)) is not None:
        raise CartTaken(first)


def _unfinished_orders_of(token: str) -> Select[str]:
    mine = (Checkout.cart_token == token) & Checkout.cart_content.is_not(None)
    return select(Checkout.id).where(mine, Checkout.state.in_(saga.UNFINISHED)).limit(1)


def find_order_under_way(cart_token: str) -> str | None:
    """The unfinished checkout that is ordering a cart; None when there is none."""
    return read_session().scalar(_unfinished_orders_of(cart_token))


def find_holder(content: str) -> str | None:
    """The checkout that has taken a content; None when nobody has."""
    return read_session().scalar(select(Checkout.id).where(Checkout.cart_content == content)) if content else None


class _Commit:
    """Tells an error of the commit, whose outcome is unknown, from errors before it, after which nothing is written."""

    _has_begun = False

    def begins(self) -> None:
        """The commit comes next."""
        self._has_begun = True

    def __enter__(self) -> _Commit:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if self._has_begun and isinstance(error, DBAPIError) and error.connection_invalidated:
            raise OpeningUnknown from error
