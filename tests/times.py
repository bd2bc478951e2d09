"""The clocks of the tests: a fixed one, or the machine's.

In the test process the time is fixed at `NOON`. A live shop runs in processes of its own on the machine's clock, so
its data must be made and read by that clock, too.
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
    """Whether the shop currently uses the machine's clock."""
    return clock._read is _machine


def machine_time() -> AbstractContextManager[None]:
    """Use the machine's clock within the block."""
    return clock_reading(_machine)


@contextmanager
def clock_reading(read: Callable[[], datetime]) -> Iterator[None]:
    """Use another source of the current time within the block."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "_read", read)
        yield
