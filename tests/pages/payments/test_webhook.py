"""Stripe's webhook: events must be signed, and are handled once in any order."""

from __future__ import annotations

import json
import logging
import time

import pytest
from flask import Flask
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from storefront.checkout import service as checkout
from storefront.checkout.values import CheckoutDraft, CheckoutState
from storefront.db.session import db, read_session, transaction
from storefront.payments.models import Message, ReceivedWebhook
from storefront.worker import tasks
from tests import consistency
from tests.factories.catalog import make_product
from tests.factories.shopping import make_cart, make_draft, place
from tests.fakes import Clock, MemoryPost
from tests.stripe_process import WEBHOOK, Bank, ask, message, pay, signed

KINDS = [
    "checkout.session.completed",
    "checkout.session.expired",
    "payment_intent.amount_capturable_updated",
    "payment_intent.canceled",
]


@pytest.fixture
def draft(stripe: Bank) -> CheckoutDraft:
    """A shopper who was sent to Stripe's page."""
    token = make_cart((make_product(stock=5), 2))
    waiting = make_draft(token, payment="stripe")
    assert place(waiting, token).state is CheckoutState.WAITING
    return waiting


def page_of(draft: CheckoutDraft) -> str:
    with read_session() as session:
        row = session.get_one(checkout.Checkout, draft.id)
        return str(row.progress["action_url"])


def tell(app: Flask, body: str, headers: dict[str, str] | None = None) -> TestResponse:
    db.session.rollback()  # a test's own reading would enclose what the page writes
    return app.test_client().post(WEBHOOK, data=body, headers=headers or signed(body))


def deliver(app: Flask) -> None:
    """What the worker does."""
    with app.test_request_context():
        tasks.deliver_outboxes()


def stored_events() -> tuple[int, int]:
    """How many messages were noted, and how many were passed on."""
    with read_session() as session:
        events = session.scalars(select(func.count(ReceivedWebhook.id))).one()
        return events, session.scalars(select(func.count(Message.id))).one()


def state_of(draft: CheckoutDraft) -> str:
    return consistency.state_of(draft.id)


# -------------------------------------------------------------------------------------------- it is heard


def test_a_webhook_completes_the_order_without_the_customers_return(
    app: Flask, stripe: Bank, draft: CheckoutDraft, post: MemoryPost
) -> None:
    pay(page_of(draft))
    assert tell(app, message(draft.id)).status_code == 200
    deliver(app)
    assert state_of(draft) == CheckoutState.COMPLETED
    assert stripe.states_of(draft.id) == ["succeeded"]
    assert len(post.letters) == 1
    consistency.assert_balanced()


@pytest.mark.parametrize("kind", KINDS)
def test_an_event_about_an_open_session_changes_nothing(app: Flask, draft: CheckoutDraft, kind: str) -> None:
    assert tell(app, message(draft.id, kind)).status_code == 200
    deliver(app)
    assert state_of(draft) == CheckoutState.WAITING


def test_an_expired_session_undoes_the_order(app: Flask, draft: CheckoutDraft, stripe: Bank) -> None:
    session = page_of(draft).rpartition("/")[2]
    ask(f"{stripe.origin}/v1/checkout/sessions/{session}/expire", "POST")
    tell(app, message(draft.id, "checkout.session.expired"))
    deliver(app)
    assert state_of(draft) == CheckoutState.FAILED
    consistency.assert_balanced()


def test_a_repeated_event_is_stored_once(app: Flask, draft: CheckoutDraft) -> None:
    body = message(draft.id)
    assert [tell(app, body).status_code for _ in range(3)] == [200, 200, 200]
    assert stored_events() == (1, 1)


def test_events_in_any_order_and_the_return_page_make_one_order(
    app: Flask, stripe: Bank, draft: CheckoutDraft, post: MemoryPost
) -> None:
    pay(page_of(draft))
    tell(app, message(draft.id, "payment_intent.canceled"))
    deliver(app)
    assert checkout.resume(draft.id).state is CheckoutState.COMPLETED
    for kind in reversed(KINDS):
        tell(app, message(draft.id, kind))
    deliver(app)
    assert state_of(draft) == CheckoutState.COMPLETED
    assert stripe.states_of(draft.id) == ["succeeded"]
    assert len(post.letters) == 1
    consistency.assert_balanced()


def test_an_event_during_another_run_is_retried(app: Flask, stripe: Bank, draft: CheckoutDraft, now: Clock) -> None:
    pay(page_of(draft))
    _take_lease(draft, now)
    tell(app, message(draft.id))
    deliver(app)
    assert state_of(draft) == CheckoutState.WAITING
    now.advance(minutes=2)
    deliver(app)
    assert state_of(draft) == CheckoutState.COMPLETED


