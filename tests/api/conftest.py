"""Callers of the API."""

from __future__ import annotations

import pytest
from flask import Flask

from storefront.accounts.service import Role
from tests.api.client import Api
from tests.api.sign_in_payloads import new_browser
from tests.factories.accounts import make_account, make_staff


@pytest.fixture
def api(app: Flask) -> Api:
    """Nobody in particular."""
    return Api(app)


@pytest.fixture
def browser(app: Flask) -> Api:
    """A page of the old client on which nobody is signed in."""
    return new_browser(app)


@pytest.fixture
def customer(app: Flask) -> Api:
    """A customer, by token."""
    return Api(app).with_token(make_account())


@pytest.fixture
def stock_keeper(app: Flask) -> Api:
    """Somebody of the staff who looks after goods, by token."""
    return Api(app).with_token(make_staff(Role.STOCK_STAFF))
