"""What several proofs share: a live shop each engine, opened once, looked at by the time of its own processes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import ENGINES
from tests.proofs.interleaving import Arena, arena
from tests.proofs.live_shop import Hall, open_hall


@pytest.fixture(scope="session", params=ENGINES)
def open_shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    with open_hall(request.param, tmp_path_factory.mktemp("hall")) as opened:
        yield opened


@pytest.fixture
def hall(open_shop: Hall, real_time: None) -> Iterator[Hall]:
    with open_shop.app.app_context():
        yield open_shop


@pytest.fixture(scope="session", params=ENGINES)
def opened_arena(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    with arena(request.param, tmp_path_factory.mktemp("rivals")) as opened:
        yield opened


@pytest.fixture
def ground(opened_arena: Arena) -> Iterator[Arena]:
    """Where we and a rival meet; the test itself is a request of ours."""
    opened_arena.post.letters.clear()
    ours = opened_arena.ours
    with ours.test_request_context(base_url=ours.config["PUBLIC_ORIGIN"]):
        yield opened_arena
