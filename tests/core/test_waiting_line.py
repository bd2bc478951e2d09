"""The place for costly work: few at a time, few who wait, everybody else is told to come again."""

from __future__ import annotations

import threading

import pytest

from storefront.core.waiting_line import Busy, WaitingLine


def test_the_place_is_given_back_even_after_an_error() -> None:
    line = WaitingLine(at_once=1, waiting=0, seconds=0)
    for _ in range(3):
        with pytest.raises(KeyError), line.place():
            raise KeyError
    with line.place():
        pass


def test_whoever_waits_gets_the_place_when_it_is_free() -> None:
    line, done = WaitingLine(at_once=1, waiting=1, seconds=30), threading.Event()

    def wait() -> None:
        with line.place():
            done.set()

    line.enter()
    waiting = threading.Thread(target=wait)
    waiting.start()
    line.leave()
    waiting.join(30)
    assert done.is_set()


@pytest.mark.parametrize("waiting", [0, 1])
def test_who_cannot_have_it_in_time_is_refused_with_503_and_a_time(waiting: int) -> None:
    """B2: a lock in a request has a time limit; afterwards nobody is left in the line."""
    line = WaitingLine(at_once=1, waiting=waiting, seconds=0.01)
    line.enter()
    for _ in range(3):
        with pytest.raises(Busy) as refusal:
            line.enter()
    assert (refusal.value.status, refusal.value.seconds) == (503, 1)
    line.leave()
    with line.place():
        pass
