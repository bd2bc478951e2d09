"""The process that runs the queue's tasks, and how it shows that it lives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from huey import Huey
from huey.consumer import Consumer


class ShopConsumer(Consumer):  # type: ignore[misc]
    """huey's consumer, which touches a file while its main loop runs: every ten seconds, even during a long task.

    :param alive_file: the file, whose age a container's health check reads; None touches none
    """

    def __init__(self, huey: Huey, alive_file: Path | None, **options: Any) -> None:
        super().__init__(huey, **options)
        self._alive_file = alive_file

    def start(self) -> None:
        """Start the threads."""
        super().start()
        self._touch()

    def check_worker_health(self) -> bool:
        """Start threads again that ended; called by the main loop.

        :return: whether all of them ran
        """
        is_healthy = bool(super().check_worker_health())
        self._touch()
        return is_healthy

    def _touch(self) -> None:
        if self._alive_file is not None:
            self._alive_file.touch()
