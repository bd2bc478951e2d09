"""Writes the worker's sign of life while it runs."""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask

from storefront.db import worker_heartbeat
from storefront.db.session import UNAVAILABLE

logger = logging.getLogger(__name__)


@contextmanager
def beating(app: Flask) -> Iterator[None]:
    """Write a sign of life every `worker_heartbeat.INTERVAL` within the block, and take it back at its end."""
    ended = threading.Event()
    thread = threading.Thread(target=_beat_until, args=(app, ended), name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _beat_until(app: Flask, ended: threading.Event) -> None:
    worker = own_name()
    with app.app_context():
        while True:
            _try_to_beat(worker)
            if ended.wait(worker_heartbeat.INTERVAL.total_seconds()):
                break
        try:
            worker_heartbeat.sign_off(worker)
        except UNAVAILABLE as error:
            logger.warning("the worker's sign of life could not be taken back: %s", error)


def _try_to_beat(worker: str) -> None:
    try:
        worker_heartbeat.beat(worker)
    except UNAVAILABLE as error:  # it is written the next time; `/health/ready` and an alert say that it is missing
        logger.warning("the worker's sign of life could not be written: %s", error)


def own_name() -> str:
    """Machine and process id of this process."""
    end = f":{os.getpid()}"
    return socket.gethostname()[: worker_heartbeat.MAX_NAME_LENGTH - len(end)] + end
