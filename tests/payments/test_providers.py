"""What every payment provider promises, and what the sandbox's cards do on purpose."""

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


def test_it_names_the_ways_to_pay_that_it_offers(subject: Subject) -> None:
    options = subject.provider.options()
    assert subject.method in {option.code for option in options}
    assert len({option.code for option in options}) == len(options)
    for option in options:
        assert option.label
        assert option.hint
        assert option.kind in {"cod", "card", "upi", "bnpl"}


def test_it_holds_the_money_and_names_what_it_holds(subject: Subject, key: str) -> None:
    answer = subject.hold(key)
    assert answer.status in HELD
    assert answer.reference


def test_asked_twice_under_one_key_it_holds_once(subject: Subject, key: str) -> None:
    first = subject.hold(key)
    assert subject.provider.authorise(subject.charge(key)) == first


def test_another_key_is_another_charge(subject: Subject, key: str) -> None:
    first = subject.provider.authorise(subject.charge(key))
    second = subject.provider.authorise(subject.charge(str(uuid.uuid4())))
    assert first.reference != second.reference


def test_it_takes_what_it_holds_once(subject: Subject, key: str) -> None:
    subject.hold(key)
    first = subject.provider.capture(key)
    assert first.status in TAKEN
    assert subject.provider.capture(key) == first


def test_it_lets_go_of_what_it_holds(subject: Subject, key: str) -> None:
    subject.hold(key)
    for _ in range(2):
        assert subject.provider.void(key).status is PaymentStatus.VOIDED


def test_it_lets_go_of_what_it_never_heard_of(subject: Subject, key: str) -> None:
    assert subject.provider.void(key).status is PaymentStatus.VOIDED


def test_it_gives_back_what_it_took_once(subject: Subject, key: str) -> None:
    subject.hold(key)
    subject.provider.capture(key)
    for _ in range(2):
        assert subject.provider.refund(key, TOTAL, f"refund/{key}").status is PaymentStatus.REFUNDED


def test_it_gives_back_part_by_part_each_once(subject: Subject, key: str) -> None:
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


def test_nothing_is_taken_from_a_card_that_was_declined(key: str) -> None:
    ask(key, "sandbox-decline")
    assert BANK.provider.capture(key).status is PaymentStatus.DECLINED


def test_the_card_that_asks_for_confirmation_names_a_page(key: str) -> None:
    answer = ask(key, "sandbox-confirm")
    assert answer.status is PaymentStatus.ACTION_NEEDED
    assert answer.action_url == f"/payments/sandbox/{answer.reference}"


@pytest.mark.parametrize(("approve", "status"), [(True, PaymentStatus.AUTHORISED), (False, PaymentStatus.DECLINED)])
def test_what_the_customer_decided_stands(key: str, approve: bool, status: PaymentStatus) -> None:
    reference = ask(key, "sandbox-confirm").reference
    sandbox.decide(reference, approve=approve)
    sandbox.decide(reference, approve=not approve)
    assert ask(key, "sandbox-confirm").status is status


def test_nothing_is_taken_before_the_customer_confirmed(key: str) -> None:
    ask(key, "sandbox-confirm")
    assert BANK.provider.capture(key).status is PaymentStatus.ACTION_NEEDED


def test_the_card_that_answers_late_was_charged_at_the_first_question(key: str) -> None:
    for _ in range(2):
        with pytest.raises(ProviderTimeout):
            ask(key, "sandbox-timeout")
    assert ask(key, "sandbox-timeout").status is PaymentStatus.AUTHORISED
    with read_session() as session:
        assert len(session.scalars(select(SandboxCharge).where(SandboxCharge.key == key)).all()) == 1


def test_what_was_let_go_before_it_was_heard_of_is_refused_from_then_on(key: str) -> None:
    BANK.provider.void(key)
    assert ask(key, "sandbox-success").status is PaymentStatus.VOIDED
    assert BANK.provider.capture(key).status is PaymentStatus.VOIDED


def test_nothing_is_taken_of_what_was_let_go(key: str) -> None:
    ask(key, "sandbox-success")
    BANK.provider.void(key)
    assert BANK.provider.capture(key).status is PaymentStatus.VOIDED


def test_what_was_taken_is_not_let_go(key: str) -> None:
    ask(key, "sandbox-success")
    BANK.provider.capture(key)
    BANK.provider.void(key)
    assert BANK.provider.capture(key).status is PaymentStatus.CAPTURED


def test_what_was_given_back_is_exactly_what_was_asked_for(key: str) -> None:
    ask(key, "sandbox-success")
    BANK.provider.capture(key)
    for _ in range(2):
        BANK.provider.refund(key, TOTAL, f"refund/{key}")
    assert refunded(key) == TOTAL.minor


def test_nothing_is_given_back_of_what_was_not_taken(key: str) -> None:
    ask(key, "sandbox-success")
    assert BANK.provider.refund(key, TOTAL, f"refund/{key}").status is PaymentStatus.AUTHORISED
    assert refunded(key) == 0


def test_the_bank_keeps_count_of_the_parts(key: str) -> None:
    ask(key, "sandbox-success")
    BANK.provider.capture(key)
    for part, amount in (("1", rupees(600)), ("1", rupees(600)), ("2", rupees(600))):
        BANK.provider.refund(key, amount, part + key)
    assert refunded(key) == 120_000
    assert BANK.provider.capture(key).status is PaymentStatus.CAPTURED


def test_the_bank_gives_no_more_back_than_it_took(key: str) -> None:
    ask(key, "sandbox-success")
    BANK.provider.capture(key)
    BANK.provider.refund(key, rupees(1000), "1" + key)
    assert BANK.provider.refund(key, rupees("680.01"), "2" + key).status is PaymentStatus.CAPTURED
    assert refunded(key) == 100_000


@pytest.mark.parametrize("move", ["capture", "refund"])
def test_a_charge_that_never_was_can_neither_be_taken_nor_given_back(key: str, move: str) -> None:
    with pytest.raises(UnknownPayment):
        BANK.provider.capture(key) if move == "capture" else BANK.provider.refund(key, TOTAL, f"refund/{key}")
