"""Counting attempts and their outcomes."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from storefront.core import metrics
from tests.metric_values import growth, value_of


class Declined(Exception):
    """An answer of the provider."""


@pytest.mark.parametrize(
    ("error", "outcome"), [(None, "answered"), (Declined(), "refused"), (TimeoutError(), "failed")]
)
def test_a_call_of_a_provider_is_counted_by_its_outcome_and_timed(error: Exception | None, outcome: str) -> None:
    labels = {"provider": "test", "operation": "ask"}
    with (
        growth("storefront_provider_calls_total", **labels, outcome=outcome),
        growth("storefront_provider_call_seconds_count", **labels),
        nullcontext() if error is None else pytest.raises(type(error)),
        metrics.provider_call("test", "ask", refusals=(Declined,)),
    ):
        if error is not None:
            raise error


def test_a_message_that_could_not_be_sent_is_counted_as_failed() -> None:
    before = value_of("storefront_messages_total", channel="email", outcome="sent")
    with (
        growth("storefront_messages_total", channel="email", outcome="failed"),
        pytest.raises(OSError, match="away"),
        metrics.message("email"),
    ):
        raise OSError("away")
    assert value_of("storefront_messages_total", channel="email", outcome="sent") == before
