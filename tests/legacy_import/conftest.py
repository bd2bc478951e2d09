"""An old shop beside the new one, on the same database engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask

from tests.legacy_import.old_shop import OldShop, old_shop

Import = Callable[..., Result]


@pytest.fixture(scope="session")
def _old(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OldShop]:
    with old_shop(engine_of(database_url), tmp_path_factory.mktemp("old")) as shop:
        yield shop


@pytest.fixture
def old(_old: OldShop) -> Iterator[OldShop]:
    """An old shop without a row."""
    yield _old
    _old.empty()


@pytest.fixture
def other(database_url: str, tmp_path: Path) -> Iterator[OldShop]:
    """Another one, whose tables a test may change."""
    with old_shop(engine_of(database_url), tmp_path, "other") as shop:
        yield shop


def engine_of(url: str) -> str:
    return "sqlite" if url.startswith("sqlite") else "mariadb"


@pytest.fixture
def read(app: Flask, old: OldShop) -> Import:
    """Run the command on the old shop. It returns what was printed, and raises what was not expected."""

    def run(*options: str) -> Result:
        result = app.test_cli_runner().invoke(args=["import-legacy", *(options or (old.url,))], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result

    return run
