"""Checkouts are walked within a request, the worker's among them: payment providers need addresses."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask


@pytest.fixture
def request_of_worker(app: Flask) -> Iterator[None]:
    with app.test_request_context(base_url=app.config["PUBLIC_ORIGIN"]):
        yield
