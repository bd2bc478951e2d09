"""The options declared by every route."""

from __future__ import annotations

import functools
import re
from typing import Any

import pytest
from flask import Blueprint, Flask, Response

from storefront.api.operations import OPERATIONS
from storefront.web import route_options
from storefront.web.route_options import (
    RouteOptions,
    any_host,
    json_only,
    max_upload,
    no_store,
    options_of,
    public_cache,
)

PERSONAL = re.compile(
    "/(account|checkout|dev|login|logout|orders|password|payments|register|staff|track|wishlist)(/|$)"
)
FILES = {
    "account.avatar": 365 * 24 * 3600,
    "media.media": 365 * 24 * 3600,
    "assets.stylesheet": 365 * 24 * 3600,
    "well_known.favicon": 30 * 24 * 3600,
    "well_known.touch_icon": 30 * 24 * 3600,
    "well_known.manifest": 24 * 3600,
    "well_known.security_txt": 24 * 3600,
    "seo.robots": 3600,
    "seo.sitemap": 3600,
    "seo.sitemap_of_listings": 3600,
    "seo.sitemap_of_products": 3600,
}


@pytest.fixture
def options_by_endpoint(shop: Flask) -> dict[str, RouteOptions]:
    return {rule.endpoint: options_of(shop, rule.endpoint) for rule in shop.url_map.iter_rules()}


def test_only_upload_routes_have_a_higher_size_limit(options_by_endpoint: dict[str, RouteOptions]) -> None:
    assert {name: options.max_upload for name, options in options_by_endpoint.items() if options.max_upload} == {
        "account.upload_avatar": 5 * 2**20 + 64 * 1024,
        "api.uploadImage": 5 * 2**20 + 64 * 1024,
        "staff.upload_import": 8 * 2**20 + 16 * 1024,
        "staff.upload_pictures": 50 * 2**20 + 64 * 1024,
    }


def test_responses_of_personal_urls_are_not_stored(shop: Flask, options_by_endpoint: dict[str, RouteOptions]) -> None:
    is_json = {name for name, options in options_by_endpoint.items() if options.is_json}
    personal = {rule.endpoint for rule in shop.url_map.iter_rules() if PERSONAL.match(rule.rule)}
    assert {name for name, options in options_by_endpoint.items() if options.no_store} == personal - is_json


def test_public_routes(options_by_endpoint: dict[str, RouteOptions]) -> None:
    operations = {f"api.{operation.id}" for operation in OPERATIONS if operation.is_cacheable}
    assert {name for name, options in options_by_endpoint.items() if options.is_public} == operations | FILES.keys() | {
        "static"
    }
    ages = {name: re.findall(r"public, max-age=(\d+)", options_by_endpoint[name].cache_control or "") for name in FILES}
    assert ages == {name: [str(age)] for name, age in FILES.items()}


def test_json_routes(options_by_endpoint: dict[str, RouteOptions]) -> None:
    api = {name for name in options_by_endpoint if name.startswith("api.")}
    assert len(api) > len(OPERATIONS)  # and its documentation
    assert {name for name, options in options_by_endpoint.items() if options.is_json} == api | {
        "health.health",
        "health.ready",
        "metrics.show_metrics",
    }


def test_routes_under_any_host(options_by_endpoint: dict[str, RouteOptions]) -> None:
    assert {name for name, options in options_by_endpoint.items() if options.any_host} == {
        "health.health",
        "health.ready",
        "metrics.show_metrics",
    }


def test_routes_with_their_own_card_number_rules(options_by_endpoint: dict[str, RouteOptions]) -> None:
    usual = RouteOptions()
    assert {
        name: options.card_number_at for name, options in options_by_endpoint.items() if options.card_number_at
    } == {"api.placeOrder": ("paymentMethod", "cardNumber")}
    others = {
        name for name, options in options_by_endpoint.items() if options.card_number_status != usual.card_number_status
    }
    assert others == {"api.addPaymentMethod"}


def test_every_staff_route_declares_its_roles(options_by_endpoint: dict[str, RouteOptions]) -> None:
    staffs = {name for name in options_by_endpoint if name.startswith("staff.")}
    assert {name for name, options in options_by_endpoint.items() if options.staff_roles is not None} == staffs


def guarded(view: Any) -> Any:
    @functools.wraps(view)
    def inner(**values: Any) -> Any:
        return view(**values)

    return inner


@pytest.fixture
def small() -> Flask:
    """Two routes of a blueprint, one with options of its own below another decorator."""
    app, bp = Flask(__name__), no_store(json_only(Blueprint("bp", __name__)))

    @bp.get("/plain")
    def plain() -> str:
        return ""

    @bp.get("/own")
    @guarded
    @public_cache()
    @max_upload(7)
    def own() -> Response:
        return Response("")

    app.register_blueprint(bp)
    app.add_url_rule("/free", "free", any_host(lambda: ""))
    return app


def test_a_view_has_the_options_of_its_blueprint_and_its_own(small: Flask) -> None:
    assert options_of(small, "bp.plain") == RouteOptions(no_store=True, is_json=True)
    assert options_of(small, "bp.own") == RouteOptions(no_store=True, is_json=True, is_public=True, max_upload=7)
    assert options_of(small, "free") == RouteOptions(any_host=True)
    with small.test_request_context("/nowhere"):
        assert route_options.current() == RouteOptions()


@pytest.mark.parametrize(
    ("method", "status", "header", "expected"),
    [
        ("GET", 200, "no-cache", True),
        ("HEAD", 304, "no-cache", True),
        ("GET", 200, "private, no-cache", False),
        ("GET", 404, "no-cache", False),
        ("OPTIONS", 204, "no-cache", False),
    ],
)
def test_only_successful_responses_are_public(
    small: Flask, method: str, status: int, header: str, expected: bool
) -> None:
    response = Response(status=status, headers={"Cache-Control": header})
    with small.test_request_context("/own", method=method):
        assert route_options.is_for_everyone(response) is expected
    with small.test_request_context("/plain"):
        assert not route_options.is_for_everyone(response)
