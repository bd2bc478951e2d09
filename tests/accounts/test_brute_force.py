"""Rate limits against guessing, and account enumeration: reliability.md B13 and B14."""

from __future__ import annotations

import os
import re
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
import requests
import sqlalchemy as sa
from flask import Flask
from sqlalchemy import event
from werkzeug.test import TestResponse

from storefront import create_app
from storefront.accounts import service as accounts
from storefront.accounts.values import WrongCode, WrongPassword
from storefront.db.session import db
from storefront.web.security_headers import limiter
from tests.accounts.sign_ups import EMAIL, PASSWORD
from tests.api.client import Api
from tests.conftest import make_config
from tests.factories.accounts import make_account
from tests.isolated_shop import own_shop, shop_at
from tests.live_server import LiveShop, live_shop
from tests.page_client import SAME_ORIGIN, Pages
from tests.times import machine_time

HERE, ELSEWHERE = "10.0.0.1", "10.0.0.2"


@pytest.fixture(scope="module")
def strict_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """A shop with rate limits on."""
    folder = tmp_path_factory.mktemp("strict")
    with own_shop("sqlite", folder), shop_at(f"sqlite:///{folder}/{{schema}}.db", folder, RATELIMIT_ENABLED="1") as app:
        yield app


@pytest.fixture
def strict(strict_shop: Flask) -> Flask:
    """That shop with all rate limits reset."""
    limiter.reset()
    return strict_shop


def send(app: Flask, url: str, address: str = HERE, *, htmx: bool = False, **fields: str) -> TestResponse:
    """Send a form of ours from an address, by a browser of its own."""
    pages = Pages(app)
    pages.client.environ_base["REMOTE_ADDR"] = address
    form = pages.get(url).one("form.sign-in__form")
    data = {str(field["name"]): str(field.get("value", "")) for field in form.select("input[name]")} | fields
    headers = SAME_ORIGIN | ({"HX-Request": "true"} if htmx else {})
    return pages.client.post(str(form["action"]), data=data, headers=headers)


def sign_in(app: Flask, password: str, address: str = HERE, *, email: str = EMAIL) -> int:
    return send(app, "/login", address, identifier=email, password=password).status_code


def new_account(app: Flask, email: str) -> str:
    with app.app_context():
        make_account(email=email)
    return email


def test_after_five_wrong_passwords_the_right_one_is_rate_limited_too(strict: Flask) -> None:
    email = new_account(strict, "five@example.com")
    assert [sign_in(strict, "wrong", email=email) for _ in range(6)] == [422] * 5 + [429]
    response = send(strict, "/login", identifier=email, password=PASSWORD)
    assert response.status_code == 429
    assert 0 < int(response.headers["Retry-After"]) <= 60
    assert re.search(r"You can try again in \d+ seconds?|in 1 minute", response.text)


@pytest.mark.parametrize("typed", ["six@example.com", " SIX@example.com "])
def test_the_owner_is_not_locked_out_from_elsewhere(strict: Flask, typed: str) -> None:
    with strict.app_context():
        if accounts.profiles_of(["six@example.com"]) == {}:
            make_account(email="six@example.com")
    assert [sign_in(strict, "wrong", email=typed) for _ in range(6)][-1] == 429
    assert sign_in(strict, PASSWORD, ELSEWHERE, email="six@example.com") == 303


def test_all_spellings_of_an_account_are_counted_together(strict: Flask) -> None:
    """B6: its e-mail address and its number, in whatever letters and groups of digits."""
    with strict.app_context():
        make_account(email="spelled@example.com", phone="+919812345678")
    spellings = ["spelled@example.com", "98123 45678", "+91 98123-45678", "SPELLED@example.com", "098123 45678"]
    spellings += [
        "\uff53\uff50elled@example.com",
        "\uff19\uff18123 45678",
        "spelled@exa\u200bmple.com",
        "(98123) 45678",
    ]
    assert [sign_in(strict, "wrong", email=one) for one in spellings] == [422] * 5 + [429] * 4


def test_unknown_numbers_are_counted_by_what_they_mean(strict: Flask) -> None:
    """B6: as if they had an account."""
    spellings = ["98000 11111", "+91 98000 11111", "9800011111", "098000-11111", "+91-98000-11111", "98000  11111"]
    assert [sign_in(strict, "wrong", email=one) for one in spellings] == [422] * 5 + [429]


def test_a_site_of_many_networks_has_a_bound_of_its_own(strict: Flask) -> None:
    """B6: whoever has a whole /48 does not get 65,536 times the tries."""
    email = new_account(strict, "site@example.com")
    answers = [sign_in(strict, "wrong", f"2001:db8:7:{number:x}::1", email=email) for number in range(24)]
    assert answers == [422] * 20 + [429] * 4
    assert sign_in(strict, PASSWORD, "2001:db8:8::1", email=email) == 303


def test_whether_a_number_has_an_account_cannot_be_tried_without_limit(strict: Flask) -> None:
    """B6: each change of one's own number tells whether another account has the new one."""
    with strict.app_context():
        make_account(phone="+919811100000")
        accounts_of_attacker = [make_account(verified=False) for _ in range(6)]
        apis = [Api(strict).with_token(account) for account in accounts_of_attacker]

    def try_number(who: int, number: int) -> int:
        url = f"/users/{accounts_of_attacker[who].id}/profile"
        with strict.app_context():
            return apis[who].put(url, json={"phone": f"+9198111{number:05}"}).status_code

    assert [try_number(0, number) for number in range(8)] == [409, 200, 200, 200, 200, 429, 429, 429]
    with strict.app_context():
        same = apis[0].put(f"/users/{accounts_of_attacker[0].id}/profile", json={"phone": "98111 00004", "name": "A"})
    assert same.status_code == 200  # the client sends the number with every change of the name
    answers = [try_number(who, 100 + 10 * who + number) for who in range(1, 6) for number in range(5)]
    assert answers.count(200) == 12  # of the twenty from here, eight were tried before


def test_the_right_password_resets_the_rate_limit(strict: Flask) -> None:
    email = new_account(strict, "seven@example.com")
    tries = ["wrong"] * 4 + [PASSWORD] + ["wrong"] * 4 + [PASSWORD]
    assert [sign_in(strict, one, email=email) for one in tries] == [422, 422, 422, 422, 303] * 2


def test_sign_in_is_limited_to_twenty_attempts_a_minute_per_network_address(strict: Flask) -> None:
    answers = [sign_in(strict, "wrong", email=f"{number}@example.net") for number in range(22)]
    assert answers == [422] * 20 + [429] * 2
    assert sign_in(strict, "wrong", ELSEWHERE, email="22@example.net") == 422


def test_an_unknown_account_is_rate_limited_alike(strict: Flask) -> None:
    assert [sign_in(strict, "wrong", email="nobody@example.com") for _ in range(6)] == [422] * 5 + [429]


def test_htmx_gets_the_waiting_time_as_a_notice(strict: Flask) -> None:
    for _ in range(5):
        sign_in(strict, "wrong", email="eight@example.com")
    response = send(strict, "/login", htmx=True, identifier="eight@example.com", password="wrong")
    assert (response.status_code, response.headers["HX-Retarget"]) == (429, "#notices")
    assert "You can try again in" in response.text


def test_codes_are_rate_limited_per_sender(strict: Flask) -> None:
    answers = [
        send(strict, "/password/forgotten", identifier=f"{number}@example.org").status_code for number in range(31)
    ]
    assert answers == [303] * 30 + [429]


# ------------------------------------------------------------------------------------ several processes


@pytest.fixture
def live(tmp_path: Path) -> Iterator[LiveShop]:
    """A server of two processes that share Redis, and one account."""
    url = os.environ.get("TEST_REDIS_URL")
    if url is None:
        pytest.skip(os.environ.get("TEST_MISSING_REDIS", "no Redis: start with bin/test"))
    shared = redis.Redis.from_url(url)
    for key in shared.scan_iter("LIMITS*"):
        shared.delete(key)
    with live_shop("sqlite", tmp_path, workers=2, RATELIMIT_ENABLED="1", REDIS_URL=url) as shop:
        app = create_app(make_config(shop.folder, shop.database_url))
        with machine_time(), app.app_context():
            make_account(email=EMAIL)
            db.session.remove()
        yield shop


def test_two_processes_share_the_rate_limits(live: LiveShop) -> None:
    def guess(password: str) -> requests.Response:
        browser = requests.Session()  # and so a connection of its own, to either process
        page = browser.get(f"{live.origin}/login", timeout=30)
        token = re.search(r'name="csrf_token" value="([^"]*)"', page.text)
        assert token is not None
        data = {"csrf_token": token[1], "identifier": EMAIL, "password": password}
        return browser.post(
            f"{live.origin}/login", data=data, headers={"Origin": live.origin}, timeout=30, allow_redirects=False
        )

    assert [guess("wrong").status_code for _ in range(7)] == [422] * 5 + [429] * 2
    refused = guess(PASSWORD)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 60


# ------------------------------------------------------------------------------------ account enumeration


class counted_work:  # noqa: N801 - reads as a statement
    """Counts SQL statements by their verb, and measures the CPU time of this process."""

    def __enter__(self) -> counted_work:
        self.statements: Counter[str] = Counter()
        event.listen(sa.engine.Engine, "before_cursor_execute", self._count)
        self._began = time.process_time()
        return self

    def __exit__(self, *error: object) -> None:
        self.seconds = time.process_time() - self._began
        event.remove(sa.engine.Engine, "before_cursor_execute", self._count)

    def _count(self, conn: Any, cursor: Any, statement: str, *rest: Any) -> None:
        self.statements[statement.split(None, 1)[0].upper()] += 1


def _sign_in(address: str) -> None:
    with pytest.raises(WrongPassword):
        accounts.sign_in(address, "wrong")


def _register(address: str) -> None:
    accounts.register("Asha Rao", address, PASSWORD)


def _reset(address: str) -> None:
    accounts.request_reset(address)


def _enter(address: str) -> None:
    with pytest.raises(WrongCode):
        accounts.reset_password(address, "000000", PASSWORD)


@pytest.mark.usefixtures("real_hashing")
@pytest.mark.parametrize("ask", [_sign_in, _register, _reset, _enter])
def test_known_and_unknown_addresses_take_the_same_work(app: Flask, ask: Callable[[str], None]) -> None:
    """CPU time rather than wall time: other processes on the machine must not decide."""
    ask("warm@example.com")
    seen: dict[bool, list[counted_work]] = {True: [], False: []}
    for number in range(5):
        for is_known in (True, False):
            address = f"{'known' if is_known else 'unknown'}-{number}@example.com"
            if is_known:
                make_account(email=address)
            if ask is _enter:
                accounts.request_reset(address)
            db.session.rollback()
            with counted_work() as work:
                ask(address)
            seen[is_known].append(work)
    assert {tuple(sorted(work.statements.items())) for work in seen[True]} == {
        tuple(sorted(work.statements.items())) for work in seen[False]
    }
    known, unknown = (statistics.median(work.seconds for work in seen[kind]) for kind in (True, False))
    assert max(known, unknown) <= 2 * min(known, unknown) + 0.005, (known, unknown)
