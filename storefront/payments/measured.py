"""Counts and times the calls of a payment provider."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

from storefront.core import metrics
from storefront.core.money import Money
from storefront.payments.providers import Charge, PaymentProvider, ProviderResponse
from storefront.payments.values import PaymentOption, PaymentStatus


class MeasuredProvider:
    """A provider whose calls are counted; a declined payment is a refusal, an error a failure."""

    def __init__(self, provider: PaymentProvider) -> None:
        self._provider = provider
        self.name = provider.name

    def options(self) -> tuple[PaymentOption, ...]:
        return self._provider.options()

    def authorise(self, charge: Charge) -> ProviderResponse:
        return self._call("authorise", lambda: self._provider.authorise(charge))

    def capture(self, key: str) -> ProviderResponse:
        return self._call("capture", lambda: self._provider.capture(key))

    def void(self, key: str) -> ProviderResponse:
        return self._call("void", lambda: self._provider.void(key))

    def refund(self, key: str, amount: Money, refund_key: str) -> ProviderResponse:
        return self._call("refund", lambda: self._provider.refund(key, amount, refund_key))

    def _call(self, operation: str, ask: Callable[[], ProviderResponse]) -> ProviderResponse:
        started, outcome = perf_counter(), "failed"
        try:
            response = ask()
            outcome = "refused" if response.status is PaymentStatus.DECLINED else "answered"
        finally:
            metrics.note_provider_call(self.name, operation, outcome, perf_counter() - started)
        return response
