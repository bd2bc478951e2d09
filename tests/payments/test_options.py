"""The payment options that the shop offers."""

from __future__ import annotations

import pytest
from flask import Flask

from storefront.payments import service as payments

pytestmark = pytest.mark.usefixtures("app")


def test_every_payment_option_is_offered_once() -> None:
    codes = [option.code for option in payments.options()]
    assert "cod" in codes
    assert "sandbox-success" in codes
    assert len(codes) == len(set(codes))


def test_without_a_card_provider_no_card_is_offered(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "PAYMENT_PROVIDER", "none")
    assert {option.kind for option in payments.options()} == {"cod", "upi", "bnpl"}
    assert payments.find_option("sandbox-success") is None


def test_a_payment_option_is_found_by_its_code() -> None:
    option = payments.find_option("sandbox-success")
    assert option is not None
    assert (option.kind, option.details) == ("card", "**** **** **** 4242")
    assert payments.find_option("") is None
