"""Who wants to hear that something is back, and what became of it."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from storefront.accounts import back_in_stock
from storefront.accounts import service as accounts
from storefront.accounts.events import STOCK_NOTICE_DUE
from storefront.accounts.models import Message, StockNotice
from storefront.accounts.service import UnknownNotice
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
    untold = sa.select(StockNotice.email).where(StockNotice.variant == sku, StockNotice.told_at.is_(None))
    return list(read_session().scalars(untold.order_by(StockNotice.id)))


def letters() -> list[int]:
    """Ids of the notices that letters were posted for, oldest first."""
    read_session().rollback()
    posted = sa.select(Message.payload).where(Message.topic == STOCK_NOTICE_DUE).order_by(Message.id)
    return [payload["notice"] for payload in read_session().scalars(posted)]


def test_everybody_who_waits_has_one_letter_of_one_return(app: Flask, now: Clock) -> None:
    for email in (ASHA, RAVI):
        accounts.ask_for_notice(email, MUG, 5)
        now.advance(seconds=1)
    accounts.ask_for_notice(ASHA, "POT-1", 6)
    assert accounts.enqueue_alerts(MUG, "the first return") == 2
    assert accounts.enqueue_alerts(MUG, "the first return") == 0
    found = [accounts.find_notice(notice) for notice in letters()]
    assert [(notice.email, notice.sku) for notice in found if notice] == [(ASHA, MUG), (RAVI, MUG)]
    assert (waiting(), waiting("POT-1")) == ([], [ASHA])


def test_a_notice_is_used_up_by_its_letter_until_it_is_asked_for_again(app: Flask) -> None:
    accounts.ask_for_notice(ASHA, MUG, 5)
    accounts.enqueue_alerts(MUG, "one")
    assert accounts.enqueue_alerts(MUG, "two") == 0
    accounts.ask_for_notice(ASHA, MUG, 5)
    assert accounts.enqueue_alerts(MUG, "three") == 1
    assert len(letters()) == 2


def test_asking_twice_is_asking_once_however_it_is_written(app: Flask) -> None:
    accounts.ask_for_notice(ASHA, MUG, 5)
    accounts.ask_for_notice(" Asha@Example.COM ", MUG, 5)
    assert waiting() == [ASHA]


def test_an_address_that_is_none_is_refused(app: Flask) -> None:
    with pytest.raises(NotAnEmail):
        accounts.ask_for_notice("asha", MUG, 5)


def test_one_address_waits_for_so_many_things_only_and_nobody_is_told(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(back_in_stock, "MAX_WAITING", 2)
    for sku in ("ONE", "TWO", "THREE"):
        accounts.ask_for_notice(ASHA, sku, 5)
    assert (waiting("TWO"), waiting("THREE")) == ([ASHA], [])
    accounts.enqueue_alerts("ONE", "back")
    accounts.ask_for_notice(ASHA, "THREE", 5)
    assert waiting("THREE") == [ASHA]


def test_those_who_wait_longest_are_told_first(app: Flask, now: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(back_in_stock, "TOLD_AT_ONCE", 1)
    for email in (RAVI, ASHA):
        accounts.ask_for_notice(email, MUG, 5)
        now.advance(minutes=1)
    assert accounts.enqueue_alerts(MUG, "back") == 1
    assert waiting() == [ASHA]


def test_who_was_put_back_waits_for_the_next_return(app: Flask) -> None:
    accounts.ask_for_notice(ASHA, MUG, 5)
    accounts.enqueue_alerts(MUG, "one")
    (notice,) = letters()
    accounts.rearm(notice)
    assert accounts.find_notice(notice) is None
    assert accounts.enqueue_alerts(MUG, "one") == 0  # announced again, it is still the same return
    assert accounts.enqueue_alerts(MUG, "two") == 1


def test_a_letters_link_ends_everything_the_address_waits_for(app: Flask) -> None:
    for sku in (MUG, "POT-1"):
        accounts.ask_for_notice(ASHA, sku, 5)
    accounts.ask_for_notice(RAVI, MUG, 5)
    accounts.enqueue_alerts(MUG, "back")
    notice = accounts.find_notice(letters()[0])
    assert notice is not None
    assert accounts.get_notice(notice.token).email == ASHA
    for _ in range(2):
        accounts.unsubscribe(notice.token)
    assert accounts.find_notice(notice.id) is None
    assert waiting("POT-1") == []
    assert len(letters()) == 2
    with pytest.raises(UnknownNotice):
        accounts.get_notice(notice.token)


def test_an_account_knows_what_it_waits_for(app: Flask) -> None:
    user, stranger = make_account(email=ASHA).id, make_account().id
    accounts.ask_for_notice(ASHA, MUG, 5, user=user)
    assert (accounts.alerts_of(user), accounts.alerts_of(stranger)) == ({MUG}, frozenset())
    accounts.enqueue_alerts(MUG, "back")
    assert accounts.alerts_of(user) == frozenset()


@pytest.mark.parametrize("engine", ENGINES)
def test_workers_who_tell_of_one_return_at_once_post_each_letter_once(engine: str, tmp_path: Path) -> None:
    with own_shop(engine, tmp_path) as app:
        with app.app_context():
            for number in range(8):
                accounts.ask_for_notice(f"shopper-{number}@example.com", MUG, 5)
        outcomes = at_once(app, [lambda: accounts.enqueue_alerts(MUG, "back")] * 4)
        asked = at_once(app, [lambda: accounts.ask_for_notice(ASHA, MUG, 5)] * 4)
        with app.app_context():
            assert [outcome for outcome in (*outcomes, *asked) if isinstance(outcome, Exception)] == []
            assert sum(outcome for outcome in outcomes if isinstance(outcome, int)) == 8
            assert len(letters()) == len(set(letters())) == 8
            assert waiting() == [ASHA]
