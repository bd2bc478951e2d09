"""Geometry of bar charts, which a template draws as SVG without script or inline style."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

HEIGHT = 100  # SVG units; the drawing is stretched to the space available
PITCH = 10  # SVG units from bar to bar
_WIDTH = 8  # SVG units of a bar
_MIN_HEIGHT = 1.5  # SVG units: a small figure above 0 must still be visible


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar in SVG units, measured from the top left.

    :ivar height: 0 draws no bar
    """

    x: int
    y: float
    width: int
    height: float


@dataclass(frozen=True, slots=True)
class BarChart:
    """A bar chart.

    :ivar top: round figure at the top of the scale
    :ivar peak: index of the highest bar
    """

    bars: tuple[Bar, ...]
    top: int
    peak: int

    @property
    def width(self) -> int:
        return max(1, len(self.bars)) * PITCH


def bar_chart(figures: Sequence[int]) -> BarChart:
    """Lay out a bar per figure. Negative ones (a day with more refunds than sales) get no bar."""
    top = round_up(max(figures, default=0))
    bars = tuple(_bar(number, figure, top) for number, figure in enumerate(figures))
    peak = max(range(len(figures)), key=lambda number: figures[number], default=0)
    return BarChart(bars, top, peak)


def _bar(number: int, figure: int, top: int) -> Bar:
    height = max(round(figure * HEIGHT / top, 2), _MIN_HEIGHT) if figure > 0 else 0
    return Bar(number * PITCH + (PITCH - _WIDTH) // 2, HEIGHT - height, _WIDTH, height)


def round_up(figure: int) -> int:
    """Round up to the next even figure of a scale: 2, 4, 6, 10, 20, 40, 60, 100, …"""
    power = 1
    while True:
        for step in (2, 4, 6, 10):
            if figure <= step * power:
                return step * power
        power *= 10


def shares(figures: Sequence[int]) -> tuple[float, ...]:
    """Compute the share of each figure in percent of their sum; 0 when the sum is 0."""
    total = sum(figures)
    return tuple(round(figure * 100 / total, 3) if total else 0.0 for figure in figures)
