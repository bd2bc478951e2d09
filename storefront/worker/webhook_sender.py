"""Sends webhooks in threads of the worker's own, so that a slow receiver never keeps a thread of the queue."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor

from flask import Flask

from storefront.webhooks import service as webhooks

logger = logging.getLogger(__name__)

THREADS = 4  # each sends to another endpoint


class WebhookSender:
    """Sends all deliveries that are due, then rests until it is woken."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="webhooks")
        self._lock = threading.Lock()
        self._running = 0
        self._is_stopping = False

    def wake(self) -> None:
        """Look for deliveries that are due, unless all threads are looking already. Returns at once."""
        with self._lock:
            if self._is_stopping or self._running >= THREADS:
                return
            self._running += 1
            self._threads.submit(self._run)

    def stop(self) -> None:
        """Send nothing more after the deliveries that are being sent."""
        with self._lock:
            self._is_stopping = True

    def _run(self) -> None:
        try:
            with self._app.app_context():
                # While one thread sends, the next looks for another endpoint.
                while not self._is_stopping and webhooks.send_next(on_claim=self.wake):
                    pass
        except Exception:
            logger.exception("webhooks cannot be sent; it is tried again at the next sweep")
        finally:
            with self._lock:
                self._running -= 1
