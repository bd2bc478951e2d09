"""Stock: reservations, the ledger, availability, low-stock alerts and returns to stock."""

from __future__ import annotations

from storefront.catalog.inventory import admin
from storefront.catalog.inventory.low_stock import close_day
from storefront.catalog.inventory.reservations import commit_reservation, decrement, release, release_expired, reserve
from storefront.catalog.inventory.restock import restock, restock_part

__all__ = [
    "admin",
    "close_day",
    "commit_reservation",
    "decrement",
    "release",
    "release_expired",
    "reserve",
    "restock",
    "restock_part",
]
