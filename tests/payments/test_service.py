"""One payment a checkout: held once, taken once, given back once, whatever the provider says and when."""

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
from storefront.payments.service import PaymentStatus
from storefront.payments.values import ProviderTimeout
from tests.consistency import charges_of, payments_of
from tests.factories.catalog import rupees
from tests.fakes import ScriptedProvider

TOTAL = rupees(1680)
HELD = ProviderResponse(PaymentStatus.AUTHORISED, "ref-1")
TAKEN = ProviderResponse(PaymentStatus.CAPTURED, "ref-1")
NO = ProviderResponse(PaymentStatus.DECLINED, reason="The bank said no")
GONE = ProviderResponse(PaymentStatus.VOIDED)
SILENCE = ProviderTimeout("nobody answers")


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


def test_money_is_held_for_a_checkout_once(provider: ScriptedProvider, checkout: str) -> None:
    provider.answers = [HELD]
    for _ in range(3):
        authorise(checkout)
    assert provider.asked == [f"authorise {checkout}"]
    row = row_of(checkout)
    assert (row.status, row.amount, row.provider_reference) == (PaymentStatus.AUTHORISED, TOTAL.minor, "ref-1")


def test_a_declined_payment_stays_declined(provider: ScriptedProvider, checkout: str) -> None:
    provider.answers = [NO]
    for _ in range(2):
        with pytest.raises(payments.PaymentDeclined) as refusal:
            authorise(checkout)
        assert refusal.value.reason == "The bank said no"
    assert len(provider.asked) == 1


def test_a_customer_who_must_confirm_is_sent_there_until_it_is_done(provider: ScriptedProvider, checkout: str) -> None:
    needed = ProviderResponse(PaymentStatus.ACTION_NEEDED, "ref-1", action_url="/bank")
    provider.answers = [needed, needed, HELD]
    for _ in range(2):
        with pytest.raises(payments.CustomerActionNeeded) as hint:
            authorise(checkout)
        assert hint.value.url == "/bank"
    authorise(checkout)
    assert payments.status_of(checkout) is PaymentStatus.AUTHORISED


def test_silence_is_no_refusal_and_the_same_key_is_asked_again(provider: ScriptedProvider, checkout: str) -> None:
    provider.answers = [SILENCE, HELD]
    with pytest.raises(ProviderTimeout):
        authorise(checkout)
    assert payments.status_of(checkout) is PaymentStatus.STARTED
    authorise(checkout)
    assert provider.asked == [f"authorise {checkout}"] * 2
    assert payments.status_of(checkout) is PaymentStatus.AUTHORISED


def test_a_bank_that_answers_late_has_charged_once(checkout: str) -> None:
    for _ in range(2):
        with pytest.raises(ProviderTimeout):
            authorise(checkout, "sandbox-timeout")
    authorise(checkout, "sandbox-timeout")
    assert charges_of(checkout) == [PaymentStatus.AUTHORISED]


def test_no_transaction_is_open_while_a_provider_is_on_the_line(provider: ScriptedProvider, checkout: str) -> None:
    def anybody_may_write() -> None:
        with transaction("orders"):  # refused where a transaction is open already
            pass

    provider.meanwhile = anybody_may_write
    provider.answers = [HELD, TAKEN, ProviderResponse(PaymentStatus.REFUNDED)]
    authorise(checkout)
    payments.capture(checkout, "ORD-1")
    payments.refund_remaining(checkout, "changed my mind")
    assert len(provider.asked) == 3
    with pytest.raises(WriteOutsideTransaction), transaction("payments"):
        anybody_may_write()


def test_the_attempt_is_on_record_before_the_provider_hears_of_it(provider: ScriptedProvider, checkout: str) -> None:
    seen: list[list[PaymentStatus]] = []
    provider.meanwhile = lambda: seen.append(payments_of(checkout))
    provider.answers = [HELD]
    authorise(checkout)
    assert seen == [[PaymentStatus.STARTED]]


def test_a_way_to_pay_that_is_not_offered_cannot_be_asked_for(checkout: str) -> None:
    with pytest.raises(payments.UnknownPayment):
        authorise(checkout, "cheque")
    assert payments.status_of(checkout) is None


# --------------------------------------------------------------------------------------------- capturing


def test_money_is_taken_once_and_for_one_order(provider: ScriptedProvider, checkout: str) -> None:
    provider.answers = [HELD, TAKEN]
    authorise(checkout)
    for _ in range(3):
        payments.capture(checkout, "ORD-1")
    assert provider.asked[1:] == [f"capture {checkout}"]
    row = row_of(checkout)
    assert (row.status, row.order_id) == (PaymentStatus.CAPTURED, "ORD-1")


def test_silence_while_money_is_taken_is_asked_again(provider: ScriptedProvider, checkout: str) -> None:
    provider.answers = [HELD, SILENCE, TAKEN]
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


