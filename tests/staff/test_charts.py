"""The geometry of bar charts."""

from __future__ import annotations

import pytest

from storefront.staff.charts import HEIGHT, bar_chart, round_up, shares


@pytest.mark.parametrize(
    ("figure", "top"),
    [(0, 2), (1, 2), (3, 4), (5, 6), (7, 10), (11, 20), (61, 100), (101, 200)],
)
def test_the_top_of_a_chart_is_round_and_has_a_half(figure: int, top: int) -> None:
    assert round_up(figure) == top
    assert top % 2 == 0


def test_a_bar_is_as_high_as_its_figure() -> None:
    chart = bar_chart([0, 5, 10])
    assert (chart.top, chart.peak, chart.width) == (10, 2, 30)
    assert [bar.height for bar in chart.bars] == [0, HEIGHT / 2, HEIGHT]
    assert [bar.y + bar.height for bar in chart.bars] == [HEIGHT] * 3


def test_a_small_figure_has_a_visible_bar() -> None:
    assert bar_chart([1, 100_000]).bars[0].height > 1


def test_a_negative_figure_has_no_bar() -> None:
    assert [bar.height for bar in bar_chart([-500, 0]).bars] == [0, 0]


def test_shares_are_percent_of_the_sum() -> None:
    assert shares([1, 1, 2]) == (25, 25, 50)
    assert shares([0, 0]) == (0, 0)
