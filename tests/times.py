"""Which clock the shops of the tests go by: one that stands still, or that of the machine.

What happens in one process stands at `NOON`, whatever day it is outside. A live shop has processes of its own, which
go by the machine: it is filled, and looked into, by the same clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime

import pytest

from storefront.core import clock

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)

_machine = clock._read


def is_machine_time() -> bool:
    return clock._read is _machine


def machine_time() -> AbstractContextManager[None]:
    """Within the block the shop goes by the clock of the machine."""
    return told_by(_machine)


@contextmanager
def told_by(read: Callable[[], datetime]) -> Iterator[None]:
    """Within the block the shop reads the time of day here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "_read", read)
        yield
