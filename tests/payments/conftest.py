"""A Stripe to talk to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from tests.stripe_process import Bank, open_bank


@pytest.fixture(scope="session")
def _bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bank]:
    with open_bank(tmp_path_factory.mktemp("bank")) as bank:
        yield bank


@pytest.fixture
def stripe(_bank: Bank, app: Flask, monkeypatch: pytest.MonkeyPatch) -> Bank:
    """The shop works with Stripe."""
    for name, value in _bank.settings.items():
        monkeypatch.setitem(app.config, name, value)
    return _bank
