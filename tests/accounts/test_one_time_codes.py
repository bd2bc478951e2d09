"""One-time codes: single use, limited lifetime and attempts, rate limits, and never stored."""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from storefront.accounts import one_time_codes
from storefront.accounts.models import OneTimeCode
from storefront.accounts.one_time_codes import SentCode
from storefront.accounts.values import CodeExpired, Purpose, TooManyCodes, WrongCode
from storefront.db.session import db, read_session
from tests import demo_shop
from tests.accounts.sign_ups import EMAIL, PHONE
from tests.conftest import ENGINES
from tests.fakes import Clock
from tests.isolated_shop import at_once, own_shop
from tests.mailbox import Mailbox


def sent_to(address: str = EMAIL, purpose: Purpose = Purpose.RESET) -> str:
    """Send a code.

    :return: its digits, as the message contains them
    """
    one_time_codes.send(purpose, address)
    sent = one_time_codes.find_last(purpose, address)
    assert sent is not None
    return sent.digits


def wrong(digits: str) -> str:
    return f"{(int(digits) + 1) % 10**6:06}"


def test_a_code_is_used_once(app: Flask) -> None:
    digits = sent_to()
    assert one_time_codes.verify(Purpose.RESET, EMAIL, f" {digits} ").address == EMAIL
    with pytest.raises(WrongCode):
        one_time_codes.verify(Purpose.RESET, EMAIL, digits)


def test_a_code_is_accepted_at_the_fifth_attempt(app: Flask) -> None:
    digits = sent_to()
    for _ in range(4):
        with pytest.raises(WrongCode):
            one_time_codes.verify(Purpose.RESET, EMAIL, wrong(digits))
    one_time_codes.verify(Purpose.RESET, EMAIL, digits)


def test_a_code_is_refused_after_five_wrong_attempts(app: Flask) -> None:
    digits = sent_to()
    for _ in range(5):
        with pytest.raises(WrongCode):
            one_time_codes.verify(Purpose.RESET, EMAIL, wrong(digits))
    with pytest.raises(WrongCode):
        one_time_codes.verify(Purpose.RESET, EMAIL, digits)


def test_a_code_expires_after_five_minutes(app: Flask, now: Clock) -> None:
    digits = sent_to()
    now.advance(minutes=5)
    with pytest.raises(CodeExpired):
        one_time_codes.verify(Purpose.RESET, EMAIL, digits)


def test_a_code_is_valid_for_one_address_and_purpose(app: Flask) -> None:
    digits = sent_to()
    for purpose, address in ((Purpose.SIGN_IN, EMAIL), (Purpose.RESET, "other@example.com")):
        with pytest.raises(WrongCode):
            one_time_codes.verify(purpose, address, digits)


@pytest.mark.parametrize("nothing", ["", " ", "None", "null", "0"])
def test_nothing_is_accepted_if_no_code_was_sent(app: Flask, nothing: str) -> None:
    with pytest.raises(WrongCode):
        one_time_codes.verify(Purpose.RESET, EMAIL, nothing)


def test_another_code_invalidates_the_one_before(app: Flask, now: Clock) -> None:
    first = sent_to()
    now.advance(seconds=61)
    second = sent_to()
    assert one_time_codes.verify(Purpose.RESET, EMAIL, second).digits == second
    if first != second:
        with pytest.raises(WrongCode):
            one_time_codes.verify(Purpose.RESET, EMAIL, first)


def test_an_address_gets_three_codes_in_ten_minutes(app: Flask, now: Clock) -> None:
    for purpose in (Purpose.RESET, Purpose.REGISTER, Purpose.EMAIL):
        one_time_codes.send(purpose, EMAIL)
    with pytest.raises(TooManyCodes) as refusal:
        one_time_codes.send(Purpose.PHONE, EMAIL)
    assert refusal.value.seconds == 600
    now.advance(minutes=10, seconds=1)
    one_time_codes.send(Purpose.RESET, EMAIL)


@pytest.mark.parametrize(("pause", "within", "most"), [(2, 60, 5), (13, 24 * 60, 30)])
def test_an_address_gets_few_codes_in_an_hour_and_a_day(
    app: Flask, now: Clock, pause: int, within: int, most: int
) -> None:
    """B3: whoever asks, and however patiently."""
    sent = 0
    for _ in range(0, within, pause):
        with suppress(TooManyCodes):
            one_time_codes.send(Purpose.RESET, EMAIL)
            sent += 1
        now.advance(minutes=pause)
    assert sent == most