def test_what_was_held_and_is_gone_cannot_be_taken(provider: ScriptedProvider, checkout: str) -> None:
    provider.answers = [HELD, ProviderResponse(PaymentStatus.VOIDED)]
    authorise(checkout)
    with pytest.raises(payments.PaymentDeclined):
        payments.capture(checkout, "ORD-1")


def test_a_checkout_that_pays_nothing_has_nothing_to_take(checkout: str) -> None:
    with pytest.raises(payments.UnknownPayment):
        payments.capture(checkout, "ORD-1")


# ------------------------------------------------------------------------------------------------ voiding


def test_what_is_held_is_let_go_once(provider: ScriptedProvider, checkout: str) -> None:
    provider.answers = [HELD, GONE]
    authorise(checkout)
    for _ in range(3):
        payments.void(checkout)
    assert provider.asked[1:] == [f"void {checkout}"]
    assert payments.status_of(checkout) is PaymentStatus.VOIDED


def test_what_may_be_held_is_let_go_too(provider: ScriptedProvider, checkout: str) -> None:
    provider.answers = [SILENCE, GONE]
    with pytest.raises(ProviderTimeout):
        authorise(checkout)
    payments.void(checkout)
    assert provider.asked[1:] == [f"void {checkout}"]


def test_a_payment_never_heard_of_has_nothing_to_let_go(provider: ScriptedProvider, checkout: str) -> None:
    payments.void(checkout)
    assert provider.asked == []


def test_money_that_was_taken_is_not_let_go(provider: ScriptedProvider, checkout: str) -> None:
    provider.answers = [HELD, TAKEN]
    authorise(checkout)
    payments.capture(checkout, "ORD-1")
    payments.void(checkout)
    assert payments.status_of(checkout) is PaymentStatus.CAPTURED
    assert len(provider.asked) == 2


def test_a_payment_let_go_is_not_held_again(provider: ScriptedProvider, checkout: str) -> None:
    provider.answers = [HELD, GONE]
    authorise(checkout)
    payments.void(checkout)
    with pytest.raises(payments.PaymentDeclined):
        authorise(checkout)


