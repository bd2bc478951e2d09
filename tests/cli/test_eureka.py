"""`flask eureka`: registered while the shop answers, against a server that speaks Eureka's REST."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from storefront.cli import eureka
from storefront.cli.eureka import EurekaServers, EurekaUnavailable, Instance, Registration, answers
from tests.eureka_stand_in import Registry, eureka_server
from tests.isolated_shop import shop_at
from tests.live_server import ROOT, eventually, inherited_environment, live_shop
from tests.run import free_port

CART, ORDERS = (Instance(name, "http://10.0.0.11:9090") for name in ("cart-service", "ORDER-SERVICE"))


class Shop:
    """A shop whose health a test decides, and a clock that stands."""

    def __init__(self) -> None:
        self.is_up, self.seconds = True, 100.0

    def registration(self, *urls: str) -> Registration:
        return Registration(EurekaServers(urls), [CART, ORDERS], lambda: self.is_up, lambda: self.seconds)


@pytest.fixture
def shop() -> Shop:
    return Shop()


def nowhere() -> str:
    return f"http://127.0.0.1:{free_port()}/eureka"


def test_every_service_is_registered_with_the_address_of_the_shop(shop: Shop) -> None:
    with eureka_server() as registry:
        shop.registration(registry.url).check()
    assert registry.services == ["CART-SERVICE", "ORDER-SERVICE"]
    instance = registry.instances["CART-SERVICE", "10.0.0.11:cart-service:9090"]
    assert (instance["hostName"], instance["port"], instance["status"]) == (
        "10.0.0.11",
        {"$": 9090, "@enabled": "true"},
        "UP",
    )
    assert instance["vipAddress"] == "cart-service"  # by which the gateway's lb://cart-service finds it
    assert instance["securePort"]["@enabled"] == "false"


def test_an_address_with_https_is_registered_as_secure() -> None:
    instance = Instance("cart", "https://shop.example").as_json()["instance"]
    assert (instance["securePort"], instance["port"]["@enabled"]) == ({"$": 443, "@enabled": "true"}, "false")


def test_a_lease_is_renewed_when_it_is_time(shop: Shop) -> None:
    with eureka_server() as registry:
        registration = shop.registration(registry.url)
        registration.check()
        assert registry.methods() == ["POST", "POST"]
        shop.seconds += eureka.RENEW_SECONDS - 1
        registration.check()
        assert registry.methods() == []
        shop.seconds += 1
        registration.check()
        assert registry.methods() == ["PUT", "PUT"]


def test_a_shop_that_eureka_forgot_registers_anew(shop: Shop) -> None:
    with eureka_server() as registry:
        registration = shop.registration(registry.url)
        registration.check()
        registry.instances.clear()
        registry.methods()
        shop.seconds += eureka.RENEW_SECONDS
        registration.check()
        assert registry.methods() == ["PUT", "POST", "PUT", "POST"]
        assert registry.services == ["CART-SERVICE", "ORDER-SERVICE"]


def test_a_missing_eureka_is_logged_once_and_tried_again(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    port = free_port()
    registration = shop.registration(f"http://user:hush@127.0.0.1:{port}/eureka")
    with caplog.at_level(logging.ERROR):
        registration.check()
        registration.check()
    assert len(caplog.records) == 1
    assert "hush" not in caplog.text
    with eureka_server(port) as registry:
        registration.check()
        assert registry.services == ["CART-SERVICE", "ORDER-SERVICE"]


def test_the_next_of_several_servers_is_asked_when_one_is_away(shop: Shop) -> None:
    with eureka_server() as registry:
        shop.registration(nowhere(), registry.url).check()
    assert registry.services == ["CART-SERVICE", "ORDER-SERVICE"]


def test_a_shop_that_does_not_answer_is_withdrawn_until_it_does(shop: Shop) -> None:
    with eureka_server() as registry:
        registration = shop.registration(registry.url)
        registration.check()
        shop.is_up = False
        for _ in range(eureka.MAX_MISSES - 1):
            registration.check()
        assert len(registry.services) == 2, "a single slow answer changes nothing"
        registration.check()
        assert registry.services == []
        shop.is_up = True
        registration.check()
        assert len(registry.services) == 2


def test_a_shop_that_never_answered_is_not_registered(shop: Shop) -> None:
    shop.is_up = False
    with eureka_server() as registry:
        shop.registration(registry.url).check()
    assert registry.requests == []


def test_withdrawing_gives_up_where_eureka_is_away(shop: Shop) -> None:
    with eureka_server() as registry:
        registration = shop.registration(registry.url)
        registration.check()
    registration.withdraw()


def test_a_server_that_answers_something_else_is_unavailable() -> None:
    with eureka_server() as registry, pytest.raises(EurekaUnavailable, match="400"):
        EurekaServers([registry.url]).register(_Mislabelled("cart", "http://10.0.0.11:9090"))


class _Mislabelled(Instance):
    """Refused by the stand-in, as by a server that does not take the body."""

    def as_json(self) -> dict[str, dict[str, object]]:
        return {"instance": {**Instance.as_json(self)["instance"], "app": "other"}}


def test_without_the_setting_the_command_says_so(tmp_path: Path) -> None:
    with shop_at(f"sqlite:///{tmp_path}/{{schema}}.db", tmp_path) as app:
        done = app.test_cli_runner().invoke(args=["eureka"])
    assert (done.exit_code, done.output) == (1, "Error: EUREKA_URL is not set: there is nothing to register at\n")


def command_for(registry: Registry, address: str, folder: Path) -> subprocess.Popen[bytes]:
    settings = {
        "STOREFRONT_DATA": str(folder),
        "EUREKA_URL": registry.url,
        "EUREKA_SERVICES": "CART-SERVICE, order-service",
        "EUREKA_ADDRESS": address,
    }
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "eureka"]
    return subprocess.Popen(command, cwd=ROOT, env=inherited_environment() | settings)


def test_the_command_follows_a_real_server_and_deregisters_when_stopped(tmp_path: Path) -> None:
    with live_shop("sqlite", tmp_path) as shop, eureka_server() as registry:
        address = shop.origin
        assert answers(address)
        process = command_for(registry, address, tmp_path)
        try:
            eventually(lambda: len(registry.services) == 2, "the registration")
            assert len(registry.requests) == 2, "once for a server, not once for each of its processes"
            os.kill(process.pid, signal.SIGTERM)
            assert process.wait(30) == 0
        finally:
            process.kill()
            process.wait()
        assert registry.services == []
        assert answers(address), "the shop runs on"
    assert not answers(address)
