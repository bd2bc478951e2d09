"""What tests of the catalogue share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from tests.factories.products import faults


@pytest.fixture
def _derived_is_right(app: Flask) -> Iterator[None]:
    yield
    assert faults() == []
