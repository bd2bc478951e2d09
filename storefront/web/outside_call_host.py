"""Connects outside calls with Flask: circuit breakers of the current application, probes without a visitor, metrics."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

from flask import Flask, current_app

from storefront.core import metrics, outside_calls
from storefront.core.outside_calls import Breakers
from storefront.web.anonymous_request import run_anonymously

R = TypeVar("R")


def init_app(app: Flask) -> None:
    """Give the application circuit breakers, shared in Redis where it is configured."""
    app.extensions["breakers"] = Breakers(app.config["REDIS_URL"], app.extensions["cache_namespace"])
    outside_calls.set_host(FlaskHost())
    if metrics.note_outside_call not in outside_calls.observers:
        outside_calls.observers.append(metrics.note_outside_call)


class FlaskHost:
    """Implements `storefront.core.outside_calls.Host` for the current application."""

    def breakers(self) -> Breakers:
        return cast("Breakers", current_app.extensions["breakers"])

    def detached(self, action: Callable[[], R]) -> Callable[[], R]:
        app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
        return lambda: run_anonymously(app, action)
