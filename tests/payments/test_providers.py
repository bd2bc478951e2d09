"""The contract of all payment providers, and the sandbox's test cards."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from flask import Flask
from sqlalchemy import select

from storefront.db.session import read_session
from storefront.payments import sandbox
from storefront.payments.models import SandboxCharge
from storefront.payments.providers import CashOnDelivery, Charge, PayLater, PaymentProvider, ProviderResponse, Upi
from storefront.payments.sandbox import SandboxProvider
from storefront.payments.stripe import StripeProvider
from storefront.payments.values import PaymentStatus, ProviderTimeout, UnknownPayment
from tests.factories.catalog import rupees
from tests.stripe_process import pay

HELD = {PaymentStatus.AUTHORISED, PaymentStatus.DUE}
TAKEN = {PaymentStatus.CAPTURED, PaymentStatus.DUE}
TOTAL = rupees(1680)


@dataclass(frozen=True)
class Subject:
    """A provider and a way to pay with it that goes through at once."""

    provider: PaymentProvider
    method: str

    def charge(self, key: str, method: str = "") -> Charge:
        return Charge(key, TOTAL, method or self.method, "/checkout/placing/1")

    def hold(self, key: str) -> ProviderResponse:
        """Ask for the money, and let the customer pay where the provider sends them."""
        answer = self.provider.authorise(self.charge(key))
        if answer.status is not PaymentStatus.ACTION_NEEDED:
            return answer
        pay(answer.action_url)
        return self.provider.authorise(self.charge(key))


SUBJECTS = [
    pytest.param(Subject(CashOnDelivery(), "cod"), id="cash"),
    pytest.param(Subject(Upi(), "upi"), id="upi"),
    pytest.param(Subject(PayLater(), "bnpl"), id="pay-later"),
    pytest.param(Subject(SandboxProvider(), "sandbox-success"), id="sandbox"),
    pytest.param(Subject(StripeProvider(), "stripe"), id="stripe"),
]


@pytest.fixture(autouse=True)
def _request(app: Flask) -> Iterator[None]:
    with app.test_request_context():
        yield


@pytest.fixture(params=SUBJECTS)
def subject(request: pytest.FixtureRequest) -> Subject:
    found: Subject = request.param
    if found.method == "stripe":
        request.getfixturevalue("stripe")
    return found


@pytest.fixture
def key() -> str:
    return str(uuid.uuid4())


# --------------------------------------------------------------------------------------- every provider


def test_a_provider_lists_its_payment_options(subject: Subject) -> None:
    options = subject.provider.options()
    assert subject.method in {option.code for option in options}
    assert len({option.code for option in options}) == len(options)
    for option in options:
        assert option.label
        assert option.hint
        assert option.kind in {"cod", "card", "upi", "bnpl"}


def test_a_provider_authorises_with_a_reference(subject: Subject, key: str) -> None:
    answer = subject.hold(key)
    assert answer.status in HELD
    assert answer.reference


def test_a_repeated_key_is_authorised_once(subject: Subject, key: str) -> None:
    first = subject.hold(key)
    assert subject.provider.authorise(subject.charge(key)) == first


def test_another_key_is_another_charge(subject: Subject, key: str) -> None:
    first = subject.provider.authorise(subject.charge(key))
    second = subject.provider.authorise(subject.charge(str(uuid.uuid4())))
    assert first.reference != second.reference


def test_an_authorisation_is_captured_once(subject: Subject, key: str) -> None:
    subject.hold(key)
    first = subject.provider.capture(key)
    assert first.status in TAKEN
    assert subject.provider.capture(key) == first


def test_an_authorisation_is_voided(subject: Subject, key: str) -> None:
    subject.hold(key)
    for _ in range(2):
        assert subject.provider.void(key).status is PaymentStatus.VOIDED


def test_an_unknown_key_is_voided(subject: Subject, key: str) -> None:
    assert subject.provider.void(key).status is PaymentStatus.VOIDED


def test_a_capture_is_refunded_once(subject: Subject, key: str) -> None:
    subject.hold(key)
    subject.provider.capture(key)
    for _ in range(2):
        assert subject.provider.refund(key, TOTAL, f"refund/{key}").status is PaymentStatus.REFUNDED


def test_partial_refunds_are_made_once_each(subject: Subject, key: str) -> None:
    subject.hold(key)
    subject.provider.capture(key)
    for part, amount in (("1", rupees(600)), ("1", rupees(600)), ("2", rupees(600)), ("3", rupees(480))):
        assert subject.provider.refund(key, amount, f"refund/{key}/{part}").status is PaymentStatus.REFUNDED


# ------------------------------------------------------------------------------------------- the sandbox

BANK = Subject(SandboxProvider(), "sandbox-success")


def refunded(key: str) -> int:
    with read_session() as session:
        return session.scalars(select(SandboxCharge.refunded).where(SandboxCharge.key == key)).one()


def ask(key: str, card: str) -> ProviderResponse:
    return BANK.provider.authorise(BANK.charge(key, card))


def test_the_card_that_is_declined_stays_declined(key: str) -> None:
    for _ in range(2):
        answer = ask(key, "sandbox-decline")
        assert (answer.status, answer.reason) == (PaymentStatus.DECLINED, "The bank declined the card")


def test_a_declined_card_is_not_captured(key: str) -> None:
    ask(key, "sandbox-decline")
    assert BANK.provider.capture(key).status is PaymentStatus.DECLINED


def test_the_card_that_needs_confirmation_has_a_page(key: str) -> None:
    answer = ask(key, "sandbox-confirm")
    assert answer.status is PaymentStatus.ACTION_NEEDED
    assert answer.action_url == f"/payments/sandbox/{answer.reference}"


@pytest.mark.parametrize(("approve", "status"), [(True, PaymentStatus.AUTHORISED), (False, PaymentStatus.DECLINED)])
def test_the_customers_first_decision_is_final(key: str, approve: bool, status: PaymentStatus) -> None:
    reference = ask(key, "sandbox-confirm").reference
    sandbox.decide(reference, approve=approve)
    sandbox.decide(reference, approve=not approve)
    assert ask(key, "sandbox-confirm").status is status


def test_nothing_is_captured_before_the_customer_confirmed(key: str) -> None:
    ask(key, "sandbox-confirm")
    assert BANK.provider.capture(key).status is PaymentStatus.ACTION_NEEDED


def test_the_card_that_responds_late_is_charged_by_the_first_request(key: str) -> None:
    for _ in range(2):
        with pytest.raises(ProviderTimeout):
            ask(key, "sandbox-timeout")
    assert ask(key, "sandbox-timeout").status is PaymentStatus.AUTHORISED
    with read_session() as session:
        assert len(session.scalars(select(SandboxCharge).where(SandboxCharge.key == key)).all()) == 1


def test_a_key_voided_before_its_first_use_is_refused(key: str) -> None:
    BANK.provider.void(key)
    assert ask(key, "sandbox-success").status is PaymentStatus.VOIDED
    assert BANK.provider.capture(key).status is PaymentStatus.VOIDED


def test_a_voided_charge_is_not_captured(key: str) -> None:
    ask(key, "sandbox-success")
    BANK.provider.void(key)
    assert BANK.provider.capture(key).status is PaymentStatus.VOIDED


def test_a_captured_charge_is_not_voided(key: str) -> None:
    ask(key, "sandbox-success")
    BANK.provider.capture(key)
    BANK.provider.void(key)
    assert BANK.provider.capture(key).status is PaymentStatus.CAPTURED


def test_a_refund_is_exactly_the_requested_amount(key: str) -> None:
    ask(key, "sandbox-success")
    BANK.provider.capture(key)
    for _ in range(2):
        BANK.provider.refund(key, TOTAL, f"refund/{key}")
    assert refunded(key) == TOTAL.minor


def test_a_charge_that_was_not_captured_is_not_refunded(key: str) -> None:
    ask(key, "sandbox-success")
    assert BANK.provider.refund(key, TOTAL, f"refund/{key}").status is PaymentStatus.AUTHORISED
    assert refunded(key) == 0


def test_the_sandbox_counts_partial_refunds(key: str) -> None:
    ask(key, "sandbox-success")
    BANK.provider.capture(key)
    for part, amount in (("1", rupees(600)), ("1", rupees(600)), ("2", rupees(600))):
        BANK.provider.refund(key, amount, part + key)
    assert refunded(key) == 120_000
    assert BANK.provider.capture(key).status is PaymentStatus.CAPTURED


def test_the_sandbox_refunds_no_more_than_it_captured(key: str) -> None:
    ask(key, "sandbox-success")
    BANK.provider.capture(key)
    BANK.provider.refund(key, rupees(1000), "1" + key)
    assert BANK.provider.refund(key, rupees("680.01"), "2" + key).status is PaymentStatus.CAPTURED
    assert refunded(key) == 100_000


@pytest.mark.parametrize("move", ["capture", "refund"])
def test_an_unknown_charge_can_neither_be_captured_nor_refunded(key: str, move: str) -> None:
    with pytest.raises(UnknownPayment):
        BANK.provider.capture(key) if move == "capture" else BANK.provider.refund(key, TOTAL, f"refund/{key}")
