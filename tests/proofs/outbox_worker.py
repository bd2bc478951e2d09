"""Deliver the outboxes once: `python -m tests.proofs.outbox_worker MINUTES`, with the clock that far ahead.

The mail tests kill it at an e-mail of their choice; the shop's own worker would deliver only once a minute.
"""

from __future__ import annotations

import sys
from datetime import timedelta

from config import Config
from storefront import create_app
from storefront.core import clock
from storefront.worker import tasks


def main(minutes: int) -> None:
    read = clock._read
    clock._read = lambda: read() + timedelta(minutes=minutes)
    app = create_app(Config())
    with app.test_request_context(base_url=app.config["PUBLIC_ORIGIN"]):
        tasks.deliver_outboxes()


if __name__ == "__main__":
    main(int(sys.argv[1]))
