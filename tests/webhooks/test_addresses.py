"""Where webhooks may be sent: in whatever notation a private address is written, and whatever names lead to it."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from storefront.webhooks import addresses
from storefront.webhooks.values import UrlProblem, UrlRefused
from tests.isolated_shop import shop_at

PUBLIC_V4, PUBLIC_V6 = "93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """An application without tables."""
    folder = tmp_path_factory.mktemp("addresses")
    with shop_at(f"sqlite:///{folder}/{{schema}}.db", folder) as app, app.app_context():
        yield app


@pytest.fixture
def production(bare: Flask, monkeypatch: pytest.MonkeyPatch) -> Flask:
    monkeypatch.setitem(bare.config, "ENVIRONMENT", "production")
    return bare


def name_server(monkeypatch: pytest.MonkeyPatch, **names: list[str]) -> None:
    """Answer for names, with underscores for dots, and for nothing else but numbers."""
    known, real = {name.replace("_", "."): found for name, found in names.items()}, socket.getaddrinfo

    def answer(host: str, port: Any, *args: Any, **more: Any) -> list[Any]:
        if host not in known:
            return real(host, port, *args, **{**more, "flags": socket.AI_NUMERICHOST})
        return [
            (socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in known[host]
        ]

    monkeypatch.setattr(socket, "getaddrinfo", answer)


def problem_of(url: str) -> UrlProblem | None:
    try:
        addresses.resolve(addresses.parse(url))
    except UrlRefused as refused:
        return refused.problem
    return None


def test_a_name_with_public_addresses_is_sent_to(production: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    name_server(monkeypatch, erp_example=[PUBLIC_V6, PUBLIC_V4, PUBLIC_V4])
    target = addresses.parse("https://ERP.example/hooks?shop=1")
    assert (target.host, target.port, target.path) == ("erp.example", 443, "/hooks?shop=1")
    assert addresses.resolve(target) == [PUBLIC_V6, PUBLIC_V4]


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",  # short for the same
        "2130706433",  # decimal
        "0x7f000001",  # hexadecimal
        "0x7f.1",
        "0177.0.0.1",  # octal
        "017700000001",
        "0.0.0.0",  # noqa: S104 - nothing listens there
        "0",
        "10.0.0.1",
        "10.1",
        "167772161",  # 10.0.0.1
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "0xc0.0xa8.0x1.0x1",
        "169.254.169.254",  # metadata of clouds
        "2852039166",
        "100.64.0.1",
        "192.0.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "[::]",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::ffff:10.0.0.1]",
        "[::127.0.0.1]",
        "[64:ff9b::10.0.0.1]",
        "[64:ff9b:1::1]",
        "[2001:0:7f00:1::]",
        "[2001:db8::1]",
        "[2002:7f00:1::]",
        "[fc00::1]",
        "[fd12:3456:789a::1]",
        "[fe80::1]",
        "[fec0::1]",
        "[ff02::1]",
        "[100::1]",
        "[3fff::1]",
    ],
)
def test_no_notation_of_a_private_address_is_sent_to(production: Flask, host: str) -> None:
    """The test below shows that it is not the notation that is refused."""
    assert problem_of(f"https://{host}/") is UrlProblem.PRIVATE


@pytest.mark.parametrize(
    "host",
    [PUBLIC_V4, "1572395042", "0x5db8d822", f"[{PUBLIC_V6}]", f"[::ffff:{PUBLIC_V4}]", f"[64:ff9b::{PUBLIC_V4}]"],
)
def test_public_addresses_are_sent_to_in_any_notation(production: Flask, host: str) -> None:
    assert problem_of(f"https://{host}/") is None


@pytest.mark.parametrize(
    "found", [["127.0.0.1"], ["10.0.0.7"], ["::1"], ["fd00::7"], ["::ffff:192.168.0.1"], [PUBLIC_V4, "10.0.0.7"]]
)
def test_a_name_with_one_private_address_is_refused(
    production: Flask, monkeypatch: pytest.MonkeyPatch, found: list[str]
) -> None:
    name_server(monkeypatch, inside_example=found)
    assert problem_of("https://inside.example/") is UrlProblem.PRIVATE


def test_hosts_inside_that_the_operator_names_are_sent_to(production: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(production.config, "WEBHOOK_PRIVATE_HOSTS", frozenset({"erp.internal", "10.0.0.8"}))
    name_server(monkeypatch, erp_internal=["10.0.0.7"], other_internal=["10.0.0.7"])
    assert problem_of("https://ERP.internal:8443/") is None
    assert problem_of("https://10.0.0.8/") is None
    assert problem_of("https://other.internal/") is UrlProblem.PRIVATE
    assert problem_of("https://10.0.0.7/") is UrlProblem.PRIVATE
    assert problem_of("http://erp.internal/") is UrlProblem.NOT_HTTPS


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("", UrlProblem.INVALID),
        ("erp.example/hooks", UrlProblem.INVALID),
        ("//erp.example/hooks", UrlProblem.INVALID),
        ("https://", UrlProblem.INVALID),
        ("https:///hooks", UrlProblem.INVALID),
        ("ftp://erp.example/", UrlProblem.INVALID),
        ("file:///etc/passwd", UrlProblem.INVALID),
        ("gopher://127.0.0.1:6379/_FLUSHALL", UrlProblem.INVALID),
        ("https://erp.example:0/", UrlProblem.INVALID),
        ("https://erp.example:99999/", UrlProblem.INVALID),
        ("https://erp.example:https/", UrlProblem.INVALID),
        ("https://erp.example/#part", UrlProblem.INVALID),
        ("https://erp.example/a b", UrlProblem.INVALID),
        ("https://erp.example/\r\nHost: other", UrlProblem.INVALID),
        ("https://erp.example\\@10.0.0.1/", UrlProblem.INVALID),
        ("https://erp_exämple/", UrlProblem.INVALID),
        ("https://[fe80::1%25eth0]/", UrlProblem.INVALID),
        ("https://[::1/", UrlProblem.INVALID),
        ("https://-erp.example/", UrlProblem.INVALID),
        ("https://erp.example/" + "a" * 500, UrlProblem.INVALID),
        ("https://user:secret@erp.example/", UrlProblem.CREDENTIALS),
        ("https://@erp.example/", UrlProblem.CREDENTIALS),
        ("http://erp.example/", UrlProblem.NOT_HTTPS),
        ("http://127.0.0.1/", UrlProblem.NOT_HTTPS),
        ("https://nowhere.example/", UrlProblem.UNKNOWN_HOST),
        ("https://127.0.0.1./", UrlProblem.UNKNOWN_HOST),
        (f"https://{'a' * 64}.example/", UrlProblem.UNKNOWN_HOST),
    ],
)
def test_what_is_no_https_url_is_refused(
    production: Flask, monkeypatch: pytest.MonkeyPatch, url: str, problem: UrlProblem
) -> None:
    name_server(monkeypatch, erp_example=[PUBLIC_V4])
    assert problem_of(url) is problem


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000/", "http://[::1]/", "https://127.0.0.1/", "http://2130706433/"])
def test_outside_production_this_machine_is_sent_to(bare: Flask, url: str) -> None:
    assert problem_of(url) is None


@pytest.mark.parametrize(
    ("url", "problem"), [("http://10.0.0.1/", UrlProblem.NOT_HTTPS), ("https://10.0.0.1/", UrlProblem.PRIVATE)]
)
def test_outside_production_other_machines_are_as_in_production(bare: Flask, url: str, problem: UrlProblem) -> None:
    assert problem_of(url) is problem


def test_every_block_that_python_knows_as_private_is_refused() -> None:
    """Its lists and ours come from the same registries."""
    for network in ("10.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16", "240.0.0.0/4"):
        block = ipaddress.ip_network(network)
        for address in (block[0], block[1], block[-1]):
            assert not address.is_global
            assert not addresses.is_public(address)
