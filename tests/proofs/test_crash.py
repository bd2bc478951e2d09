"""kill -9 before and after every step and every commit of an order: afterwards there is one order or none.

All cases: `bin/test -m long tests/proofs/test_crash.py`; CRASH_REPEATS is the number of crashes at each point.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator

import pytest

from storefront.checkout import saga
from tests.conftest import ENGINES
from tests.proofs.crash_harness import LEASE_OVER, SCENARIOS, CrashHarness, open_harness
from tests.proofs.crash_target import Task

pytestmark = pytest.mark.usefixtures("real_time")

REPEATS = int(os.environ.get("CRASH_REPEATS", "25"))
STEPS = [step.name for step in saga.STEPS]
RECOVERED_WITHIN = 60.0  # seconds from the start of the recovering process
GIVEN_UP = 20 * 60.0  # seconds; longer than steps before the capture are retried
FOR_GOOD = 10**6


@pytest.fixture(scope="module", params=ENGINES)
def harness(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CrashHarness]:
    with open_harness(request.param, tmp_path_factory.mktemp("harness")) as opened:
        yield opened


def crash_everywhere(harness: CrashHarness, name: str) -> None:
    """Kill one purchase at each point of a scenario, then recover all of them in one process."""
    scenario = SCENARIOS[name]
    points = harness.points_of(scenario)
    assert {f"{moment} do {step}" for step in _steps_of(name) for moment in ("before", "after")} <= set(points)
    purchases = [harness.purchase(scenario, point) for point in points]
    harness.kill_all(purchases)
    began = time.monotonic()
    harness.recover()
    seconds = time.monotonic() - began
    states = harness.assert_consistent(purchases)
    print(f"{name}: killed at {len(points)} points, {dict(states)}, recovered in {seconds:.1f} s")
    assert seconds < RECOVERED_WITHIN
    assert states["draft"] <= 1  # only the one killed before the first commit


def _steps_of(name: str) -> list[str]:
    """Steps that complete in a scenario, without the one that is refused."""
    last_steps = {"declined": "authorise", "refused at the capture": "capture"}
    return STEPS[: STEPS.index(last_steps[name])] if name in last_steps else STEPS


@pytest.mark.parametrize("scenario", ["card", pytest.param("cash", marks=pytest.mark.long)])
def test_a_process_killed_anywhere_leaves_one_order_or_none(harness: CrashHarness, scenario: str) -> None:
    crash_everywhere(harness, scenario)


@pytest.mark.long
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_repeated_kills_everywhere_leave_one_order_or_none(harness: CrashHarness, scenario: str) -> None:
    for _ in range(REPEATS):
        crash_everywhere(harness, scenario)


@pytest.mark.long
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_recovery_that_is_killed_is_completed_by_the_next_process(harness: CrashHarness, scenario: str) -> None:
    purchases = [harness.purchase(SCENARIOS[scenario], point) for point in harness.points_of(SCENARIOS[scenario])]
    for purchase in purchases:
        harness.kill_all([purchase])
        commit = random.randint(1, 12)
        moment = random.choice(["before", "after"])
        harness.processes[0].do(Task("sweep", dies_at=f"{moment} commit {commit}", ahead=LEASE_OVER))
    harness.recover(ahead=2 * LEASE_OVER)
    harness.assert_consistent(purchases, emails_may_repeat=True)


@pytest.mark.long
@pytest.mark.parametrize("scenario", ["cash", "card"])
def test_a_step_that_fails_once_is_retried(harness: CrashHarness, scenario: str) -> None:
    purchases = [harness.purchase(SCENARIOS[scenario]) for _ in STEPS]
    results = harness.do_all([harness.task(p, fails=step, times=1) for p, step in zip(purchases, STEPS, strict=True)])
    assert [result.messages for result in results] == [["OSError: no space left on device"]] * len(STEPS)
    harness.recover()
    assert harness.assert_consistent(purchases) == {"completed": len(STEPS)}


@pytest.mark.long
@pytest.mark.parametrize("scenario", ["cash", "card"])
@pytest.mark.parametrize("step", STEPS)
def test_a_step_that_fails_permanently_is_undone_or_completed_later(
    harness: CrashHarness, scenario: str, step: str
) -> None:
    purchase = harness.purchase(SCENARIOS[scenario])
    harness.processes[0].do(harness.task(purchase, fails=step, times=FOR_GOOD))
    harness.processes[0].do(Task("sweep", fails=step, times=FOR_GOOD, ahead=LEASE_OVER))
    harness.processes[0].do(Task("sweep", fails=step, times=FOR_GOOD, ahead=GIVEN_UP))
    harness.recover(ahead=GIVEN_UP + LEASE_OVER)
    may_fail = [type(purchase)(purchase.id, purchase.token, SCENARIOS["refused at the capture"])]
    state = "failed" if STEPS.index(step) < saga.CAPTURE else "completed"
    assert harness.assert_consistent(may_fail) == {state: 1}
