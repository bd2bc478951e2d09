"""Bars, worked out here and drawn by a template: no script, no style of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

HEIGHT = 100  # units of the drawing; it is stretched to the room there is
PITCH = 10  # from bar to bar
_WIDTH = 8  # of a bar
_MIN_HEIGHT = 1.5  # height of a bar that is not nothing: it must be seen


@dataclass(frozen=True, slots=True)
class Bar:
    """:ivar x: where its column begins
    :ivar height: 0 for nothing
    """

    x: int
    y: float
    width: int
    height: float


@dataclass(frozen=True, slots=True)
class BarChart:
    """:ivar top: the round figure that its height stands for
    :ivar peak: number of the highest bar
    """

    bars: tuple[Bar, ...]
    top: int
    peak: int

    @property
    def width(self) -> int:
        return max(1, len(self.bars)) * PITCH


def bar_chart(figures: Sequence[int]) -> BarChart:
    """Bars for figures of 0 or more. What is below 0 (a day on which more was given back) is drawn as nothing."""
    top = round_up(max(figures, default=0))
    bars = tuple(_bar(number, figure, top) for number, figure in enumerate(figures))
    peak = max(range(len(figures)), key=lambda number: figures[number], default=0)
    return BarChart(bars, top, peak)


def _bar(number: int, figure: int, top: int) -> Bar:
    height = max(round(figure * HEIGHT / top, 2), _MIN_HEIGHT) if figure > 0 else 0
    return Bar(number * PITCH + (PITCH - _WIDTH) // 2, HEIGHT - height, _WIDTH, height)


def round_up(figure: int) -> int:
    """The next figure that people call round and that has a half: 2, 4, 6, 10, 20, 40, 60, 100, …"""
    power = 1
    while True:
        for step in (2, 4, 6, 10):
            if figure <= step * power:
                return step * power
        power *= 10


def shares(figures: Sequence[int]) -> tuple[float, ...]:
    """What each is of all, in percent; nothing of nothing is 0."""
    total = sum(figures)
    return tuple(round(figure * 100 / total, 3) if total else 0.0 for figure in figures)
