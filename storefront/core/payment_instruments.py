"""What people pay with, as text: UPI ids, and who lends. Of card numbers `cards.py` knows."""

from __future__ import annotations

import re

BNPL_PROVIDERS = ("Klarna", "Afterpay", "Sezzle", "Affirm")  # the pay-later firms of the old shop
_UPI_ID = re.compile(r"[A-Za-z0-9._-]{2,70}@[A-Za-z][A-Za-z0-9]{1,63}", re.ASCII)  # NPCI: name@handle
_MASKED = re.compile(r"[A-Za-z0-9._-]{1,3}\*{3}@[A-Za-z][A-Za-z0-9]{1,63}", re.ASCII)
_SHOWN = 3  # characters of a UPI id's name that may be read


def is_upi_id(text: str) -> bool:
    """Whether it has the form name@bank."""
    return _UPI_ID.fullmatch(text) is not None


def is_masked_upi_id(text: str) -> bool:
    """Whether it is what `masked_upi_id` makes."""
    return _MASKED.fullmatch(text) is not None


def masked_upi_id(upi_id: str) -> str:
    """As it may be shown: `abc***@bank`."""
    name, _, bank = upi_id.partition("@")
    return f"{name[: _SHOWN if len(name) > _SHOWN else 1]}***@{bank}"
