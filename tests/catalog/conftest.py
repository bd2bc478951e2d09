"""Fixtures of the catalogue's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from tests.factories.products import faults


@pytest.fixture
def _consistent_read_model(app: Flask) -> Iterator[None]:
    yield
    assert faults() == []
