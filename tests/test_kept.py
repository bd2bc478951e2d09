"""Answers that may be a little old: who waits for them, and who does not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask, has_request_context, request

from storefront import kept
from storefront.kept import Kept
from tests.own import at_once

FRESH, LONGEST = 30, 120  # seconds


@dataclass
class Question:
    """Answers 1, 2, 3 …, and says in which thread. :ivar failing: raise instead :ivar go: what an answer waits for"""

    count: int = 0
    threads: list[str] = field(default_factory=list)
    failing: bool = False
    go: threading.Event = field(default_factory=threading.Event)
    begun: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.go.set()

    def __call__(self) -> int:
        self.threads.append(threading.current_thread().name)
        self.begun.set()
        assert self.go.wait(30)
        if self.failing:
            raise LookupError("no answer")
        self.count += 1
        return self.count


class Ticks:
    """Seconds that pass when a test says so."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def ticks() -> Ticks:
    return Ticks()


@pytest.fixture
def answers(ticks: Ticks) -> Kept[int]:
    return Kept(fresh=FRESH, longest=LONGEST, most=10, timer=ticks)


@pytest.fixture
def asked(app: Flask) -> Iterator[Question]:
    question = Question()
    yield question
    question.go.set()
    settle()


def settle() -> None:
    """Wait until nobody asks anything in the background."""
    for thread in threading.enumerate():
        if thread.name == "kept":
            thread.join(30)
            assert not thread.is_alive()


def test_a_fresh_answer_is_not_asked_again(answers: Kept[int], asked: Question, ticks: Ticks) -> None:
    assert answers.get("all", asked) == 1
    ticks.now += FRESH - 1
    assert answers.get("all", asked) == 1
    assert answers.get("mugs", asked) == 2
    assert asked.threads == ["MainThread"] * 2


def test_an_older_one_is_given_at_once_and_asked_anew_behind_the_visitors_back(
    answers: Kept[int], asked: Question, ticks: Ticks
) -> None:
    answers.get("all", asked)
    ticks.now += FRESH
    asked.go.clear()  # a visitor who waited for it would wait in vain
    assert [answers.get("all", asked) for _ in range(3)] == [1, 1, 1]
    asked.go.set()
    settle()
    assert answers.get("all", asked) == 2
    assert asked.threads == ["MainThread", "kept"]


def test_one_that_is_too_old_is_not_given_any_more(answers: Kept[int], asked: Question, ticks: Ticks) -> None:
    answers.get("all", asked)
    ticks.now += LONGEST
    assert answers.get("all", asked) == 2
    assert asked.threads == ["MainThread"] * 2


def test_whoever_finds_it_no_longer_true_asks_now(answers: Kept[int], asked: Question) -> None:
    answers.get("all", asked)
    assert answers.renew("all", asked) == 2
    assert answers.get("all", asked) == 2


class Watched(Future[Any]):
    """Says when somebody waits for it."""

    waiting = threading.Semaphore(0)

    def result(self, timeout: float | None = None) -> Any:
        Watched.waiting.release()
        return super().result(timeout)


@pytest.mark.parametrize("failing", [False, True], ids=["answered", "failed"])
def test_all_who_ask_at_one_moment_wait_for_one_answer(
    app: Flask, answers: Kept[int], asked: Question, monkeypatch: pytest.MonkeyPatch, failing: bool
) -> None:
    monkeypatch.setattr(kept, "Future", Watched)
    asked.go.clear()
    asked.failing = failing

    def end() -> int:
        assert asked.begun.wait(30)
        assert all(Watched.waiting.acquire(timeout=30) for _ in range(4))
        asked.go.set()
        return 0

    *got, _ = at_once(app, [*[lambda: answers.get("all", asked)] * 5, end])
    assert len(asked.threads) == 1
    if failing:
        assert [type(error) for error in got] == [LookupError] * 5
        asked.failing = False
        assert answers.get("all", asked) == 1
    else:
        assert got == [1] * 5


def test_what_fails_in_the_background_is_logged_and_hurts_nobody(
    answers: Kept[int], asked: Question, ticks: Ticks, caplog: pytest.LogCaptureFixture
) -> None:
    answers.get("all", asked)
    ticks.now += FRESH
    asked.failing = True
    assert answers.get("all", asked) == 1
    settle()
    (record,) = caplog.records
    assert record.exc_info
    assert isinstance(record.exc_info[1], LookupError)
    asked.failing = False
    assert answers.get("all", asked) == 1
    settle()
    assert answers.get("all", asked) == 2


def test_one_thread_of_a_process_asks_anew(answers: Kept[int], asked: Question, ticks: Ticks) -> None:
    other: Kept[int] = Kept(fresh=FRESH, longest=LONGEST, most=10, timer=ticks)
    assert (answers.get("all", asked), other.get("all", asked)) == (1, 2)
    ticks.now += FRESH
    asked.go.clear()
    assert (answers.get("all", asked), other.get("all", asked)) == (1, 2)
    assert asked.begun.wait(30)
    asked.go.set()
    settle()
    assert asked.threads == ["MainThread", "MainThread", "kept"]
    other.get("all", asked)
    settle()
    assert asked.threads.count("kept") == 2


def test_a_machine_without_another_thread_goes_on_with_what_is_kept(
    answers: Kept[int], asked: Question, ticks: Ticks, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    answers.get("all", asked)
    ticks.now += FRESH
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        assert [answers.get("all", asked) for _ in range(2)] == [1, 1]
    answers.get("all", asked)
    settle()
    assert answers.get("all", asked) == 2


def test_what_is_asked_in_the_background_knows_no_visitor(
    app: Flask, answers: Kept[int], asked: Question, ticks: Ticks
) -> None:
    seen: list[str] = []

    def look() -> int:
        seen.append(f"{request.path} {dict(request.cookies)}" if has_request_context() else "nothing")
        return 1

    with app.test_request_context("/products", headers={"Cookie": "storefront=mine"}):
        answers.get("all", look)
        ticks.now += FRESH
        answers.get("all", look)
        settle()
    assert seen == ["/products {'storefront': 'mine'}", "/ {}"]
