"""The Stripe provider against a fake Stripe: statuses, lost responses, and voided charges."""

from __future__ import annotations

import uuid
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from flask import Flask
from stripe import InvalidRequestError, StripeClient

from storefront.db.session import db
from storefront.payments import stripe as adapter
from storefront.payments.providers import Charge, ProviderResponse
from storefront.payments.stripe import StripeProvider
from storefront.payments.values import PaymentStatus, ProviderTimeout, UnknownPayment
from tests.factories.catalog import rupees
from tests.run import free_port
from tests.stripe_process import IS_DECLINED, Bank, ask, pay

TOTAL = rupees("1680.50")
provider = StripeProvider()


@pytest.fixture
def key() -> str:
    return str(uuid.uuid4())


def authorise(key: str) -> ProviderResponse:
    return provider.authorise(Charge(key, TOTAL, "stripe", "/checkout/placing/1"))


def hold(key: str) -> None:
    assert pay(authorise(key).action_url) == 303
    assert authorise(key).status is PaymentStatus.AUTHORISED


@pytest.fixture
def silent(app: Flask, stripe: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens where Stripe should be."""
    monkeypatch.setitem(app.config, "STRIPE_API_BASE", f"http://127.0.0.1:{free_port()}")


# ------------------------------------------------------------------------------------------------ paying


def test_the_customer_is_sent_to_a_page_for_the_total(stripe: Bank, key: str) -> None:
    answer = authorise(key)
    assert answer.status is PaymentStatus.ACTION_NEEDED
    assert answer.action_url.startswith(adapter.page_origin())
    status, page = ask(answer.action_url)
    assert status == 200
    assert "<h1>Pay 168050 inr</h1>" in page
    assert 'href="http://localhost:9090/checkout/placing/1"' in page


def test_the_page_stays_the_same_until_the_customer_has_paid(stripe: Bank, key: str) -> None:
    first = authorise(key)
    assert authorise(key) == first
    assert stripe.states_of(key) == []


def test_a_paid_session_is_authorised_and_not_captured(stripe: Bank, key: str) -> None:
    hold(key)
    (intent,) = stripe.kept("payment_intents", key)
    assert (intent["status"], intent["amount"], intent["currency"]) == ("requires_capture", 168050, "inr")


def test_a_card_that_is_declined_leaves_the_customer_on_the_page(stripe: Bank, key: str) -> None:
    page = authorise(key).action_url
    assert pay(page, IS_DECLINED) == 402
    assert authorise(key).action_url == page
    assert pay(page) == 303
    assert authorise(key).status is PaymentStatus.AUTHORISED


def test_an_expired_page_is_a_decline_with_a_reason(stripe: Bank, key: str) -> None:
    reference = authorise(key).reference
    ask(f"{stripe.origin}/v1/checkout/sessions/{reference}/expire", "POST")
    answer = authorise(key)
    assert (answer.status, answer.reason) == (PaymentStatus.DECLINED, "The payment page closed before you paid")


def test_a_capture_is_made_at_stripe(stripe: Bank, key: str) -> None:
    hold(key)
    assert provider.capture(key).status is PaymentStatus.CAPTURED
    assert stripe.states_of(key) == ["succeeded"]


def test_nothing_is_captured_before_the_customer_has_paid(stripe: Bank, key: str) -> None:
    authorise(key)
    assert provider.capture(key).status is PaymentStatus.ACTION_NEEDED


def test_a_full_refund_is_made_once(stripe: Bank, key: str) -> None:
    hold(key)
    provider.capture(key)
    for _ in range(2):
        assert provider.refund(key, TOTAL, f"refund/{key}").status is PaymentStatus.REFUNDED
    assert stripe.refunded(key) == [168050]


def test_partial_refunds_are_made_once_each(stripe: Bank, key: str) -> None:
    hold(key)
    provider.capture(key)
    for part, amount in (("1", rupees(600)), ("2", rupees(600)), ("1", rupees(600))):
        assert provider.refund(key, amount, f"refund/{key}/{part}").status is PaymentStatus.REFUNDED
    assert stripe.refunded(key) == [60_000, 60_000]


def test_a_refund_repeated_days_later_is_recognised_by_its_metadata(stripe: Bank, key: str) -> None:
    hold(key)
    provider.capture(key)
    provider.refund(key, rupees(600), f"refund/{key}/1")
    ask(f"{stripe.origin}/_config/forget-keys", "POST")
    provider.refund(key, rupees(600), f"refund/{key}/1")
    assert stripe.refunded(key) == [60_000]


def test_more_than_is_left_is_refused_by_stripe(stripe: Bank, key: str) -> None:
    hold(key)
    provider.capture(key)
    provider.refund(key, rupees(1000), f"refund/{key}/1")
    with pytest.raises(InvalidRequestError):
        provider.refund(key, rupees("680.51"), f"refund/{key}/2")
    assert stripe.refunded(key) == [100_000]


@pytest.mark.parametrize("move", ["capture", "refund"])
def test_an_unknown_charge_can_neither_be_captured_nor_refunded(stripe: Bank, key: str, move: str) -> None:
    with pytest.raises(UnknownPayment):
        provider.capture(key) if move == "capture" else provider.refund(key, TOTAL, f"refund/{key}")


# --------------------------------------------------------------------------------------------- letting go


def test_a_voided_session_accepts_no_payment(stripe: Bank, key: str) -> None:
    page = authorise(key).action_url
    provider.void(key)
    assert pay(page) == 400 or stripe.states_of(key) == []
    assert authorise(key).status is PaymentStatus.VOIDED


def test_an_authorisation_is_voided_at_stripe(stripe: Bank, key: str) -> None:
    hold(key)
    assert provider.void(key).status is PaymentStatus.VOIDED
    assert stripe.states_of(key) == ["canceled"]


def test_a_key_voided_before_its_first_use_is_refused(stripe: Bank, key: str) -> None:
    provider.void(key)
    assert authorise(key).status is PaymentStatus.VOIDED
    with pytest.raises(UnknownPayment):
        provider.capture(key)


def test_a_captured_charge_is_not_voided(stripe: Bank, key: str) -> None:
    hold(key)
    provider.capture(key)
    assert provider.void(key).status is PaymentStatus.CAPTURED
    assert stripe.states_of(key) == ["succeeded"]


def test_a_charge_voided_during_the_request_has_no_payment_page(
    stripe: Bank, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask_stripe = adapter._open_session

    def void_meanwhile(charge: Charge) -> object:
        session = ask_stripe(charge)
        provider.void(key)
        return session

    monkeypatch.setattr(adapter, "_open_session", void_meanwhile)
    assert authorise(key).status is PaymentStatus.VOIDED
    assert authorise(key).status is PaymentStatus.VOIDED


# ------------------------------------------------------------------------------------------------ silence


def test_an_unreachable_stripe_is_a_timeout(silent: None, key: str) -> None:
    with pytest.raises(ProviderTimeout):
        authorise(key)


def test_a_lost_response_is_a_timeout_and_the_retry_gets_the_same_page(stripe: Bank, key: str) -> None:
    stripe.lose_answers(2)  # a request that may be made twice is
    with pytest.raises(ProviderTimeout):
        authorise(key)
    hold(key)
    assert len(stripe.kept("checkout/sessions", key)) == 1


def test_one_lost_response_is_made_good_at_once(stripe: Bank, key: str) -> None:
    stripe.lose_answers(1)
    hold(key)
    assert len(stripe.kept("checkout/sessions", key)) == 1


def test_a_capture_whose_response_was_lost_is_made_once(stripe: Bank, key: str) -> None:
    hold(key)
    reference = authorise(key).reference
    _client_capture(reference)
    assert provider.capture(key) == ProviderResponse(PaymentStatus.CAPTURED, reference)


def _client_capture(reference: str) -> None:
    client: StripeClient = adapter._client()
    client.v1.payment_intents.capture(reference)


def test_a_refund_whose_response_was_lost_is_made_once(stripe: Bank, key: str) -> None:
    hold(key)
    provider.capture(key)
    stripe.lose_answers(4)  # two of each call
    for _ in range(2):
        with pytest.raises(ProviderTimeout):
            provider.refund(key, TOTAL, f"refund/{key}")
    assert provider.refund(key, TOTAL, f"refund/{key}").status is PaymentStatus.REFUNDED
    assert len(stripe.refunded(key)) == 1


def test_a_session_that_no_customer_saw_is_voided_without_stripe(silent: None, key: str) -> None:
    with pytest.raises(ProviderTimeout):
        authorise(key)
    assert provider.void(key).status is PaymentStatus.VOIDED


@pytest.mark.parametrize("status", [401, 403, 409, 429, 500, 502, 503])
def test_a_response_without_a_result_is_a_timeout(
    app: Flask, stripe: Bank, key: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with _answering(status) as origin:
        monkeypatch.setitem(app.config, "STRIPE_API_BASE", origin)
        with pytest.raises(ProviderTimeout):
            authorise(key)


class _answering:  # noqa: N801 - reads as a statement
    """A server that answers everything with one status."""

    def __init__(self, status: int) -> None:
        class Says(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(status)
                self.end_headers()
                self.wfile.write(b'{"error": {"type": "api_error", "message": "not now"}}')

            def log_message(self, *words: object) -> None:
                """Quiet."""

        self._server = HTTPServer(("127.0.0.1", 0), Says)

    def __enter__(self) -> str:
        Thread(target=self._server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self._server.server_port}"

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()


# ------------------------------------------------------------------------------------------ house rules


@pytest.fixture
def on_the_line(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether a transaction was open, each time Stripe was asked."""
    noted: list[bool] = []
    client_of = adapter._client

    def noting() -> StripeClient:
        noted.append(db.session().in_transaction())
        return client_of()

    monkeypatch.setattr(adapter, "_client", noting)
    return noted


def test_no_transaction_is_open_during_a_request_to_stripe(stripe: Bank, key: str, on_the_line: list[bool]) -> None:
    hold(key)
    provider.capture(key)
    provider.refund(key, TOTAL, f"refund/{key}")
    assert len(on_the_line) >= 5
    assert not any(on_the_line)
