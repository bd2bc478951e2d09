"""The application cache within Flask."""

from __future__ import annotations

import time

import pytest
from flask import Flask, has_request_context, request

from storefront.core.cache import RefreshingCache
from tests.core.test_cache import FRESH, MAX_AGE, Ticks, settle


def test_a_background_refresh_runs_without_visitor_data(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks, seen = Ticks(), []
    monkeypatch.setattr(time, "time", ticks)
    monkeypatch.setitem(app.config, "CACHE_ENABLED", True)
    answers: RefreshingCache[int] = RefreshingCache(
        "looks", fresh_seconds=FRESH, max_age_seconds=MAX_AGE, max_entries=10
    )

    def look() -> int:
        seen.append(f"{request.path} {dict(request.cookies)}" if has_request_context() else "nothing")
        return 1

    with app.test_request_context("/products", headers={"Cookie": "storefront=mine"}):
        answers.get_or_compute("all", look)
        ticks.now += FRESH + 1
        answers.get_or_compute("all", look)
        settle()
    assert seen == ["/products {'storefront': 'mine'}", "/ {}"]