def test_an_answer_that_comes_after_the_payment_was_let_go_changes_nothing(
    provider: ScriptedProvider, checkout: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def another_runner_lets_go() -> None:
        provider.meanwhile = lambda: None
        payments.void(checkout)

    provider.meanwhile = another_runner_lets_go
    provider.answers = [GONE, HELD]
    authorise(checkout)
    assert payments.status_of(checkout) is PaymentStatus.VOIDED


@pytest.mark.parametrize("late", [HELD, ProviderResponse(PaymentStatus.ACTION_NEEDED, "ref-1", action_url="/bank")])
def test_an_answer_that_comes_after_the_money_was_taken_changes_nothing(
    provider: ScriptedProvider, checkout: str, late: ProviderResponse
) -> None:
    def another_runner_takes_it() -> None:
        provider.meanwhile = lambda: None
        authorise(checkout)
        payments.capture(checkout, "ORD-1")

    provider.meanwhile = another_runner_takes_it
    provider.answers = [HELD, TAKEN, late]
    with suppress(payments.CustomerActionNeeded):
        authorise(checkout)
    row = row_of(checkout)
    assert (row.status, row.order_id, row.reason) == (PaymentStatus.CAPTURED, "ORD-1", "")


# --------------------------------------------------------------------------------------------- giving back


def test_money_that_was_taken_is_given_back_once(provider: ScriptedProvider, checkout: str) -> None:
    back = ProviderResponse(PaymentStatus.REFUNDED, "ref-1")
    provider.answers = [HELD, TAKEN, back, back]
    authorise(checkout)
    payments.capture(checkout, "ORD-1")
    for _ in range(2):
        payments.refund_remaining(checkout, "changed my mind")
    assert payments.status_of(checkout) is PaymentStatus.REFUNDED
    assert refunds() == [(f"refund/{checkout}", TOTAL.minor)]


def test_money_that_was_taken_unheard_is_given_back_too(provider: ScriptedProvider, checkout: str) -> None:
    provider.answers = [HELD, TAKEN, ProviderResponse(PaymentStatus.REFUNDED, "ref-1")]
    authorise(checkout)
    payments.refund_remaining(checkout, "changed my mind")
    assert provider.asked[1:] == [f"void {checkout}", f"refund {checkout}"]
    assert payments.status_of(checkout) is PaymentStatus.REFUNDED
    assert refunds() == [(f"refund/{checkout}", TOTAL.minor)]


def test_silence_while_money_is_given_back_is_asked_again(provider: ScriptedProvider, checkout: str) -> None:
    provider.answers = [HELD, TAKEN, SILENCE, ProviderResponse(PaymentStatus.REFUNDED)]
    authorise(checkout)
    payments.capture(checkout, "ORD-1")
    with pytest.raises(ProviderTimeout):
        payments.refund_remaining(checkout, "changed my mind")
    assert refunds() == []
    payments.refund_remaining(checkout, "changed my mind")
    assert refunds() == [(f"refund/{checkout}", TOTAL.minor)]


def test_cash_that_is_still_due_is_let_go_instead(checkout: str) -> None:
    authorise(checkout, "cod")
    payments.capture(checkout, "ORD-1")
    payments.refund_remaining(checkout, "changed my mind")
    assert payments.status_of(checkout) is PaymentStatus.VOIDED
    assert refunds() == []


def test_a_checkout_that_pays_nothing_gets_nothing_back(checkout: str) -> None:
    with pytest.raises(payments.UnknownPayment):
        payments.refund_remaining(checkout, "changed my mind")


# --------------------------------------------------------------------------------------------- in parts


BACK = ProviderResponse(PaymentStatus.REFUNDED, "ref-1")


def test_parts_go_back_each_once_and_with_the_last_the_payment_is_refunded(
    provider: ScriptedProvider, checkout: str
) -> None:
    provider.answers = [HELD, TAKEN, BACK, BACK]
    authorise(checkout)
    payments.capture(checkout, "ORD-1")
    for _ in range(2):
        payments.refund_part(checkout, "1", rupees(600), "one mug")
    assert payments.status_of(checkout) is PaymentStatus.CAPTURED
    payments.refund_part(checkout, "2", rupees(1080), "the rest")
    assert payments.status_of(checkout) is PaymentStatus.REFUNDED
    assert refunds() == [(f"refund/{checkout}/1", 60_000), (f"refund/{checkout}/2", 108_000)]


def test_a_silent_provider_is_asked_again_under_the_same_key(provider: ScriptedProvider, checkout: str) -> None:
    provider.answers = [HELD, TAKEN, SILENCE, BACK]
    authorise(checkout)
    payments.capture(checkout, "ORD-1")
    with pytest.raises(ProviderTimeout):
        payments.refund_part(checkout, "1", rupees(600), "one mug")
    assert (refunds(), row_of(checkout).refunded) == ([], 60_000)  # promised already
    payments.refund_part(checkout, "1", rupees(600), "one mug")
    assert refunds() == [(f"refund/{checkout}/1", 60_000)]


def test_no_more_goes_back_than_was_paid(provider: ScriptedProvider, checkout: str) -> None:
    provider.answers = [HELD, TAKEN, BACK]
    authorise(checkout)
    payments.capture(checkout, "ORD-1")
    payments.refund_part(checkout, "1", rupees(1000), "two mugs")
    with pytest.raises(payments.RefundRefused):
        payments.refund_part(checkout, "2", rupees("680.01"), "too much")
    assert row_of(checkout).refunded == 100_000


def test_a_key_is_good_for_one_amount(provider: ScriptedProvider, checkout: str) -> None:
    provider.answers = [HELD, TAKEN, BACK]
    authorise(checkout)
    payments.capture(checkout, "ORD-1")
    payments.refund_part(checkout, "1", rupees(600), "one mug")
    with pytest.raises(payments.RefundRefused):
        payments.refund_part(checkout, "1", rupees(601), "one mug")


def test_a_provider_that_does_not_give_back_is_no_refund(provider: ScriptedProvider, checkout: str) -> None:
    provider.answers = [HELD, TAKEN, TAKEN]
    authorise(checkout)
    payments.capture(checkout, "ORD-1")
    with pytest.raises(payments.RefundRefused):
        payments.refund_part(checkout, "1", rupees(600), "one mug")
    assert refunds() == []


def test_after_a_part_only_the_rest_is_given_back(provider: ScriptedProvider, checkout: str) -> None:
    provider.answers = [HELD, TAKEN, BACK, BACK]
    authorise(checkout)
    payments.capture(checkout, "ORD-1")
    payments.refund_part(checkout, "1", rupees(600), "one mug")
    for _ in range(2):
        payments.refund_remaining(checkout, "changed my mind")
    assert refunds() == [(f"refund/{checkout}/1", 60_000), (f"refund/{checkout}", 108_000)]
    assert payments.status_of(checkout) is PaymentStatus.REFUNDED


def test_of_cash_that_is_due_so_much_less_is_asked_for(checkout: str) -> None:
    authorise(checkout, "cod")
    payments.capture(checkout, "ORD-1")
    payments.refund_part(checkout, "1", rupees(600), "one mug")
    row = row_of(checkout)
    assert (row.status, row.refunded) == (PaymentStatus.DUE, 60_000)
    payments.refund_remaining(checkout, "changed my mind")
    assert payments.status_of(checkout) is PaymentStatus.VOIDED


def test_of_what_was_let_go_nothing_goes_back(checkout: str) -> None:
    authorise(checkout, "cod")
    payments.void(checkout)
    payments.refund_part(checkout, "1", rupees(600), "one mug")
    assert refunds() == []


def test_a_payment_that_was_not_taken_yet_gives_nothing_back(provider: ScriptedProvider, checkout: str) -> None:
    provider.answers = [HELD]
    authorise(checkout)
    with pytest.raises(payments.RefundRefused):
        payments.refund_part(checkout, "1", rupees(600), "one mug")
