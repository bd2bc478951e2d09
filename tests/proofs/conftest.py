"""What several proofs share: a live shop each engine, opened once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import ENGINES
from tests.proofs.hall import Hall, open_hall


@pytest.fixture(scope="session", params=ENGINES)
def hall(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    with open_hall(request.param, tmp_path_factory.mktemp("hall")) as opened:
        yield opened
