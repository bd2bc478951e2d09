"""Connects the application cache with Flask: settings of the current application, refreshes without a visitor."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TypeVar

from flask import Flask, current_app

from storefront.core import cache
from storefront.core.cache import CacheSettings
from storefront.web.anonymous_request import run_anonymously

R = TypeVar("R")


def init_app(app: Flask) -> None:
    """Connect the caches of this process with Flask; each access looks up the current application."""
    databases = sorted((schema, str(bind["url"])) for schema, bind in app.config["SQLALCHEMY_BINDS"].items())
    app.extensions["cache_namespace"] = hashlib.sha256(repr(databases).encode()).hexdigest()
    cache.set_host(FlaskHost())


class FlaskHost:
    """Implements `storefront.core.cache.CacheHost` for the current application."""

    def settings(self) -> CacheSettings:
        return CacheSettings(
            enabled=current_app.config["CACHE_ENABLED"],
            namespace=current_app.extensions["cache_namespace"],
            redis_url=current_app.config["REDIS_URL"],
        )

    def detached(self, compute: Callable[[], R]) -> Callable[[], R]:
        app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
        return lambda: run_anonymously(app, compute)
