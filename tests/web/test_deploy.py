"""What deploy/ says of the shop: limits of nginx, settings of gunicorn."""

from __future__ import annotations

import gc
import re
import runpy
from pathlib import Path

import pytest
from flask import Flask

from storefront.web.request_body import in_words
from storefront.web.route_options import options_of

DEPLOY = Path(__file__).parents[2] / "deploy"
NGINX = (DEPLOY / "nginx.conf").read_text()
KB = 1024


def locations() -> dict[str, int]:
    """Limit of each location with one of its own, in bytes, by its pattern as a regular expression."""
    found = re.findall(r"location (=|~) (\S+) \{\s+client_max_body_size (\d+)k;", NGINX)
    return {re.escape(path) if kind == "=" else path: int(size) * KB for kind, path, size in found}


def test_nginx_accepts_at_each_location_what_the_shop_does(app: Flask) -> None:
    """B1: a new route for uploads needs a location; D12: its refusal names the limit."""
    uploads = {}
    for rule in app.url_map.iter_rules():
        if (size := options_of(app, rule.endpoint).max_upload) is not None:
            uploads[app.url_map.bind("shop.example").build(rule.endpoint, dict.fromkeys(rule.arguments, 1))] = size
    limits = locations()
    for path, size in uploads.items():
        matching = [limit for pattern, limit in limits.items() if re.fullmatch(pattern.strip("^$"), path)]
        assert matching == [size], path
        named = [words for pattern, words in re.findall(r'"~(\S+)"\s+"(\d+ MB)";', NGINX) if re.match(pattern, path)]
        assert named == [in_words(size)], path
    assert len(limits) == len(uploads)


def test_nginx_limits_every_other_body_as_the_shop_does(app: Flask) -> None:
    (general,) = re.findall(r"^    client_max_body_size (\d+)k;", NGINX, re.MULTILINE)
    assert int(general) * KB == app.config["MAX_CONTENT_LENGTH"] == app.config["MAX_FORM_MEMORY_SIZE"]
    assert f'default                                     "{in_words(app.config["MAX_CONTENT_LENGTH"])}"' in NGINX


def test_nginx_hides_its_version() -> None:
    """B9"""
    assert NGINX.count("server_tokens off;") == NGINX.count("server {")


@pytest.mark.parametrize(
    ("path", "is_hidden"),
    [("/orders/4242424242424242", True), ("/p/4242-4242.4242_4242", True), ("/product/12345-mug", False)],
)
def test_the_log_of_nginx_has_no_card_number_in_a_path(path: str, is_hidden: bool) -> None:
    """B7"""
    (pattern,) = re.findall(r'"~(\S+)" "\(long number\)"', NGINX)
    assert bool(re.search(pattern, path)) is is_hidden


def test_service_and_script_start_the_server_by_the_same_settings() -> None:
    started = [(DEPLOY / "storefront-web.service").read_text(), (DEPLOY.parent / "bin" / "shop").read_text()]
    assert all("-m gunicorn --config deploy/gunicorn.conf.py --bind" in text for text in started)


def test_what_start_up_made_is_left_out_of_garbage_collection() -> None:
    settings = runpy.run_path(str(DEPLOY / "gunicorn.conf.py"))
    before, made = gc.get_freeze_count(), [[] for _ in range(1000)]
    settings["freeze_objects"]()
    assert gc.get_freeze_count() >= before + len(made)