def guess_until_refused(now: Clock, purpose: Purpose) -> tuple[int, int]:
    """Request code after code and guess each wrong.

    :return: guesses, and seconds until the next code
    """
    for codes in range(100):
        try:
            digits = sent_to(purpose=purpose)
        except TooManyCodes as refusal:
            return codes * one_time_codes.MAX_ATTEMPTS, refusal.seconds
        for _ in range(one_time_codes.MAX_ATTEMPTS):
            with pytest.raises(WrongCode):
                one_time_codes.verify(purpose, EMAIL, wrong(digits))
        now.advance(minutes=13)  # no faster: five codes an hour
    raise AssertionError("the guesses were not limited")


def test_a_hundred_wrong_attempts_a_day_are_allowed_per_address(app: Flask, now: Clock) -> None:
    guesses, seconds = guess_until_refused(now, Purpose.RESET)
    assert guesses == 100
    assert seconds == 24 * 3600 - 20 * 13 * 60
    with pytest.raises(TooManyCodes):
        one_time_codes.send(Purpose.REGISTER, EMAIL)
    one_time_codes.send(Purpose.RESET, "other@example.com")
    one_time_codes.send(Purpose.SIGN_IN, EMAIL)  # only sent after a correct password
    now.advance(seconds=seconds)
    one_time_codes.send(Purpose.RESET, EMAIL)


def test_correct_codes_reset_the_count_of_wrong_attempts(app: Flask, now: Clock) -> None:
    for _ in range(25):
        digits = sent_to()
        for _ in range(4):
            with pytest.raises(WrongCode):
                one_time_codes.verify(Purpose.RESET, EMAIL, wrong(digits))
        one_time_codes.verify(Purpose.RESET, EMAIL, digits)
        now.advance(minutes=13)


def test_the_code_depends_on_the_secret_key(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    digits = sent_to()
    row = read_session().scalars(sa.select(OneTimeCode)).one()
    monkeypatch.setitem(app.config, "SECRET_KEY", "another")
    assert one_time_codes._digits(row) != digits


def test_a_code_is_in_no_table_no_message_and_no_log(mailbox: Mailbox, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    one_time_codes.send(Purpose.RESET, EMAIL, user=None, payload={"name": "Asha"})
    one_time_codes.send(Purpose.PHONE, PHONE)
    secrets = {mailbox.code_for(EMAIL), mailbox.code_for(PHONE)}
    seen = json.dumps(caplog.messages)
    for table in db.metadatas["accounts"].tables.values():
        rows = read_session().execute(sa.select(table)).all()
        seen += json.dumps([[str(value) for value in row] for row in rows])
    assert not [digits for digits in secrets if digits in seen]


def test_the_email_of_an_expired_code_is_not_sent(mailbox: Mailbox, now: Clock) -> None:
    one_time_codes.send(Purpose.EMAIL, EMAIL)
    now.advance(minutes=5)
    assert mailbox.letters_to(EMAIL) == []


def test_old_codes_are_purged(app: Flask, now: Clock) -> None:
    one_time_codes.send(Purpose.RESET, EMAIL)
    now.advance(hours=23)
    one_time_codes.purge()
    assert one_time_codes.find_last(Purpose.RESET, EMAIL) is not None
    now.advance(hours=2)
    one_time_codes.purge()
    assert one_time_codes.find_last(Purpose.RESET, EMAIL) is None


@pytest.mark.parametrize("engine", ENGINES)
def test_concurrent_guesses_are_counted_separately(engine: str, tmp_path: Path) -> None:
    with own_shop(engine, tmp_path, filled=False) as app, app.app_context():
        demo_shop.make_tables()
        digits = sent_to()
        db.session.remove()

        def guess(entered: str) -> SentCode:
            return one_time_codes.verify(Purpose.RESET, EMAIL, entered)

        at_once(app, [lambda: guess(wrong(digits)) for _ in range(12)])
        assert read_session().scalars(sa.select(OneTimeCode.attempts)).one() == one_time_codes.MAX_ATTEMPTS
        with pytest.raises(WrongCode):
            guess(digits)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_right_code_entered_concurrently_is_accepted_once(engine: str, tmp_path: Path) -> None:
    with own_shop(engine, tmp_path, filled=False) as app, app.app_context():
        demo_shop.make_tables()
        digits = sent_to()
        db.session.remove()
        outcomes = at_once(app, [lambda: one_time_codes.verify(Purpose.RESET, EMAIL, digits) for _ in range(4)])
        assert sum(isinstance(outcome, SentCode) for outcome in outcomes) == 1, outcomes


def test_a_code_is_sent_after_all_older_ones_were_purged(app: Flask, now: Clock, mailbox: Mailbox) -> None:
    """SQLite then reuses their ids."""
    one_time_codes.send(Purpose.REGISTER, EMAIL)
    assert mailbox.code_for(EMAIL)
    now.advance(days=2)
    one_time_codes.purge()
    one_time_codes.send(Purpose.REGISTER, EMAIL)
    assert len(mailbox.letters_to(EMAIL)) == 2
