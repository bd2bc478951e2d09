"""A purchase for fault injection: a guest with two of five mugs in the cart, and what must hold afterwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from sqlalchemy.exc import OperationalError

from storefront.cart import service as cart
from storefront.catalog.values import ProductCard
from storefront.checkout import saga
from storefront.checkout import service as checkout
from storefront.checkout.saga_steps import SagaRun, Step
from storefront.checkout.values import CheckoutDraft, Outcome
from storefront.orders.values import OrderStatus
from storefront.worker import tasks
from tests import consistency
from tests.consistency import ACTIVE, CLOSED, Stock
from tests.factories.catalog import make_product
from tests.factories.shopping import make_cart, make_draft, place
from tests.fakes import MemoryPost

STEPS = [step.name for step in saga.STEPS]
UNDONE_STEPS = STEPS[: saga.CAPTURE]  # those whose failure is undone
FOR_EVER = 10**6


class Crash(BaseException):
    """Simulates the death of the process: no `except Exception` catches it, nothing is cleaned up."""


@dataclass(frozen=True)
class Purchase:
    """A purchase before it is placed.

    :ivar post: receives its e-mail
    """

    mug: ProductCard
    token: str
    draft: CheckoutDraft
    post: MemoryPost

    @property
    def id(self) -> str:
        return self.draft.id

    def place(self) -> Outcome:
        return place(self.draft, self.token)

    def break_at(
        self, patch: pytest.MonkeyPatch, step: str, fault: BaseException, *, when: str = "before", times: int = 1
    ) -> None:
        """Place the order while a step raises an error: it stays under way; a dying process takes `place` with it."""
        at_step(patch, step, raising(fault), when=when, times=times)
        if isinstance(fault, Exception):
            assert self.place().is_unfinished
        else:
            with pytest.raises(type(fault)):
                self.place()

    def outcome(self) -> Outcome:
        return checkout.outcome_of(self.id, self.token)

    def assert_complete(self) -> None:
        """Assert one order, one payment, the right stock, one e-mail, and a cart without what was bought."""
        assert consistency.state_of(self.id) == "completed"
        assert consistency.orders_of(self.id) == [OrderStatus.CONFIRMED]
        (payment,) = consistency.payments_of(self.id)
        assert payment in ACTIVE
        assert consistency.stock_of(self.mug.sku) == Stock(on_hand=3, reserved=0)
        assert cart.count_units(self.token) == 0
        assert len(self._email_ids()) == 1
        consistency.assert_balanced()

    def assert_undone(self) -> None:
        """Assert no live order, no authorisation, no reservation, no e-mail, and the cart as it was."""
        assert consistency.state_of(self.id) == "failed"
        assert consistency.orders_of(self.id) in ([], [OrderStatus.CANCELLED])
        assert set(consistency.payments_of(self.id) + consistency.charges_of(self.id)) <= CLOSED
        assert consistency.stock_of(self.mug.sku) == Stock(on_hand=5, reserved=0)
        assert cart.count_units(self.token) == 2
        assert self._email_ids() == []
        consistency.assert_balanced()

    def _email_ids(self) -> list[str]:
        tasks.deliver_outboxes()
        return [email.id for email in self.post.letters]


def make_purchase(post: MemoryPost, *, payment: str = "sandbox-success") -> Purchase:
    mug = make_product(name="Clay Mug", stock=5)
    token = make_cart((mug, 2))
    return Purchase(mug, token, make_draft(token, payment=payment), post)


def at_step(
    patch: pytest.MonkeyPatch,
    name: str,
    act: Callable[[], None],
    *,
    when: str = "before",
    undoing: bool = False,
    times: int = 1,
) -> None:
    """Call a function right before or after a step is done or undone; its errors are raised by the step.

    :param when: "before" or "after"
    :param undoing: around the undo of the step
    :param times: how often; later runs of the step are unchanged
    """
    left = times

    def around(work: Callable[[SagaRun], None]) -> Callable[[SagaRun], None]:
        def wrapped(run: SagaRun) -> None:
            nonlocal left
            is_due, left = left > 0, left - 1
            if is_due and when == "before":
                act()
            work(run)
            if is_due and when == "after":
                act()

        return wrapped

    def changed(step: Step) -> Step:
        if step.name != name:
            return step
        return Step(name, step.do, around(step.undo)) if undoing else Step(name, around(step.do), step.undo)

    patch.setattr(saga, "STEPS", tuple(changed(step) for step in saga.STEPS))


def raising(fault: BaseException) -> Callable[[], None]:
    def act() -> None:
        raise fault

    return act


def no_database() -> OperationalError:
    return OperationalError("UPDATE …", {}, Exception(2006, "MySQL server has gone away"))
