"""Checkouts are walked within a request, the worker's among them: payment providers need addresses."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from tests.checkout.purchase import Purchase, make_purchase
from tests.fakes import MemoryPost


@pytest.fixture
def request_of_worker(app: Flask) -> Iterator[None]:
    with app.test_request_context(base_url=app.config["PUBLIC_ORIGIN"]):
        yield


@pytest.fixture
def purchase(request: pytest.FixtureRequest, request_of_worker: None, post: MemoryPost) -> Purchase:
    """A purchase to break; paid by a card that succeeds, or as an indirect parameter says."""
    return make_purchase(post, payment=getattr(request, "param", "sandbox-success"))
