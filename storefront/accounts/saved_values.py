"""The values of what an account owns: addresses and saved ways to pay."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from storefront.core.addresses import PostalAddress
from storefront.core.errors import DomainError, NotFoundError

MAX_ADDRESSES = 50
MAX_METHODS = 50


class UnknownAddress(NotFoundError):
    """The account has no such address; another's is as unknown as one that never was."""


class TooManyAddresses(DomainError):
    """The address book holds `MAX_ADDRESSES` already."""


class UnknownMethod(NotFoundError):
    """The account has no such way to pay; another's is as unknown as one that never was."""


class TooManyMethods(DomainError):
    """The account keeps `MAX_METHODS` ways to pay already."""


class UnusableMethod(DomainError):
    """What was sent stands for no way to pay that can be kept.

    :ivar reason: in plain words
    """

    status = 422

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class UnusableAvatar(DomainError):
    """A picture's address that is neither http(s) nor a path of this shop."""

    status = 422


class UnknownAvatar(NotFoundError):
    """There is no such picture, or another has taken its place."""


@dataclass(frozen=True, slots=True)
class SavedAddress:
    """An address of the address book."""

    id: int
    where: PostalAddress
    is_default: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class NewMethod:
    """A way to pay as it is to be kept: nothing in it can be charged, or lead to who was charged.

    :ivar kind: card, upi, cod or bnpl
    :ivar details: last four digits, masked UPI id, or who lends; empty when unknown
    :ivar expires: MM/YYYY of a card, empty when unknown
    """

    provider: str
    token: str
    kind: str
    details: str = ""
    holder: str = ""
    expires: str = ""


@dataclass(frozen=True, slots=True)
class SavedMethod:
    """A way to pay that an account keeps; the members are those of `NewMethod`."""

    id: int
    provider: str
    token: str
    kind: str
    details: str
    holder: str
    expires: str
    is_default: bool
    created_at: datetime

    @property
    def label(self) -> str:
        """How it is called in a list: "VISA ending in 4242", "UPI ash***@okbank"."""
        if self.kind == "card":
            name = "Card" if self.provider == "CARD" else self.provider
            return f"{name} ending in {self.details}" if self.details else name
        if self.kind == "upi":
            return f"UPI {self.details}".rstrip()
        return "Cash on delivery" if self.kind == "cod" else f"Pay later with {self.details}"

    @property
    def card_number(self) -> str:
        """Of a card what may be shown: `**** **** **** 4242`; empty when its digits are unknown."""
        return f"**** **** **** {self.details}" if self.kind == "card" and self.details else ""
