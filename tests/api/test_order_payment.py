"""Payment methods of orders by API, in the forms that the legacy client sends: contract section 2.2.8."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from config import SCHEMAS
from storefront.accounts import service as accounts
from storefront.accounts.payment_methods import FRESH
from storefront.accounts.values import Account
from storefront.db.session import db, read_session
from storefront.payments.sandbox import SandboxProvider
from tests.api.client import Api, assert_refused
from tests.api.order_payloads import BLANK_CARD, CARD, order_body, signed_in, written
from tests.factories.accounts import make_account
from tests.factories.catalog import make_product
from tests.fakes import Clock, MemoryPost


def pay(api: Api, **method: Any) -> dict[str, Any]:
    """Place an order with a payment method.

    :return: the payment members of the order, without the id of a saved method
    """
    answer = api.post("/api/orders/", json=order_body((make_product(), 1), id=None, paymentMethod=method))
    assert answer.status_code == 200, answer.text
    shown = {name: value for name, value in answer.json["paymentMethod"].items() if value and name != "id"}
    return shown | {"details": answer.json["paymentDetails"], "status": answer.json["paymentStatus"]}


@pytest.fixture
def shopper(app: Flask) -> tuple[Api, Account]:
    return signed_in(app)


CASH = {"type": "cod", "details": "Cash on Delivery", "status": "PENDING"}
CARD_4242 = {"type": "card", "cardNumber": "**** **** **** 4242", "details": "**** **** **** 4242", "status": "SUCCESS"}
CARD_UNKNOWN = {"type": "card", "details": "Card", "status": "SUCCESS"}
UPI = {"type": "upi", "upiId": "ash***@okbank", "details": "ash***@okbank", "status": "SUCCESS"}
UPI_UNKNOWN = {"type": "upi", "details": "UPI", "status": "SUCCESS"}


def lent_by(lender: str) -> dict[str, str]:
    return {
        "type": "bnpl",
        "bnplProvider": lender,
        "details": f"Buy Now Pay Later - {lender}",
        "status": "PENDING",
    }


# ------------------------------------------------------------------------------------------- payment methods


def test_cash_is_collected_on_delivery(shopper: tuple[Api, Account]) -> None:
    assert pay(shopper[0], **BLANK_CARD | {"type": "cod"}) == CASH


@pytest.mark.parametrize("number", [CARD, CARD.replace(" ", ""), CARD.replace(" ", "-"), "**** **** **** 4242", "4242"])
def test_only_the_last_four_digits_of_a_card_are_stored(shopper: tuple[Api, Account], number: str) -> None:
    assert pay(shopper[0], type="card", cardNumber=number, cardHolder="Card Holder") == CARD_4242


def test_the_cardholder_is_stored(shopper: tuple[Api, Account]) -> None:
    paid = pay(
        shopper[0], id=1, type="card", cardNumber=CARD, cardHolder="Asha - Rao", expiryMonth="12", expiryYear=2027
    )
    assert (paid["cardHolder"], paid["details"]) == ("Asha - Rao", "**** **** **** 4242 - Asha - Rao")


def test_a_upi_id_is_masked(shopper: tuple[Api, Account]) -> None:
    assert pay(shopper[0], type="upi", upiId="asha.rao@okbank") == UPI


def test_a_placeholder_is_no_upi_id(shopper: tuple[Api, Account]) -> None:
    assert pay(shopper[0], type="upi", upiId="UPI Payment") == UPI_UNKNOWN


@pytest.mark.parametrize("lender", ["Klarna", "Affirm"])
def test_the_lender_is_stored(shopper: tuple[Api, Account], lender: str) -> None:
    assert pay(shopper[0], **BLANK_CARD | {"type": "bnpl", "bnplProvider": lender}) == lent_by(lender)


@pytest.mark.parametrize(
    "method",
    [
        {"type": "gold"},
        {"type": ""},
        {"type": None},
        {"cardNumber": ""},
        {"type": "bnpl"},
        {"type": "bnpl", "bnplProvider": "My uncle"},
        {"type": "card", "cardNumber": 4242},
        {"type": "card", "id": 2**63},
        [],
        "cod",
        None,
    ],
)
def test_an_invalid_payment_method_is_refused(shopper: tuple[Api, Account], method: Any) -> None:
    before = written()
    body = order_body((make_product(), 1), paymentMethod=method)
    assert_refused(shopper[0].post("/api/orders/", json=body), 400, "VALIDATION_ERROR")
    assert written() == before


@pytest.mark.parametrize("provider", ["none", "stripe"])
def test_a_card_that_needs_confirmation_is_refused(app: Flask, monkeypatch: pytest.MonkeyPatch, provider: str) -> None:
    monkeypatch.setitem(app.config, "PAYMENT_PROVIDER", provider)
    monkeypatch.setitem(app.config, "OFFLINE_PAYMENTS", ("cod",))
    api, _ = signed_in(app)
    for kind in ("card", "upi"):
        body = order_body((make_product(), 1), paymentMethod={"type": kind, "upiId": "asha@okbank"})
        assert_refused(api.post("/api/orders/", json=body), 400, "VALIDATION_ERROR")


# ---------------------------------------------------------------------------------------- saved methods


def save(account: Account, provider: str, token: str) -> int:
    return accounts.add_method(account.id, provider, token).id


@pytest.mark.parametrize(
    ("provider", "token", "sent", "shown"),
    [
        ("VISA", "card_1705314600000_4242", {"type": "card"}, CARD_4242),
        ("VISA", "card_1705314600000_4242", {"type": "card", "cardNumber": None}, CARD_4242),
        ("CARD", "|4242|12/2027", {"type": "card", "cardNumber": "**** **** **** 4242"}, CARD_4242),
        ("VISA", "card_1705314600000", {"type": "card"}, CARD_UNKNOWN),
        ("UPI", "asha.rao@okbank", {"type": "upi", "upiId": "UPI Payment"}, UPI),
        ("BNPL", "Sezzle", {"type": "bnpl", "bnplProvider": "Klarna"}, lent_by("Sezzle")),
        ("COD", "COD_TOKEN", {"type": "cod"}, CASH),
    ],
)
def test_a_saved_payment_method_is_chosen_by_its_id(
    shopper: tuple[Api, Account], provider: str, token: str, sent: dict[str, Any], shown: dict[str, str]
) -> None:
    api, account = shopper
    saved = save(account, provider, token)
    save(account, "VISA", "card_1705314600001_1111")
    assert pay(api, id=saved, isDefault=False, **sent) == shown


@pytest.mark.parametrize(
    ("provider", "token", "sent"),
    [
        ("VISA", "card_1705314600000_4242", {"type": "card"}),
        ("UPI", "asha.rao@okbank", {"type": "upi", "upiId": "UPI Payment"}),
        ("BNPL", "Sezzle", {"type": "bnpl", "bnplProvider": "Klarna"}),
        ("COD", "COD_TOKEN", {"type": "cod"}),
        ("VISA", "card_1705314600000_4242", {**BLANK_CARD, "id": None}),
    ],
)
def test_an_order_names_the_saved_method_it_was_paid_with(
    shopper: tuple[Api, Account], provider: str, token: str, sent: dict[str, Any]
) -> None:
    """A11: in the answer, and whenever the order is read; by its id, or found as the last one saved."""
    api, account = shopper
    saved = save(account, provider, token)
    body = order_body((make_product(), 1), id=None, paymentMethod={"id": saved, **sent})
    placed = api.post("/api/orders/", json=body).json
    assert placed["paymentMethod"]["id"] == saved
    for url in (f"/api/orders/{placed['id']}", f"/api/orders/{placed['id']}/track"):
        assert api.get(url).json["paymentMethod"]["id"] == saved
    assert api.get(f"/api/orders/user/{account.id}").json[0]["paymentMethod"]["id"] == saved


@pytest.mark.parametrize("number", [0, -1, 2**53 - 1])
def test_an_order_names_no_method_that_it_was_not_paid_with(shopper: tuple[Api, Account], number: int) -> None:
    """A11: an id that the client made up."""
    api, account = shopper
    save(account, "VISA", "card_1705314600000_4242")
    body = order_body((make_product(), 1), paymentMethod={"type": "card", "id": number, "cardNumber": CARD})
    assert api.post("/api/orders/", json=body).json["paymentMethod"]["id"] is None


def test_the_holder_of_a_saved_card_is_shown(shopper: tuple[Api, Account]) -> None:
    api, account = shopper
    paid = pay(api, id=save(account, "CARD", "Asha Rao|4242|12/2027"), type="card")
    assert paid["details"] == "**** **** **** 4242 - Asha Rao"


def test_an_id_of_another_kind_or_account_is_ignored(shopper: tuple[Api, Account]) -> None:
    api, account = shopper
    mine, theirs = save(account, "UPI", "asha.rao@okbank"), save(make_account(), "VISA", "card_1705314600000_4242")
    for number in (mine, theirs, 0, -1, 2**53 - 1):
        assert pay(api, id=number, type="card") == CARD_UNKNOWN


@pytest.mark.parametrize(
    ("provider", "token", "shown"),
    [
        ("UPI", "asha.rao@okbank", UPI),
        ("UPI", "upi_1705314600000_YXNoYUBv", UPI_UNKNOWN),
        ("VISA", "card_1705314600000_4242", CARD_4242),
    ],
)
def test_a_blank_card_is_the_last_saved_one(
    shopper: tuple[Api, Account], now: Clock, provider: str, token: str, shown: dict[str, str]
) -> None:
    api, account = shopper
    save(account, "VISA", "card_1705314600001_1111")
    now.advance(minutes=1)
    save(account, provider, token)
    save(account, "COD", "COD_TOKEN")
    now.advance(minutes=29)
    assert pay(api, **BLANK_CARD) == shown


def test_a_blank_card_is_an_unknown_card_after_half_an_hour(shopper: tuple[Api, Account], now: Clock) -> None:
    api, account = shopper
    save(account, "UPI", "asha.rao@okbank")
    save(make_account(), "VISA", "card_1705314600000_4242")
    now.advance(seconds=FRESH.total_seconds())
    assert pay(api, **BLANK_CARD) == CARD_UNKNOWN


def test_a_full_card_number_takes_precedence_over_saved_methods(shopper: tuple[Api, Account]) -> None:
    api, account = shopper
    saved = save(account, "VISA", "card_1705314600001_1111")
    assert pay(api, id=saved, type="card", cardNumber=CARD) == CARD_4242


# -------------------------------------------------------------------------------------- full card numbers


def test_a_full_card_number_is_in_no_answer_table_email_or_log(
    app: Flask, post: MemoryPost, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    api, _ = signed_in(app)
    digits = CARD.replace(" ", "")
    good = {"type": "card", "cardNumber": CARD, "cardHolder": "Asha"}
    answers = [
        api.post("/api/orders/", json=order_body((make_product(), 1), paymentMethod=good | changed, **rest))
        for changed, rest in (
            ({}, {"id": "ORD-1"}),
            ({"cardNumber": digits}, {"id": "ORD-2"}),
            ({"type": "gold"}, {}),
            ({"cardHolder": 5}, {}),
            ({"cardNumber": [CARD]}, {}),
            ({"cardNumber": {"cardNumber": CARD}}, {}),
            ({"cardHolder": CARD}, {}),
            ({}, {"total": 1}),
            ({}, {"items": []}),
        )
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 400, 400, 400, 422, 422, 409, 400]
    seen = " ".join(answer.text for answer in answers) + caplog.text + repr(post.letters) + everything()
    assert CARD not in seen
    assert digits not in seen
    assert "**** **** **** 4242" in seen


def everything() -> str:
    """The contents of all tables as text."""
    db.session.rollback()
    tables = [table for schema in SCHEMAS for table in db.metadatas[schema].sorted_tables]
    return "\n".join(repr(tuple(row)) for table in tables for row in read_session().execute(sa.select(table)))


def test_a_payment_whose_provider_does_not_answer_is_refused_at_once_in_words(
    shopper: tuple[Api, Account], monkeypatch: pytest.MonkeyPatch
) -> None:
    api, _ = shopper
    monkeypatch.setattr(SandboxProvider, "is_available", lambda provider: False)
    before = written()
    body = order_body((make_product(), 1), id=None, paymentMethod=BLANK_CARD | {"cardNumber": CARD})
    answer = api.post("/api/orders/", json=body)
    assert (answer.status_code, answer.json["error"]["code"]) == (503, "PAYMENT_UNAVAILABLE")
    assert "is not available at the moment: the payment provider does not answer." in answer.json["message"]
    assert int(answer.headers["Retry-After"]) >= 1
    assert written() == before
    assert pay(api, **BLANK_CARD | {"type": "cod"}) == CASH
