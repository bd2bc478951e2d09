"""What the metrics of this process say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from storefront.core import metrics


def value_of(name: str, **labels: str) -> float:
    """The present value of a sample; 0 before it was first counted."""
    return metrics.REGISTRY.get_sample_value(name, labels) or 0.0


@contextmanager
def growth(name: str, by: float = 1, **labels: str) -> Iterator[None]:
    """Assert that a sample grows within the block."""
    before = value_of(name, **labels)
    yield
    assert value_of(name, **labels) - before == by, (name, labels)
