"""`/metrics`: who may read it, and what it says."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest
from flask import Flask

from storefront.core.environment import ConfigurationError
from storefront.web import metrics_server
from storefront.web.security_headers import limiter
from tests.isolated_shop import own_shop, shop_at

TOKEN = "only-for-tests, and as long as in production"
RIGHT = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("shop")
    with own_shop("sqlite", folder):
        yield folder


@contextmanager
def shop_with(folder: Path, **settings: str) -> Iterator[Flask]:
    with shop_at(f"sqlite:///{folder}/{{schema}}.db", folder, **settings) as app:
        yield app


def security_events(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [entry.getMessage() for entry in caplog.records if entry.name == "storefront.security_events"]


@pytest.mark.parametrize("headers", [{}, RIGHT, {"Authorization": "Bearer "}])
def test_without_a_setting_there_is_nothing_at_the_address(folder: Path, headers: dict[str, str]) -> None:
    with shop_with(folder, METRICS_PORT="9464") as app:  # a port of its own opens no other door
        answer = app.test_client().get("/metrics", headers=headers)
    assert (answer.status_code, answer.json["error"]["code"]) == (404, "NOT_FOUND")


def test_the_token_opens_it(folder: Path) -> None:
    with shop_with(folder, METRICS_TOKEN=TOKEN) as app:
        client = app.test_client()
        client.get("/health")
        answer = client.get("/metrics", headers=RIGHT)
    assert answer.status_code == 200
    assert answer.content_type == "text/plain; version=0.0.4; charset=utf-8"
    assert 'storefront_http_requests_total{method="GET",route="/health",status="200"}' in answer.text
    assert "storefront_ready 1.0" in answer.text
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("sent", [None, "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer ключ", TOKEN])
def test_a_wrong_token_is_refused_in_json_and_noted(
    folder: Path, caplog: pytest.LogCaptureFixture, sent: str | None
) -> None:
    headers = {} if sent is None else {"Authorization": sent.encode().decode("latin-1")}
    with shop_with(folder, METRICS_TOKEN=TOKEN) as app:
        answer = app.test_client().get("/metrics", headers=headers)
    assert (answer.status_code, answer.json["error"]["code"]) == (401, "UNAUTHENTICATED")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    (event,) = security_events(caplog)
    assert event.startswith("event=authn_token_fail")
    assert "route=/metrics" in event
    assert TOKEN not in caplog.text


def test_wrong_tokens_are_limited_and_right_ones_are_not(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    with shop_with(folder, METRICS_TOKEN=TOKEN, RATELIMIT_ENABLED="1") as app:
        client = app.test_client()
        assert {client.get("/metrics", headers=RIGHT).status_code for _ in range(12)} == {200}
        wrong = [client.get("/metrics").status_code for _ in range(12)]
        assert limiter.enabled
    assert wrong == [401] * 10 + [429] * 2
    assert security_events(caplog)[-1].startswith("event=excess_rate_limit_exceeded")


def ask(port: int, path: str, **headers: str) -> tuple[int, bytes]:
    with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()


@contextmanager
def port_of(app: Flask) -> Iterator[int]:
    listener = metrics_server.listen("127.0.0.1", 0, "METRICS_PORT")
    server = metrics_server.serve(app, listener)
    try:
        yield listener.getsockname()[1]
    finally:
        server.shutdown()
        server.server_close()


def test_the_port_of_its_own_needs_no_token_and_serves_nothing_else(folder: Path) -> None:
    with shop_with(folder) as app, port_of(app) as port:
        status, body = ask(port, "/metrics")
        assert (status, b"storefront_ready 1.0" in body) == (200, True)
        assert [ask(port, path)[0] for path in ("/", "/health", "/metrics/", "/products")] == [404] * 4


def test_where_there_is_a_token_the_port_asks_for_it_too(folder: Path) -> None:
    with shop_with(folder, METRICS_TOKEN=TOKEN) as app, port_of(app) as port:
        status, body = ask(port, "/metrics")
        assert (status, json.loads(body)["error"]["code"]) == (401, "UNAUTHENTICATED")
        assert ask(port, "/metrics", **RIGHT)[0] == 200


def test_at_the_port_no_header_says_who_asks(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with shop_with(folder, METRICS_TOKEN=TOKEN, PROXY_COUNT="1") as app, port_of(app) as port:
        ask(port, "/metrics", **{"X-Forwarded-For": "10.9.8.7", "X-Request-ID": "chosen-by-whoever-asks"})
    (event,) = security_events(caplog)
    assert "address=127.0.0.1" in event
    assert "chosen" not in caplog.text


def test_a_port_that_is_taken_is_named_with_its_setting(folder: Path) -> None:
    with closing(metrics_server.listen("127.0.0.1", 0, "METRICS_PORT")) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"WORKER_METRICS_PORT: cannot listen on 127.0.0.1 port {port}"):
            metrics_server.listen("127.0.0.1", port, "WORKER_METRICS_PORT")
