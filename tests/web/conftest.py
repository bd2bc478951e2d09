"""A filled shop on disk, for tests that open it with settings of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.isolated_shop import own_shop


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The data of a shop with the demo goods, on SQLite."""
    folder = tmp_path_factory.mktemp("shop")
    with own_shop("sqlite", folder):
        yield folder
