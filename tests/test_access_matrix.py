"""The access rule of every route holds for every kind of user."""

from __future__ import annotations

import pytest
from flask import Flask

from tests import access_matrix
from tests.factories.accounts import make_account
from tests.routes import ROUTES, TESTED_ELSEWHERE, World
from tests.world import make_world


@pytest.fixture
def world(app: Flask) -> World:
    """Everything of the owner's that a route can refer to."""
    return make_world(app, make_account())


def test_every_route_has_an_access_rule(shop: Flask) -> None:
    assert sorted(access_matrix.registered_routes(shop) - ROUTES.keys() - TESTED_ELSEWHERE) == []
    assert sorted(ROUTES.keys() - access_matrix.registered_routes(shop)) == []


def test_every_route_follows_its_access_rule(app: Flask, world: World) -> None:
    assert list(access_matrix.violations(app, ROUTES, world)) == []


def test_every_page_has_an_opener(app: Flask, world: World) -> None:
    """Only pages with an opener are in `routes.PAGES`, for which the rules of all pages are tested."""
    assert list(access_matrix.pages_without_opener(app, ROUTES, world)) == []
