"""Back-in-stock alerts: requested, sent once, re-armed and unsubscribed."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from storefront.accounts import back_in_stock
from storefront.accounts import service as accounts
from storefront.accounts.events import STOCK_NOTICE_DUE
from storefront.accounts.models import Message, StockNotice
from storefront.accounts.service import UnknownAlert
from storefront.core.contact import NotAnEmail
from storefront.db.session import read_session
from tests.conftest import ENGINES
from tests.factories.accounts import make_account
from tests.fakes import Clock
from tests.isolated_shop import at_once, own_shop

MUG = "MUG-1"
ASHA, RAVI = "asha@example.com", "ravi@example.com"


def waiting(sku: str = MUG) -> list[str]:
    read_session().rollback()
    pending = sa.select(StockNotice.email).where(StockNotice.variant == sku, StockNotice.told_at.is_(None))
    return list(read_session().scalars(pending.order_by(StockNotice.id)))


def enqueued() -> list[int]:
    """Ids of the alerts whose e-mails were enqueued, oldest first."""
    read_session().rollback()
    payloads = sa.select(Message.payload).where(Message.topic == STOCK_NOTICE_DUE).order_by(Message.id)
    return [payload["notice"] for payload in read_session().scalars(payloads)]


def test_every_waiting_alert_gets_one_email_per_restock(app: Flask, now: Clock) -> None:
    for email in (ASHA, RAVI):
        accounts.request_alert(email, MUG, 5)
        now.advance(seconds=1)
    accounts.request_alert(ASHA, "POT-1", 6)
    assert accounts.enqueue_alerts(MUG, "the first restock") == 2
    assert accounts.enqueue_alerts(MUG, "the first restock") == 0
    alerts = [accounts.find_alert(alert) for alert in enqueued()]
    assert [(alert.email, alert.sku) for alert in alerts if alert] == [(ASHA, MUG), (RAVI, MUG)]
    assert (waiting(), waiting("POT-1")) == ([], [ASHA])


def test_an_alert_is_used_up_by_its_email_until_it_is_requested_again(app: Flask) -> None:
    accounts.request_alert(ASHA, MUG, 5)
    accounts.enqueue_alerts(MUG, "one")
    assert accounts.enqueue_alerts(MUG, "two") == 0
    accounts.request_alert(ASHA, MUG, 5)
    assert accounts.enqueue_alerts(MUG, "three") == 1
    assert len(enqueued()) == 2


def test_a_repeated_request_is_one_alert_however_the_address_is_written(app: Flask) -> None:
    accounts.request_alert(ASHA, MUG, 5)
    accounts.request_alert(" Asha@Example.COM ", MUG, 5)
    assert waiting() == [ASHA]


def test_an_invalid_address_is_refused(app: Flask) -> None:
    with pytest.raises(NotAnEmail):
        accounts.request_alert("asha", MUG, 5)


def test_one_address_has_a_maximum_number_of_alerts_and_the_limit_is_not_revealed(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(back_in_stock, "MAX_WAITING", 2)
    for sku in ("ONE", "TWO", "THREE"):
        accounts.request_alert(ASHA, sku, 5)
    assert (waiting("TWO"), waiting("THREE")) == ([ASHA], [])
    accounts.enqueue_alerts("ONE", "back")
    accounts.request_alert(ASHA, "THREE", 5)
    assert waiting("THREE") == [ASHA]


def test_the_oldest_alerts_are_sent_first(app: Flask, now: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(back_in_stock, "BATCH_SIZE", 1)
    for email in (RAVI, ASHA):
        accounts.request_alert(email, MUG, 5)
        now.advance(minutes=1)
    assert accounts.enqueue_alerts(MUG, "back") == 1
    assert waiting() == [ASHA]


def test_a_rearmed_alert_waits_for_the_next_restock(app: Flask) -> None:
    accounts.request_alert(ASHA, MUG, 5)
    accounts.enqueue_alerts(MUG, "one")
    (alert,) = enqueued()
    accounts.rearm(alert)
    assert accounts.find_alert(alert) is None
    assert accounts.enqueue_alerts(MUG, "one") == 0  # published again, it is still the same restock
    assert accounts.enqueue_alerts(MUG, "two") == 1


def test_unsubscribing_deletes_all_alerts_of_the_address(app: Flask) -> None:
    for sku in (MUG, "POT-1"):
        accounts.request_alert(ASHA, sku, 5)
    accounts.request_alert(RAVI, MUG, 5)
    accounts.enqueue_alerts(MUG, "back")
    alert = accounts.find_alert(enqueued()[0])
    assert alert is not None
    assert accounts.get_alert(alert.token).email == ASHA
    for _ in range(2):
        accounts.unsubscribe(alert.token)
    assert accounts.find_alert(alert.id) is None
    assert waiting("POT-1") == []
    assert len(enqueued()) == 2
    with pytest.raises(UnknownAlert):
        accounts.get_alert(alert.token)


def test_an_account_lists_its_waiting_alerts(app: Flask) -> None:
    user, stranger = make_account(email=ASHA).id, make_account().id
    accounts.request_alert(ASHA, MUG, 5, user=user)
    assert (accounts.alerts_of(user), accounts.alerts_of(stranger)) == ({MUG}, frozenset())
    accounts.enqueue_alerts(MUG, "back")
    assert accounts.alerts_of(user) == frozenset()


@pytest.mark.parametrize("engine", ENGINES)
def test_concurrent_workers_enqueue_each_email_once(engine: str, tmp_path: Path) -> None:
    with own_shop(engine, tmp_path) as app:
        with app.app_context():
            for number in range(8):
                accounts.request_alert(f"shopper-{number}@example.com", MUG, 5)
        outcomes = at_once(app, [lambda: accounts.enqueue_alerts(MUG, "back")] * 4)
        requests = at_once(app, [lambda: accounts.request_alert(ASHA, MUG, 5)] * 4)
        with app.app_context():
            assert [outcome for outcome in (*outcomes, *requests) if isinstance(outcome, Exception)] == []
            assert sum(outcome for outcome in outcomes if isinstance(outcome, int)) == 8
            assert len(enqueued()) == len(set(enqueued())) == 8
            assert waiting() == [ASHA]
