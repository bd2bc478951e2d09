"""Test doubles of the shop's own ports: clock, mail, SMS and payment provider."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from storefront.core.money import Money
from storefront.messaging.mail import Email
from storefront.messaging.sms import TextMessage
from storefront.payments.providers import Charge, ProviderResponse
from storefront.payments.values import PaymentOption


@dataclass
class Clock:
    """A clock that stands still until a test advances it."""

    at: datetime

    def read(self) -> datetime:
        return self.at

    def advance(self, **delta: float) -> None:
        self.at += timedelta(**delta)


@dataclass
class MemoryPost:
    """Mail transport that keeps e-mails in memory.

    :ivar is_down: refuse e-mails, as an unreachable mail server does
    """

    letters: list[Email] = field(default_factory=list)
    is_down: bool = False

    def send(self, email: Email) -> None:
        if self.is_down:
            raise ConnectionRefusedError("the mail server is down")
        self.letters.append(email)


@dataclass
class MemoryTexts:
    """SMS transport that keeps text messages in memory."""

    messages: list[TextMessage] = field(default_factory=list)

    def send(self, message: TextMessage) -> None:
        self.messages.append(message)


@dataclass
class ScriptedProvider:
    """A payment provider that gives the scripted answers in order; an exception among them is raised.

    :ivar meanwhile: called during every request
    :ivar asked: the requests, oldest first
    """

    answers: list[ProviderResponse | Exception]
    meanwhile: Callable[[], None] = lambda: None
    asked: list[str] = field(default_factory=list)
    name: str = "scripted"

    def options(self) -> tuple[PaymentOption, ...]:
        return (PaymentOption("scripted", "Scripted", "For tests.", "card", "**** 0000"),)

    def authorise(self, charge: Charge) -> ProviderResponse:
        return self._answer(f"authorise {charge.key}")

    def capture(self, key: str) -> ProviderResponse:
        return self._answer(f"capture {key}")

    def void(self, key: str) -> ProviderResponse:
        return self._answer(f"void {key}")

    def refund(self, key: str, amount: Money, refund_key: str) -> ProviderResponse:
        return self._answer(f"refund {key}")

    def _answer(self, request: str) -> ProviderResponse:
        self.asked.append(request)
        self.meanwhile()
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer
