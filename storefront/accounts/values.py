"""What passes through the accounts' door."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NewType

from storefront.errors import DomainError

UserId = NewType("UserId", int)


class EmailTaken(DomainError):
    """Another account has this e-mail address."""


@dataclass(frozen=True, slots=True)
class Profile:
    """An account as others may see it."""

    id: UserId
    name: str
