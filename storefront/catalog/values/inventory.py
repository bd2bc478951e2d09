"""Stock: its states, what a checkout reserves, and why a change of stock is refused."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from storefront.catalog.values.identifiers import Sku
from storefront.core.errors import DomainError

LOW_STOCK = 5  # units at which the old shop said LOW_STOCK: contract/angular-api.md section 3


class StockState(StrEnum):
    """The availability of a variant as shoppers read it."""

    IN_STOCK = "in-stock"
    LOW = "low"
    OUT = "out"

    @classmethod
    def of(cls, available: int) -> StockState:
        """Classify a number of available units."""
        if available <= 0:
            return cls.OUT
        return cls.LOW if available <= LOW_STOCK else cls.IN_STOCK


@dataclass(frozen=True, slots=True)
class Hold:
    """Units to reserve for a checkout."""

    sku: Sku
    quantity: int


class OutOfStock(DomainError):
    """A reservation asks for more units than are available.

    :ivar shortages: available units by SKU, only of the SKUs that are short
    :ivar names: names of these SKUs as shoppers read them
    """

    def __init__(self, shortages: dict[Sku, int], names: dict[Sku, str]) -> None:
        super().__init__(", ".join(shortages))
        self.shortages = shortages
        self.names = names


class ReturnExceedsSold(DomainError):
    """A return has more units than its checkout bought and has not returned yet."""


class ReferenceReused(DomainError):
    """The stock ledger already has another change under this reference (the idempotency key)."""