def _take_lease(draft: CheckoutDraft, now: Clock) -> None:
    """Who asked Stripe just before the customer paid, and will write down that the customer is waited for."""
    with transaction("checkout") as session:
        row = session.get_one(checkout.Checkout, draft.id)
        row.lease_owner, row.lease_until = "another-runner", now.read() + checkout.saga.LEASE


def test_a_late_payment_is_voided_when_the_stock_was_sold(app: Flask, stripe: Bank, now: Clock) -> None:
    mug = make_product(stock=2)
    token, other = make_cart((mug, 2)), make_cart((mug, 2))
    late = make_draft(token, payment="stripe")
    place(late, token)
    now.advance(minutes=16)
    assert place(make_draft(other), other).state is CheckoutState.COMPLETED
    pay(page_of(late))
    tell(app, message(late.id))
    deliver(app)
    assert state_of(late) == CheckoutState.FAILED
    assert stripe.states_of(late.id) == ["canceled"]
    consistency.assert_balanced()


# ---------------------------------------------------------------------------------------- it is not heard


@pytest.mark.parametrize("kind", ["customer.created", "payment_intent.succeeded", "charge.refunded", "no.such.kind"])
def test_an_irrelevant_event_is_acknowledged_and_ignored(app: Flask, draft: CheckoutDraft, kind: str) -> None:
    assert tell(app, message(draft.id, kind)).status_code == 200
    assert stored_events() == (0, 0)


@pytest.mark.parametrize("about", [None, "a-checkout-of-another-shop"])
def test_an_event_about_a_foreign_payment_is_acknowledged_and_ignored(
    app: Flask, stripe: Bank, about: str | None
) -> None:
    assert tell(app, message(about)).status_code == 200
    assert stored_events() == (0, 0)


@pytest.mark.parametrize("kind", [KINDS[0], "customer.created"])
@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        {"object": None},
        {"object": []},
        {"object": {}},
        *({"object": {"metadata": odd}} for odd in (None, [], "", 5, {"checkout": None}, {"checkout": [1]}, {"a": 1})),
    ],
    ids=str,
)
def test_a_signed_event_without_our_metadata_is_acknowledged_and_ignored(
    app: Flask, stripe: Bank, data: object, kind: str
) -> None:
    """A12: `metadata: null`, and whatever else Stripe may sign about a payment that was made by hand."""
    body = json.dumps({"id": "evt_1", "type": kind, "data": data})
    assert tell(app, body).status_code == 200
    assert stored_events() == (0, 0)


def forged(body: str) -> list[dict[str, str]]:
    good = signed(body)["Stripe-Signature"]
    return [
        {},
        {"Stripe-Signature": ""},
        {"Stripe-Signature": "t=1,v1=00"},
        {"Stripe-Signature": good.replace("v1=", "v0=")},
        {"Stripe-Signature": good[:-1] + ("0" if good[-1] != "0" else "1")},
        signed(body, secret="whsec_of_somebody_else"),
        signed(body + " "),
    ]


@pytest.mark.parametrize("which", range(7))
def test_an_event_with_a_bad_signature_is_refused_and_only_logged(
    app: Flask, draft: CheckoutDraft, which: int, caplog: pytest.LogCaptureFixture
) -> None:
    body = message(draft.id)
    headers = forged(body)[which] | {"X-Test": "1"}
    with caplog.at_level(logging.WARNING):
        assert tell(app, body, headers).status_code == 400
    assert "a Stripe webhook was refused" in caplog.text
    assert stored_events() == (0, 0)


@pytest.mark.parametrize(("age", "status"), [(299, 200), (301, 400), (86_400, 400)])
def test_an_event_with_an_old_signature_is_refused(app: Flask, draft: CheckoutDraft, age: int, status: int) -> None:
    body = message(draft.id)
    assert tell(app, body, signed(body, at=int(time.time()) - age)).status_code == status


@pytest.mark.parametrize("body", ["", "{", "[]", "null", "12", '{"object": "event"}', "\ud800"])
def test_a_signed_body_that_is_no_event_is_refused(app: Flask, stripe: Bank, body: str) -> None:
    sent = body.encode(errors="replace").decode()
    assert tell(app, sent, signed(sent)).status_code == 400
    assert stored_events() == (0, 0)


def test_a_body_that_is_not_text_is_refused(app: Flask, stripe: Bank) -> None:
    response = app.test_client().post(WEBHOOK, data=b"\xff\xfe", headers=signed(""))
    assert response.status_code == 400


def test_without_stripe_the_webhook_is_not_found(app: Flask) -> None:
    body = message("1")
    assert tell(app, body).status_code == 404
