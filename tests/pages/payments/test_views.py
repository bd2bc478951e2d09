"""The sandbox bank's page, which exists only with the sandbox provider."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.factories.catalog import make_product
from tests.factories.shopping import buy
from tests.page_client import SAME_ORIGIN, Page, Pages

FORM = "form.sandbox__form"


@pytest.fixture
def bank(pages: Pages) -> Page:
    """Where a shopper is sent who pays by the card that asks for confirmation."""
    return buy(pages, make_product(price=500), 2, payment="sandbox-confirm")


def test_the_bank_page_shows_amount_and_payee(bank: Page) -> None:
    assert bank.one("h1").get_text() == "Confirm your payment of ₹1,680"
    assert "marigold" in bank.words
    assert "Nothing is charged, whatever you choose" in bank.words


def test_approving_leads_to_the_order(pages: Pages, bank: Page) -> None:
    assert pages.submit(bank, FORM, press="approve").url.startswith("/orders/ORD-")


def test_declining_leads_to_the_payment_step(pages: Pages, bank: Page) -> None:
    assert pages.submit(bank, FORM, press="decline").url == "/checkout/payment"


def test_the_first_decision_is_final(pages: Pages, bank: Page) -> None:
    order = pages.submit(bank, FORM, press="approve")
    again = pages.submit(bank, FORM, press="decline")
    assert again.url == order.url


@pytest.mark.parametrize("decision", ["", "refund", "APPROVE"])
def test_a_form_without_a_decision_shows_the_page_again(pages: Pages, bank: Page, decision: str) -> None:
    token = str(bank.one("input[name=csrf_token]")["value"])
    data = {"csrf_token": token, "decision": decision}
    response = pages.client.post(bank.url, data=data, headers=SAME_ORIGIN)
    assert "Confirm your payment" in response.text
    assert pages.submit(bank, FORM, press="approve").url.startswith("/orders/ORD-")


@pytest.mark.parametrize("reference", ["sbx_0000000000000000", "no-such-charge", "%"])
def test_an_unknown_charge_is_not_found(pages: Pages, reference: str) -> None:
    pages.get(f"/payments/sandbox/{reference}", status=404)


def test_without_the_sandbox_provider_the_page_is_not_found(
    pages: Pages, bank: Page, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "PAYMENT_PROVIDER", "none")
    pages.get(bank.url, status=404)
    pages.submit(bank, FORM, press="approve", status=404)
