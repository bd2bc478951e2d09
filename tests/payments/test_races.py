"""Concurrent runners with one payment, in threads and with real commits."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from storefront.db.session import read_session
from storefront.payments import service as payments
from storefront.payments.models import Payment, Refund, SandboxCharge
from storefront.payments.values import PaymentStatus
from tests.conftest import ENGINES
from tests.consistency import charges_of, payments_of
from tests.factories.catalog import rupees
from tests.isolated_shop import at_once, own_shop

TOTAL = rupees(1680)


def authorise() -> None:
    payments.authorise("checkout-1", TOTAL, "sandbox-success", "/")


def count(app: Flask, table: type) -> int:
    with app.app_context(), read_session() as session:
        return len(session.scalars(select(table)).all())


@pytest.mark.parametrize("engine", ENGINES)
def test_concurrent_runners_authorise_capture_and_refund_once(engine: str, tmp_path: Path) -> None:
    with own_shop(engine, tmp_path) as app:
        assert at_once(app, [authorise] * 6) == [None] * 6
        assert at_once(app, [lambda: payments.capture("checkout-1", "ORD-1")] * 6) == [None] * 6
        assert at_once(app, [lambda: payments.refund_remaining("checkout-1", "changed my mind")] * 6) == [None] * 6
        with app.app_context():
            assert payments_of("checkout-1") == charges_of("checkout-1") == [PaymentStatus.REFUNDED]
        assert (count(app, Payment), count(app, SandboxCharge), count(app, Refund)) == (1, 1, 1)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_concurrent_capture_and_void_leave_shop_and_provider_in_agreement(engine: str, tmp_path: Path) -> None:
    with own_shop(engine, tmp_path) as app:
        with app.app_context():
            authorise()
        at_once(app, [lambda: payments.capture("checkout-1", "ORD-1"), lambda: payments.void("checkout-1")] * 3)
        with app.app_context():
            assert payments_of("checkout-1") == charges_of("checkout-1")
