"""Counting attempts and their outcomes."""

from __future__ import annotations

import pytest

from storefront.core import metrics
from storefront.core.outside_calls import CallOutcome, OutsideCall
from tests.metric_values import growth, value_of


@pytest.mark.parametrize("outcome", CallOutcome)
def test_a_call_of_a_provider_is_counted_by_its_outcome_and_timed(outcome: CallOutcome) -> None:
    labels = {"provider": "test", "operation": "ask"}
    with (
        growth("storefront_provider_calls_total", **labels, outcome=outcome),
        growth("storefront_provider_call_seconds_count", **labels),
    ):
        metrics.note_outside_call(OutsideCall("test", "ask", outcome, 0.1, "closed"))


def test_an_open_circuit_breaker_is_seen_until_it_is_closed() -> None:
    for state, shown in (("open", 1), ("half-open", 1), ("closed", 0)):
        metrics.note_outside_call(OutsideCall("test", "ask", CallOutcome.FAILED, 0.1, state))
        assert value_of("storefront_breaker_open", provider="test") == shown


def test_a_message_that_could_not_be_sent_is_counted_as_failed() -> None:
    before = value_of("storefront_messages_total", channel="email", outcome="sent")
    with (
        growth("storefront_messages_total", channel="email", outcome="failed"),
        pytest.raises(OSError, match="away"),
        metrics.message("email"),
    ):
        raise OSError("away")
    assert value_of("storefront_messages_total", channel="email", outcome="sent") == before
