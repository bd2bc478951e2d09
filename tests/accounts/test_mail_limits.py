"""The bound on messages to one address."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from storefront.accounts import mail_limits
from storefront.accounts.mail_limits import LIMITS
from storefront.accounts.models import SentMail
from storefront.accounts.values import MailKind
from storefront.db.session import db, read_session
from tests import demo_shop
from tests.conftest import ENGINES
from tests.fakes import Clock
from tests.isolated_shop import at_once, own_shop

VICTIM = "victim@example.com"
BOUNDED = [kind for kind in MailKind if LIMITS[kind]]


def admitted(count: int, *to: str, kind: MailKind = MailKind.ORDER, first: int = 0) -> int:
    """How many of so many messages are admitted, sent to the addresses in turn."""
    keys = [f"{kind}/{number}" for number in range(first, first + count)]
    return sum(mail_limits.admit(key, to[number % len(to)], kind) for number, key in enumerate(keys))


@pytest.mark.parametrize("kind", BOUNDED)
def test_an_address_gets_so_many_messages_of_a_kind(app: Flask, now: Clock, kind: MailKind) -> None:
    """B3: an hour's and a day's worth, and again when the window is over."""
    most = min(window.most for window in LIMITS[kind])
    assert admitted(most + 20, VICTIM, kind=kind) == most
    assert admitted(1, "other@example.com", kind=kind, first=900) == 1
    now.advance(days=1, seconds=1)
    assert admitted(1, VICTIM, kind=kind, first=1000) == 1


def test_the_longer_window_counts_what_the_shorter_forgot(app: Flask, now: Clock) -> None:
    hour, day = LIMITS[MailKind.ORDER]
    assert [hour.most, day.most] == [10, 20]
    sent = 0
    for number in range(10):
        sent += admitted(15, VICTIM, first=100 * number)
        now.advance(hours=1, seconds=1)
    assert sent == day.most


def test_all_spellings_of_a_mailbox_are_counted_together(app: Flask) -> None:
    """B3: a tag behind a plus, capitals, Gmail's dots, full-width letters."""
    spellings = [
        "ann.lee@gmail.com",
        "annlee+1@gmail.com",
        "A.N.N.lee+x+y@GMAIL.com",
        "\uff41\uff4e\uff4elee@gmail.com",
    ]
    assert admitted(40, *spellings) == 10
    assert admitted(40, *(f"victim+{number}@example.com" for number in range(40)), first=50) == 10
    assert admitted(2, "vic.tim@example.com", first=100) == 2  # elsewhere a dot makes another mailbox


def test_a_retry_counts_once(app: Flask) -> None:
    assert all(mail_limits.admit("order-placed/1", VICTIM, MailKind.ORDER) for _ in range(30))
    assert admitted(9, VICTIM) == 9


def test_what_staff_do_is_not_bounded(app: Flask) -> None:
    assert admitted(300, VICTIM, kind=MailKind.BY_STAFF) == 300


def test_kinds_and_sorts_are_counted_apart(app: Flask) -> None:
    for kind in BOUNDED:
        assert admitted(500, VICTIM, kind=kind) == min(window.most for window in LIMITS[kind])
    assert mail_limits.admit("change/password", VICTIM, MailKind.CHANGE, sort="password")


def test_no_address_is_stored_and_counts_are_forgotten(app: Flask, now: Clock) -> None:
    admitted(3, VICTIM)
    rows = [str(row) for row in read_session().execute(sa.select(SentMail.__table__)).all()]
    assert len(rows) == 4  # with the one that is locked
    assert "victim" not in " ".join(rows)
    assert max(window.span for windows in LIMITS.values() for window in windows) <= mail_limits.RETENTION
    now.advance(days=1, seconds=1)
    mail_limits.forget_counts()
    assert read_session().scalar(sa.select(sa.func.count()).select_from(SentMail)) == 0


@pytest.mark.parametrize("engine", ENGINES)
def test_workers_that_count_at_the_same_moment_stay_within_the_bound(engine: str, tmp_path: Path) -> None:
    """B3: the figure is the same with any number of processes."""
    with own_shop(engine, tmp_path, filled=False) as app:
        with app.app_context():
            demo_shop.make_tables()

        def send(number: int) -> bool:
            try:
                return mail_limits.admit(f"order/{number}", VICTIM, MailKind.ORDER)
            finally:
                db.session.remove()

        outcomes = at_once(app, [lambda number=number: send(number) for number in range(14)])
        assert [outcome for outcome in outcomes if isinstance(outcome, Exception)] == []
        assert outcomes.count(True) == LIMITS[MailKind.ORDER][0].most
