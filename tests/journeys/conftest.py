"""Fixtures for tests with a real browser and a live shop. Any error that the browser reports fails the test."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.live_server import LiveShop, live_shop
from tests.shopper import HEIGHTS, SHOTS, Shopper, Window

CLIENT_BUILD = Path(__file__).parent / "client_build"  # a stand-in for the legacy client, served at /app/
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

Shops = Callable[[str], LiveShop]
NewShopper = Callable[..., Shopper]


@pytest.fixture(scope="session")
def shops(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shops]:
    """Live shops by engine, started on first use and shared by all tests."""
    with ExitStack() as stack:

        @cache
        def open_shop(engine: str) -> LiveShop:
            folder = tmp_path_factory.mktemp(f"live-{engine}")
            return stack.enter_context(live_shop(engine, folder, SPA_DIR=str(CLIENT_BUILD)))

        yield open_shop


@pytest.fixture(autouse=True)
def _machine_time(request: pytest.FixtureRequest) -> None:
    """Use the clock of the live shops in the tests that look into them."""
    if "shops" in request.fixturenames:
        request.getfixturevalue("real_time")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = os.environ.get("TEST_CHROMIUM")
    if path is None:
        pytest.skip(os.environ.get("TEST_MISSING_CHROMIUM", "no Chromium: start with bin/test"))
    with sync_playwright() as playwright:
        todays = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}  # it takes no moved date
        chromium = playwright.chromium.launch(executable_path=path, args=FLAGS, env=todays)
        yield chromium
        chromium.close()


@contextmanager
def shoppers_of(shops: Shops, browser: Browser) -> Iterator[NewShopper]:
    """Yield a factory of shoppers with a browser profile each; assert at the end that none had a fault.

    With `may_inject` the browser ignores the CSP, so that a test can run scripts of its own.
    """
    shoppers: list[Shopper] = []

    def make(window: Window, *, may_inject: bool = False) -> Shopper:
        context = browser.new_context(
            java_script_enabled=window.has_script,
            viewport={"width": window.width, "height": HEIGHTS[window.width]},
            has_touch=window.is_phone,
            bypass_csp=may_inject or bool(SHOTS),  # a screenshot injects a style
            reduced_motion="reduce",
        )
        shoppers.append(Shopper(context, shops(window.engine).origin, window))
        return shoppers[-1]

    yield make
    for shopper in shoppers:
        shopper.context.close()
    assert not [fault for shopper in shoppers for fault in shopper.faults]


@pytest.fixture
def new_shopper(shops: Shops, browser: Browser) -> Iterator[NewShopper]:
    """Factory of shoppers for one test."""
    with shoppers_of(shops, browser) as make:
        yield make


@pytest.fixture
def shopper(new_shopper: NewShopper, request: pytest.FixtureRequest) -> Shopper:
    """A shopper with JavaScript and a wide window on SQLite, unless the test names another window."""
    return new_shopper(getattr(request, "param", Window("sqlite", has_script=True, width=1280)))
