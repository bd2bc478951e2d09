"""The file by which the worker shows that it lives."""

from __future__ import annotations

from pathlib import Path

import pytest
from huey import MemoryHuey

from storefront.worker.consumer import ShopConsumer


@pytest.fixture
def alive(tmp_path: Path) -> Path:
    return tmp_path / "worker-alive"


def consumer(alive_file: Path | None) -> ShopConsumer:
    return ShopConsumer(MemoryHuey(), alive_file, workers=1, worker_type="thread")


def test_the_file_is_there_from_the_start(alive: Path) -> None:
    started = consumer(alive)
    started.start()
    try:
        assert alive.exists()
    finally:
        started.stop(graceful=True)


def test_the_file_is_touched_whenever_the_threads_are_looked_at(alive: Path) -> None:
    started = consumer(alive)
    started.start()
    try:
        alive.unlink()
        assert started.check_worker_health()
        assert alive.exists()
    finally:
        started.stop(graceful=True)


def test_without_a_file_nothing_is_touched(tmp_path: Path) -> None:
    started = consumer(None)
    started.start()
    started.stop(graceful=True)
    assert list(tmp_path.iterdir()) == []
