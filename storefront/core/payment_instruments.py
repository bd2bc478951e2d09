"""UPI ids and pay-later providers. Card numbers are in `card_numbers.py`."""

from __future__ import annotations

import re

BNPL_PROVIDERS = ("Klarna", "Afterpay", "Sezzle", "Affirm")  # the providers of the old shop
_UPI_ID = re.compile(r"[A-Za-z0-9._-]{2,70}@[A-Za-z][A-Za-z0-9]{1,63}", re.ASCII)  # NPCI: name@handle
_MASKED = re.compile(r"[A-Za-z0-9._-]{1,3}\*{3}@[A-Za-z][A-Za-z0-9]{1,63}", re.ASCII)
_SHOWN = 3  # characters of the name that a masked UPI id shows


def is_upi_id(text: str) -> bool:
    """Whether a text is a UPI id: name@bank."""
    return _UPI_ID.fullmatch(text) is not None


def is_masked_upi_id(text: str) -> bool:
    """Whether a text is a UPI id masked by `masked_upi_id`."""
    return _MASKED.fullmatch(text) is not None


def masked_upi_id(upi_id: str) -> str:
    """Mask the name of a UPI id for display: `abc***@bank`."""
    name, _, bank = upi_id.partition("@")
    return f"{name[: _SHOWN if len(name) > _SHOWN else 1]}***@{bank}"
