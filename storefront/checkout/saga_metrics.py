"""What metrics say of the saga: its steps, how orders ended, and how long both took."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime

from storefront.catalog.values import OutOfStock
from storefront.checkout.cart_content import ContentTaken
from storefront.checkout.saga_steps import SagaRun
from storefront.checkout.values import Failure
from storefront.core import metrics
from storefront.core.clock import utc_now
from storefront.payments.values import CustomerActionNeeded, PaymentDeclined, ProviderTimeout

COMPLETED, HELD = "completed", "held"  # outcomes of an order; a failed one is named by its `Failure`

_OUTCOMES: dict[str, tuple[type[Exception], ...]] = {
    "refused": (ContentTaken, OutOfStock, PaymentDeclined),
    "waiting": (CustomerActionNeeded, ProviderTimeout),
}

for _outcome in (COMPLETED, HELD, *Failure):  # a series that begins at its first failure has no increase to alert on
    metrics.SAGAS.labels(_outcome)


def counting_step(step: str) -> AbstractContextManager[None]:
    """Count and time an attempt at a step."""
    return metrics.counting(
        metrics.SAGA_STEPS, metrics.SAGA_STEP_SECONDS, step, success="done", error=_outcome_of_attempt
    )


def _outcome_of_attempt(error: Exception) -> str:
    return next((outcome for outcome, errors in _OUTCOMES.items() if isinstance(error, errors)), "failed")


@contextmanager
def counting_undo(step: str) -> Iterator[None]:
    """Count an attempt to undo a step."""
    outcome = "undo-failed"
    try:
        yield
        outcome = "undone"
    finally:
        metrics.SAGA_STEPS.labels(step, outcome).inc()


def note_end(run: SagaRun, outcome: str) -> None:
    """Count an order that ended, with its time since it was placed."""
    metrics.SAGAS.labels(outcome).inc()
    placed_at = datetime.fromisoformat(run.progress["placed_at"])
    metrics.SAGA_SECONDS.labels(outcome).observe(max((utc_now() - placed_at).total_seconds(), 0))
