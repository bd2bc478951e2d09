"""Doubles of the ports we own."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from storefront.mail import Letter


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

    letters: list[Letter] = field(default_factory=list)
    is_down: bool = False

    def send(self, letter: Letter) -> None:
        if self.is_down:
            raise ConnectionRefusedError("the mail server is away")
        self.letters.append(letter)
