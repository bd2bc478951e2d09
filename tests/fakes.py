"""Doubles of the ports we own."""

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
    at: datetime

    def read(self) -> datetime:
        return self.at

    def advance(self, **delta: float) -> None:
        self.at += timedelta(**delta)


@dataclass
class MemoryPost:
    """Keeps letters; `is_down` makes it refuse them as a mail server that is away does."""

    letters: list[Email] = field(default_factory=list)
    is_down: bool = False

    def send(self, letter: Email) -> None:
        if self.is_down:
            raise ConnectionRefusedError("the mail server is away")
        self.letters.append(letter)


@dataclass
class MemoryTexts:
    """Keeps text messages."""

    messages: list[TextMessage] = field(default_factory=list)

    def send(self, message: TextMessage) -> None:
        self.messages.append(message)


@dataclass
class ScriptedProvider:
    """A payment provider that says what it is told to say, in this order; a fault among the answers is raised.

    :ivar meanwhile: what happens while it is on the line
    :ivar asked: what it was asked, oldest first
    """

    answers: list[ProviderResponse | Exception]
    meanwhile: Callable[[], None] = lambda: None
    asked: list[str] = field(default_factory=list)
    name: str = "scripted"

    def options(self) -> tuple[PaymentOption, ...]:
        return (PaymentOption("scripted", "Scripted", "For tests.", "card", "**** 0000"),)

    def authorise(self, charge: Charge) -> ProviderResponse:
        return self._say(f"authorise {charge.key}")

    def capture(self, key: str) -> ProviderResponse:
        return self._say(f"capture {key}")

    def void(self, key: str) -> ProviderResponse:
        return self._say(f"void {key}")

    def refund(self, key: str, amount: Money, refund_key: str) -> ProviderResponse:
        return self._say(f"refund {key}")

    def _say(self, question: str) -> ProviderResponse:
        self.asked.append(question)
        self.meanwhile()
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer
