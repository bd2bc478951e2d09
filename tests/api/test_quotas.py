"""The general rate limits of the API, by class of caller."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator

import pytest
from flask import Flask
from limits.storage import storage_from_string
from werkzeug.test import TestResponse

from storefront.accounts.service import Scope
from storefront.accounts.values import Role
from storefront.api import quotas
from storefront.api.quotas import RequestCounter
from storefront.web.security_headers import REDIS_SECONDS, limiter
from tests.api.client import Api, assert_refused
from tests.factories.accounts import make_account, make_staff
from tests.factories.api_keys import make_api_key
from tests.fakes import Clock
from tests.isolated_shop import own_shop, shop_at

LIMITS = {"ANONYMOUS": "5", "SIGNED_IN": "6", "STAFF": "7", "KEY": "8"}
CHECK = "/api/products/1/check-stock?quantity=1"


@pytest.fixture(scope="module")
def small_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """A shop with very low general limits."""
    folder = tmp_path_factory.mktemp("small")
    settings = {f"RATELIMIT_API_{name}": limit for name, limit in LIMITS.items()}
    url = f"sqlite:///{folder}/{{schema}}.db"
    with own_shop("sqlite", folder), shop_at(url, folder, RATELIMIT_ENABLED="1", CACHE_ENABLED="1", **settings) as app:
        yield app


@pytest.fixture
def small(small_shop: Flask) -> Iterator[Flask]:
    """That shop, with nothing counted yet."""
    small_shop.extensions["api_request_counter"] = RequestCounter(None)
    with small_shop.app_context():
        yield small_shop


def ask(api: Api, times: int, url: str = CHECK, address: str = "10.0.0.1") -> TestResponse:
    """Send requests, of which all but the last must be let in.

    :return: the last answer
    """
    api.pages.client.environ_base["REMOTE_ADDR"] = address
    answers = [api.get(url) for _ in range(times)]
    assert 429 not in {answer.status_code for answer in answers[:-1]}
    return answers[-1]


def told(answer: TestResponse) -> tuple[str, str]:
    return answer.headers["RateLimit-Policy"], answer.headers["RateLimit"]


def assert_limited(answer: TestResponse, policy: str, limit: int, reset: int = 60) -> None:
    assert_refused(answer, 429, "RATE_LIMITED")
    assert told(answer) == (f'"{policy}";q={limit};w=60', f'"{policy}";r=0;t={reset}')
    assert answer.headers["Retry-After"] == str(reset)


def test_an_answer_tells_what_is_left(small: Flask, now: Clock) -> None:
    assert told(ask(Api(small), 1)) == ('"anonymous";q=5;w=60', '"anonymous";r=4;t=60')
    now.advance(seconds=18.5)
    assert told(ask(Api(small), 1)) == ('"anonymous";q=5;w=60', '"anonymous";r=3;t=42')


def test_anonymous_callers_are_counted_by_address_until_the_minute_is_over(small: Flask, now: Clock) -> None:
    assert ask(Api(small), 5).status_code == 200
    assert_limited(ask(Api(small), 1), "anonymous", 5)
    assert ask(Api(small), 5, address="10.0.0.2").status_code == 200
    now.advance(seconds=60)
    assert ask(Api(small), 5).status_code == 200


def test_an_ipv6_site_has_a_quota_of_its_own(small: Flask) -> None:
    answer = ask(Api(small), 1, address="2001:db8:1:1::1")
    assert told(answer) == (
        '"anonymous";q=5;w=60, "anonymous-site";q=20;w=60',
        '"anonymous";r=4;t=60, "anonymous-site";r=19;t=60',
    )
    networks = [f"2001:db8:1:{number:x}::1" for number in range(2, 22)]
    statuses = [ask(Api(small), 1, address=network).status_code for network in networks]
    assert statuses == [200] * 19 + [429]


def test_accounts_and_staff_are_counted_by_themselves(small: Flask) -> None:
    for account, policy, limit in ((make_account(), "signed-in", 6), (make_staff(Role.STOCK_STAFF), "staff", 7)):
        for api in (Api(small).with_cookie(account), Api(small).with_token(account)):
            assert told(ask(api, 1, "/auth/me"))[0] == f'"{policy}";q={limit};w=60'
        assert ask(api, limit - 2, "/auth/me").status_code == 200
        assert_limited(ask(api, 1, "/auth/me", address="10.0.0.9"), policy, limit)
    assert ask(Api(small).with_cookie(make_account()), 6, "/auth/me").status_code == 200


def test_a_cookie_is_not_looked_up_for_what_is_public(small: Flask) -> None:
    account = make_account()
    assert told(ask(Api(small).with_token(account), 1))[0] == '"signed-in";q=6;w=60'  # the token must be valid anyway
    assert told(ask(Api(small).with_cookie(account), 1))[0] == '"anonymous";q=5;w=60'


def test_each_key_has_its_own_limit(small: Flask) -> None:
    busy, quiet = Api(small), Api(small)
    busy.headers = {"Authorization": f"Bearer {make_api_key(Scope.READ_STOCK, requests_per_minute=3)[0]}"}
    quiet.headers = {"Authorization": f"Bearer {make_api_key(Scope.READ_STOCK)[0]}"}
    assert ask(busy, 3).status_code == 200
    assert_limited(ask(busy, 1), "key", 3)
    assert told(ask(quiet, 1)) == ('"key";q=600;w=60', '"key";r=599;t=60')


def test_refused_callers_count(small: Flask) -> None:
    assert {ask(Api(small), 1, "/auth/me").status_code for _ in range(5)} == {401}
    assert_limited(ask(Api(small), 1, "/auth/me"), "anonymous", 5)


def test_the_token_endpoint_and_the_documents_count(small: Flask) -> None:
    assert ask(Api(small), 1, "/api/openapi.json").headers["RateLimit"] == '"anonymous";r=4;t=60'
    api = Api(small)
    api.pages.client.environ_base["REMOTE_ADDR"] = "10.0.0.1"
    assert api.post("/oauth/token").headers["RateLimit"] == '"anonymous";r=3;t=60'


def test_guessing_keys_is_limited_and_locks_out_no_valid_one(small: Flask) -> None:
    small.config["RATELIMIT_API_ANONYMOUS"], before = 100, small.config["RATELIMIT_API_ANONYMOUS"]
    secret, _ = make_api_key(Scope.READ_STOCK)
    guesser, program = Api(small), Api(small)
    guesser.headers = {"Authorization": f"Bearer {secret[:-1]}"}
    program.headers = {"Authorization": f"Bearer {secret}"}
    statuses = [ask(guesser, 1, address="10.0.0.77").status_code for _ in range(21)]
    small.config["RATELIMIT_API_ANONYMOUS"] = before
    assert statuses == [401] * 20 + [429]
    assert ask(program, 1, address="10.0.0.77").status_code == 200


def test_answers_of_the_page_cache_do_not_count_and_tell_nothing(small: Flask) -> None:
    """Whoever asks for a cached answer must not read what is left to somebody else."""
    first = ask(Api(small), 1, "/api/products/1")
    assert "RateLimit" in first.headers
    for _ in range(20):
        cached = ask(Api(small), 1, "/api/products/1")
        assert cached.status_code == 200
        assert not {"RateLimit", "RateLimit-Policy"} & set(cached.headers.keys())


def test_pages_do_not_count(small: Flask) -> None:
    for _ in range(10):
        answer = ask(Api(small), 1, "/track")
        assert (answer.status_code, "RateLimit" in answer.headers) == (200, False)


def test_without_rate_limits_nothing_is_counted(small: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limiter, "enabled", False)
    answer = ask(Api(small), 6)
    assert answer.status_code == 200
    assert not {"RateLimit", "RateLimit-Policy"} & set(answer.headers.keys())


# ------------------------------------------------------------------------------------------------ counting


def test_windows_are_counted_apart() -> None:
    counter = RequestCounter(None)
    assert [counter.count("a", 1), counter.count("a", 1), counter.count("b", 1), counter.count("a", 2)] == [1, 2, 1, 1]


def test_processes_with_redis_count_together() -> None:
    if "TEST_REDIS_URL" not in os.environ:
        pytest.skip(os.environ.get("TEST_MISSING_REDIS", "no Redis: start with bin/test"))
    redis = storage_from_string(os.environ["TEST_REDIS_URL"], wrap_exceptions=True)
    one, other, caller = RequestCounter(redis), RequestCounter(redis), f"test {uuid.uuid4()}"
    assert [one.count(caller, 7), other.count(caller, 7), one.count(caller, 8)] == [1, 2, 1]


def test_without_redis_each_process_counts_and_does_not_ask_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    away = storage_from_string("redis://127.0.0.1:1", wrap_exceptions=True, socket_connect_timeout=REDIS_SECONDS)
    ask_redis = away.incr
    monkeypatch.setattr(away, "incr", lambda *given: [asked.append(given), ask_redis(*given)][1])
    counter = RequestCounter(away)
    assert [counter.count("a", 1) for _ in range(3)] == [1, 2, 3]
    assert len(asked) == 1
    monkeypatch.setattr(quotas, "REDIS_PAUSE", 0)
    counter._redis_paused_until = 0.0
    assert [counter.count("a", 1) for _ in range(2)] == [4, 5]
    assert len(asked) == 3
