"""The details of payment options, and how they are masked."""

from __future__ import annotations

import pytest

from storefront.core.payment_instruments import BNPL_PROVIDERS, is_upi_id, masked_upi_id
from storefront.payments.providers import CashOnDelivery, PayLater, Upi


@pytest.mark.parametrize("typed", ["asha@okbank", "asha.rao-1_x@ybl", "9876543210@s2b", "ab@ok", "A" * 70 + "@upi"])
def test_a_upi_id_is_a_name_at_a_bank(typed: str) -> None:
    assert is_upi_id(typed)


@pytest.mark.parametrize(
    "typed",
    [
        *("", "asha", "asha@", "@okbank", "a@okbank", "asha@o", "asha@ok.bank", "asha rao@ok", "a@b@c", "आशा@okbank"),
        *("asha@okbank\n", "asha@1bank", "A" * 71 + "@upi", "<b>@okbank"),
    ],
)
def test_an_invalid_upi_id_is_recognised(typed: str) -> None:
    assert not is_upi_id(typed)


@pytest.mark.parametrize(
    ("upi_id", "shown"),
    [
        ("asha@okbank", "ash***@okbank"),
        ("9876543210@ybl", "987***@ybl"),
        ("abc@upi", "a***@upi"),
        ("ab@upi", "a***@upi"),
    ],
)
def test_a_upi_id_is_masked_after_its_start(upi_id: str, shown: str) -> None:
    assert masked_upi_id(upi_id) == shown


def test_an_option_without_details_ignores_what_is_entered() -> None:
    for entry in ("", "asha@okbank", "Klarna"):
        assert CashOnDelivery.option.with_entry(entry) == CashOnDelivery.option


def test_an_order_by_upi_shows_the_masked_id() -> None:
    chosen = Upi.option.with_entry("asha@okbank")
    assert chosen is not None
    assert (chosen.code, chosen.kind, chosen.details) == ("upi", "upi", "ash***@okbank")


@pytest.mark.parametrize("entry", ["", "asha", "Klarna"])
def test_upi_asks_for_a_upi_id(entry: str) -> None:
    assert Upi.option.with_entry(entry) is None


@pytest.mark.parametrize("lender", BNPL_PROVIDERS)
def test_a_pay_later_order_names_the_lender(lender: str) -> None:
    chosen = PayLater.option.with_entry(lender)
    assert chosen is not None
    assert (chosen.lender, chosen.details) == (lender, f"Buy Now Pay Later - {lender}")


@pytest.mark.parametrize("entry", ["", "klarna", "Nobody", "Buy Now Pay Later"])
def test_paying_later_asks_for_one_of_the_lenders(entry: str) -> None:
    assert PayLater.option.with_entry(entry) is None
