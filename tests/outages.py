"""Services of others that do not answer, and bare shops that ask them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask

from storefront.core.outside_calls import OutsideService
from storefront.web import outside_call_host


def trip(app: Flask, service: OutsideService) -> None:
    """Open the circuit breaker of a service, as failures of another process do."""
    app.extensions["breakers"].of(service)._circuit.open()


def end_pause(app: Flask, service: OutsideService) -> None:
    """Let the time be over in which the service is not asked."""
    app.extensions["breakers"].of(service)._circuit.reset_timeout = 0


def join_probes() -> None:
    """Wait until no service is being probed in the background."""
    for thread in threading.enumerate():
        if thread.name.startswith("probe-"):
            thread.join(10)


@contextmanager
def bare_app() -> Iterator[Flask]:
    """An application with circuit breakers, and nothing else, for the block."""
    app = Flask(__name__)
    app.config["REDIS_URL"], app.extensions["cache_namespace"] = "", ""
    outside_call_host.init_app(app)
    with app.app_context():
        yield app
