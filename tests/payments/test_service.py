"""One payment for each checkout: authorised, captured and refunded once, whatever the provider responds and when."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import suppress

import pytest
from flask import Flask
from sqlalchemy import select

from storefront.db.session import WriteOutsideTransaction, read_session, transaction
from storefront.payments import service as payments
from storefront.payments.models import Payment, Refund
from storefront.payments.providers import ProviderResponse
from storefront.payments.values import (
    CustomerActionNeeded,
    PaymentDeclined,
    PaymentStatus,
    ProviderTimeout,
    RefundRefused,
    UnknownPayment,
)
from tests.consistency import charges_of, payments_of
from tests.factories.catalog import rupees
from tests.fakes import ScriptedProvider

TOTAL = rupees(1680)
AUTHORISED = ProviderResponse(PaymentStatus.AUTHORISED, "ref-1")
CAPTURED = ProviderResponse(PaymentStatus.CAPTURED, "ref-1")
DECLINED = ProviderResponse(PaymentStatus.DECLINED, reason="The bank said no")
VOIDED = ProviderResponse(PaymentStatus.VOIDED)
TIMEOUT = ProviderTimeout("no response")


@pytest.fixture(autouse=True)
def _request(app: Flask) -> Iterator[None]:
    with app.test_request_context():
        yield


@pytest.fixture
def checkout() -> str:
    return str(uuid.uuid4())


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> ScriptedProvider:
    scripted = ScriptedProvider([])
    monkeypatch.setattr(payments, "_providers", lambda: (scripted,))
    return scripted


def authorise(checkout: str, method: str = "scripted") -> None:
    payments.authorise(checkout, TOTAL, method, "/checkout/placing/1")


def row_of(checkout: str) -> Payment:
    with read_session() as session:
        return session.scalars(select(Payment).where(Payment.checkout_id == checkout)).one()


def refunds() -> list[tuple[str, int]]:
    with read_session() as session:
        done = select(Refund).where(Refund.settled_at.is_not(None)).order_by(Refund.id)
        return [(refund.key, refund.amount) for refund in session.scalars(done)]


# ------------------------------------------------------------------------------------------- authorising


def test_a_payment_is_authorised_once_for_each_checkout(provider: ScriptedProvider, checkout: str) -> None:
    provider.answers = [AUTHORISED]
    for _ in range(3):
        authorise(checkout)
    assert provider.asked == [f"authorise {checkout}"]
    row = row_of(checkout)
    assert (row.status, row.amount, row.provider_reference) == (PaymentStatus.AUTHORISED, TOTAL.minor, "ref-1")


def test_a_declined_payment_stays_declined(provider: ScriptedProvider, checkout: str) -> None:
    provider.answers = [DECLINED]
    for _ in range(2):
        with pytest.raises(PaymentDeclined) as refusal:
            authorise(checkout)
        assert refusal.value.reason == "The bank said no"
    assert len(provider.asked) == 1


def test_customer_action_is_required_until_the_payment_is_confirmed(provider: ScriptedProvider, checkout: str) -> None:
    needed = ProviderResponse(PaymentStatus.ACTION_NEEDED, "ref-1", action_url="/bank")
    provider.answers = [needed, needed, AUTHORISED]
    for _ in range(2):
        with pytest.raises(CustomerActionNeeded) as hint:
            authorise(checkout)
        assert hint.value.url == "/bank"
    authorise(checkout)
    assert payments.status_of(checkout) is PaymentStatus.AUTHORISED


def test_a_timeout_is_retried_under_the_same_key(provider: ScriptedProvider, checkout: str) -> None:
    provider.answers = [TIMEOUT, AUTHORISED]
    with pytest.raises(ProviderTimeout):
        authorise(checkout)
    assert payments.status_of(checkout) is PaymentStatus.STARTED
    authorise(checkout)
    assert provider.asked == [f"authorise {checkout}"] * 2
    assert payments.status_of(checkout) is PaymentStatus.AUTHORISED


def test_a_late_response_means_one_charge(checkout: str) -> None:
    for _ in range(2):
        with pytest.raises(ProviderTimeout):
            authorise(checkout, "sandbox-timeout")
    authorise(checkout, "sandbox-timeout")
    assert charges_of(checkout) == [PaymentStatus.AUTHORISED]


def test_no_transaction_is_open_during_a_request_to_a_provider(provider: ScriptedProvider, checkout: str) -> None:
    def open_a_transaction() -> None:
        with transaction("orders"):  # refused where a transaction is open already
            pass

    provider.meanwhile = open_a_transaction
    provider.answers = [AUTHORISED, CAPTURED, ProviderResponse(PaymentStatus.REFUNDED)]
    authorise(checkout)
    payments.capture(checkout, "ORD-1")
    payments.refund_remaining(checkout, "changed my mind")
    assert len(provider.asked) == 3
    with pytest.raises(WriteOutsideTransaction), transaction("payments"):
        open_a_transaction()


def test_the_attempt_is_committed_before_the_provider_is_asked(provider: ScriptedProvider, checkout: str) -> None:
    seen: list[list[PaymentStatus]] = []
    provider.meanwhile = lambda: seen.append(payments_of(checkout))
    provider.answers = [AUTHORISED]
    authorise(checkout)
    assert seen == [[PaymentStatus.STARTED]]


def test_a_payment_method_that_is_not_offered_is_unknown(checkout: str) -> None:
    with pytest.raises(UnknownPayment):
        authorise(checkout, "cheque")
    assert payments.status_of(checkout) is None


# --------------------------------------------------------------------------------------------- capturing


def test_a_payment_is_captured_once_for_its_order(provider: ScriptedProvider, checkout: str) -> None:
    provider.answers = [AUTHORISED, CAPTURED]
    authorise(checkout)
    for _ in range(3):
        payments.capture(checkout, "ORD-1")
    assert provider.asked[1:] == [f"capture {checkout}"]
    row = row_of(checkout)
    assert (row.status, row.order_id) == (PaymentStatus.CAPTURED, "ORD-1")


def test_a_timeout_of_the_capture_is_retried(provider: ScriptedProvider, checkout: str) -> None:
    provider.answers = [AUTHORISED, TIMEOUT, CAPTURED]
    authorise(checkout)
    with pytest.raises(ProviderTimeout):
        payments.capture(checkout, "ORD-1")
    payments.capture(checkout, "ORD-1")
    assert payments.status_of(checkout) is PaymentStatus.CAPTURED


def test_cash_is_due_until_it_is_collected(checkout: str) -> None:
    authorise(checkout, "cod")
    for _ in range(2):
        payments.capture(checkout, "ORD-1")
    row = row_of(checkout)
    assert (row.status, row.order_id) == (PaymentStatus.DUE, "ORD-1")


def test_an_authorisation_that_was_voided_cannot_be_captured(provider: ScriptedProvider, checkout: str) -> None:
    provider.answers = [AUTHORISED, ProviderResponse(PaymentStatus.VOIDED)]
    authorise(checkout)
    with pytest.raises(PaymentDeclined):
        payments.capture(checkout, "ORD-1")


def test_capturing_without_a_payment_fails(checkout: str) -> None:
    with pytest.raises(UnknownPayment):
        payments.capture(checkout, "ORD-1")


# ------------------------------------------------------------------------------------------------ voiding


def test_an_authorised_payment_is_voided_once(provider: ScriptedProvider, checkout: str) -> None:
    provider.answers = [AUTHORISED, VOIDED]
    authorise(checkout)
    for _ in range(3):
        payments.void(checkout)
    assert provider.asked[1:] == [f"void {checkout}"]
    assert payments.status_of(checkout) is PaymentStatus.VOIDED


def test_an_attempt_without_response_is_voided_too(provider: ScriptedProvider, checkout: str) -> None:
    provider.answers = [TIMEOUT, VOIDED]
    with pytest.raises(ProviderTimeout):
        authorise(checkout)
    payments.void(checkout)
    assert provider.asked[1:] == [f"void {checkout}"]


def test_voiding_without_a_payment_does_nothing(provider: ScriptedProvider, checkout: str) -> None:
    payments.void(checkout)
    assert provider.asked == []


def test_a_captured_payment_is_not_voided(provider: ScriptedProvider, checkout: str) -> None:
    provider.answers = [AUTHORISED, CAPTURED]
    authorise(checkout)
    payments.capture(checkout, "ORD-1")
    payments.void(checkout)
    assert payments.status_of(checkout) is PaymentStatus.CAPTURED
    assert len(provider.asked) == 2


def test_a_voided_payment_is_not_authorised_again(provider: ScriptedProvider, checkout: str) -> None:
    provider.answers = [AUTHORISED, VOIDED]
    authorise(checkout)
    payments.void(checkout)
    with pytest.raises(PaymentDeclined):
        authorise(checkout)


def test_a_response_that_arrives_after_the_void_changes_nothing(
    provider: ScriptedProvider, checkout: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def another_runner_voids() -> None:
        provider.meanwhile = lambda: None
        payments.void(checkout)

    provider.meanwhile = another_runner_voids
    provider.answers = [VOIDED, AUTHORISED]
    authorise(checkout)
    assert payments.status_of(checkout) is PaymentStatus.VOIDED


@pytest.mark.parametrize(
    "late", [AUTHORISED, ProviderResponse(PaymentStatus.ACTION_NEEDED, "ref-1", action_url="/bank")]
)
def test_a_response_that_arrives_after_the_capture_changes_nothing(
    provider: ScriptedProvider, checkout: str, late: ProviderResponse
) -> None:
    def another_runner_captures() -> None:
        provider.meanwhile = lambda: None
        authorise(checkout)
        payments.capture(checkout, "ORD-1")

    provider.meanwhile = another_runner_captures
    provider.answers = [AUTHORISED, CAPTURED, late]
    with suppress(CustomerActionNeeded):
        authorise(checkout)
    row = row_of(checkout)
    assert (row.status, row.order_id, row.reason) == (PaymentStatus.CAPTURED, "ORD-1", "")


# --------------------------------------------------------------------------------------------- refunds


def test_a_captured_payment_is_refunded_once(provider: ScriptedProvider, checkout: str) -> None:
    back = ProviderResponse(PaymentStatus.REFUNDED, "ref-1")
    provider.answers = [AUTHORISED, CAPTURED, back, back]
    authorise(checkout)
    payments.capture(checkout, "ORD-1")
    for _ in range(2):
        payments.refund_remaining(checkout, "changed my mind")
    assert payments.status_of(checkout) is PaymentStatus.REFUNDED
    assert refunds() == [(f"refund/{checkout}", TOTAL.minor)]


def test_a_payment_captured_without_a_response_is_refunded_too(provider: ScriptedProvider, checkout: str) -> None:
    provider.answers = [AUTHORISED, CAPTURED, ProviderResponse(PaymentStatus.REFUNDED, "ref-1")]
    authorise(checkout)
    payments.refund_remaining(checkout, "changed my mind")
    assert provider.asked[1:] == [f"void {checkout}", f"refund {checkout}"]
    assert payments.status_of(checkout) is PaymentStatus.REFUNDED
    assert refunds() == [(f"refund/{checkout}", TOTAL.minor)]


def test_a_timeout_of_the_refund_is_retried(provider: ScriptedProvider, checkout: str) -> None:
    provider.answers = [AUTHORISED, CAPTURED, TIMEOUT, ProviderResponse(PaymentStatus.REFUNDED)]
    authorise(checkout)
    payments.capture(checkout, "ORD-1")
    with pytest.raises(ProviderTimeout):
        payments.refund_remaining(checkout, "changed my mind")
    assert refunds() == []
    payments.refund_remaining(checkout, "changed my mind")
    assert refunds() == [(f"refund/{checkout}", TOTAL.minor)]


def test_a_payment_due_on_delivery_is_voided_instead_of_refunded(checkout: str) -> None:
    authorise(checkout, "cod")
    payments.capture(checkout, "ORD-1")
    payments.refund_remaining(checkout, "changed my mind")
    assert payments.status_of(checkout) is PaymentStatus.VOIDED
    assert refunds() == []


def test_refunding_without_a_payment_fails(checkout: str) -> None:
    with pytest.raises(UnknownPayment):
        payments.refund_remaining(checkout, "changed my mind")


# --------------------------------------------------------------------------------------------- partial refunds


REFUNDED = ProviderResponse(PaymentStatus.REFUNDED, "ref-1")


def test_partial_refunds_are_made_once_and_the_last_one_completes_the_refund(
    provider: ScriptedProvider, checkout: str
) -> None:
    provider.answers = [AUTHORISED, CAPTURED, REFUNDED, REFUNDED]
    authorise(checkout)
    payments.capture(checkout, "ORD-1")
    for _ in range(2):
        payments.refund_part(checkout, "1", rupees(600), "one mug")
    assert payments.status_of(checkout) is PaymentStatus.CAPTURED
    payments.refund_part(checkout, "2", rupees(1080), "the rest")
    assert payments.status_of(checkout) is PaymentStatus.REFUNDED
    assert refunds() == [(f"refund/{checkout}/1", 60_000), (f"refund/{checkout}/2", 108_000)]


def test_a_timeout_of_a_partial_refund_is_retried_under_the_same_key(provider: ScriptedProvider, checkout: str) -> None:
    provider.answers = [AUTHORISED, CAPTURED, TIMEOUT, REFUNDED]
    authorise(checkout)
    payments.capture(checkout, "ORD-1")
    with pytest.raises(ProviderTimeout):
        payments.refund_part(checkout, "1", rupees(600), "one mug")
    assert (refunds(), row_of(checkout).refunded) == ([], 60_000)  # reserved already
    payments.refund_part(checkout, "1", rupees(600), "one mug")
    assert refunds() == [(f"refund/{checkout}/1", 60_000)]


def test_refunds_cannot_exceed_the_payment(provider: ScriptedProvider, checkout: str) -> None:
    provider.answers = [AUTHORISED, CAPTURED, REFUNDED]
    authorise(checkout)
    payments.capture(checkout, "ORD-1")
    payments.refund_part(checkout, "1", rupees(1000), "two mugs")
    with pytest.raises(RefundRefused):
        payments.refund_part(checkout, "2", rupees("680.01"), "too much")
    assert row_of(checkout).refunded == 100_000


def test_a_refund_key_cannot_be_reused_for_another_amount(provider: ScriptedProvider, checkout: str) -> None:
    provider.answers = [AUTHORISED, CAPTURED, REFUNDED]
    authorise(checkout)
    payments.capture(checkout, "ORD-1")
    payments.refund_part(checkout, "1", rupees(600), "one mug")
    with pytest.raises(RefundRefused):
        payments.refund_part(checkout, "1", rupees(601), "one mug")


def test_a_refund_that_the_provider_refuses_is_not_settled(provider: ScriptedProvider, checkout: str) -> None:
    provider.answers = [AUTHORISED, CAPTURED, CAPTURED]
    authorise(checkout)
    payments.capture(checkout, "ORD-1")
    with pytest.raises(RefundRefused):
        payments.refund_part(checkout, "1", rupees(600), "one mug")
    assert refunds() == []


def test_after_a_partial_refund_only_the_rest_is_refunded(provider: ScriptedProvider, checkout: str) -> None:
    provider.answers = [AUTHORISED, CAPTURED, REFUNDED, REFUNDED]
    authorise(checkout)
    payments.capture(checkout, "ORD-1")
    payments.refund_part(checkout, "1", rupees(600), "one mug")
    for _ in range(2):
        payments.refund_remaining(checkout, "changed my mind")
    assert refunds() == [(f"refund/{checkout}/1", 60_000), (f"refund/{checkout}", 108_000)]
    assert payments.status_of(checkout) is PaymentStatus.REFUNDED


def test_a_partial_refund_reduces_a_payment_due_on_delivery(checkout: str) -> None:
    authorise(checkout, "cod")
    payments.capture(checkout, "ORD-1")
    payments.refund_part(checkout, "1", rupees(600), "one mug")
    row = row_of(checkout)
    assert (row.status, row.refunded) == (PaymentStatus.DUE, 60_000)
    payments.refund_remaining(checkout, "changed my mind")
    assert payments.status_of(checkout) is PaymentStatus.VOIDED


def test_a_voided_payment_is_not_refunded(checkout: str) -> None:
    authorise(checkout, "cod")
    payments.void(checkout)
    payments.refund_part(checkout, "1", rupees(600), "one mug")
    assert refunds() == []


def test_a_payment_that_was_not_captured_is_not_refunded(provider: ScriptedProvider, checkout: str) -> None:
    provider.answers = [AUTHORISED]
    authorise(checkout)
    with pytest.raises(RefundRefused):
        payments.refund_part(checkout, "1", rupees(600), "one mug")
