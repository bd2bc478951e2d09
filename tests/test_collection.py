"""Which tests run, and in which order, as `tests/conftest.py` decides."""

from __future__ import annotations

import pytest

from tests.conftest import engine_of, takes_long


def test_what_takes_long_comes_first_among_the_tests_of_its_engine(request: pytest.FixtureRequest) -> None:
    order = [(engine_of(item) == "mariadb", not takes_long(item.path)) for item in request.session.items]
    assert order == sorted(order)


def test_a_test_with_shops_of_its_own_runs_once_for_each_of_their_engines(request: pytest.FixtureRequest) -> None:
    callspecs = [
        item.callspec for item in request.session.items if isinstance(item, pytest.Function) and engine_of(item)
    ]
    twice = [spec.id for spec in callspecs if "engine" in spec.params and spec.params["database_url"] != "sqlite"]
    assert twice == []
