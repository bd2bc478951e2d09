"""kill -9 before and after every step and every commit of an order: afterwards there is one order or none.

The full figures: `bin/test -m long tests/proofs/test_crash.py`; CRASH_REPEATS says how often each point is met.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator

import pytest

from storefront.checkout import saga
from tests.conftest import ENGINES
from tests.proofs.crash_harness import LEASE_OVER, ROADS, Ground, open_ground
from tests.proofs.crash_target import Act

pytestmark = pytest.mark.usefixtures("real_time")

REPEATS = int(os.environ.get("CRASH_REPEATS", "25"))
STEPS = [step.name for step in saga.STEPS]
RECOVERED_WITHIN = 60.0  # seconds from the start of the recovering process
GIVEN_UP = 20 * 60.0  # seconds; longer than anything before the capture is tried
FOR_GOOD = 10**6


@pytest.fixture(scope="module", params=ENGINES)
def ground(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    with open_ground(request.param, tmp_path_factory.mktemp("ground")) as opened:
        yield opened


def crash_everywhere(ground: Ground, road_name: str) -> None:
    """Kill one purchase at each point of a road, then let one process clear up after them all."""
    road = ROADS[road_name]
    points = ground.points_of(road)
    assert {f"{moment} do {step}" for step in _steps_of(road_name) for moment in ("before", "after")} <= set(points)
    purchases = [ground.purchase(road, point) for point in points]
    ground.kill_all(purchases)
    began = time.monotonic()
    ground.recover()
    seconds = time.monotonic() - began
    ended = ground.assert_right(purchases)
    print(f"{road_name}: killed at {len(points)} points, {dict(ended)}, recovered in {seconds:.1f} s")
    assert seconds < RECOVERED_WITHIN
    assert ended["draft"] <= 1  # only who died before the first commit never began


def _steps_of(road_name: str) -> list[str]:
    """Steps that were done to their end, refused ones left out."""
    ends = {"declined": "authorise", "refused at the capture": "capture"}
    return STEPS[: STEPS.index(ends[road_name])] if road_name in ends else STEPS


@pytest.mark.parametrize("road", ["card", pytest.param("cash", marks=pytest.mark.long)])
def test_a_process_killed_anywhere_leaves_one_order_or_none(ground: Ground, road: str) -> None:
    crash_everywhere(ground, road)


@pytest.mark.long
@pytest.mark.parametrize("road", ROADS)
def test_killed_anywhere_again_and_again(ground: Ground, road: str) -> None:
    for _ in range(REPEATS):
        crash_everywhere(ground, road)


@pytest.mark.long
@pytest.mark.parametrize("road", ROADS)
def test_a_process_killed_while_it_recovers_is_recovered_by_the_next(ground: Ground, road: str) -> None:
    purchases = [ground.purchase(ROADS[road], point) for point in ground.points_of(ROADS[road])]
    for purchase in purchases:
        ground.kill_all([purchase])
        commit = random.randint(1, 12)
        moment = random.choice(["before", "after"])
        ground.crew[0].do(Act("sweep", dies=f"{moment} commit {commit}", ahead=LEASE_OVER))
    ground.recover(ahead=2 * LEASE_OVER)
    ground.assert_right(purchases, letters_may_repeat=True)


@pytest.mark.long
@pytest.mark.parametrize("road", ["cash", "card"])
def test_a_step_that_fails_once_is_done_again(ground: Ground, road: str) -> None:
    purchases = [ground.purchase(ROADS[road]) for _ in STEPS]
    fates = ground.do_all([ground.act(p, fails=step, times=1) for p, step in zip(purchases, STEPS, strict=True)])
    assert [fate.said for fate in fates] == [["OSError: no space left on device"]] * len(STEPS)
    ground.recover()
    assert ground.assert_right(purchases) == {"completed": len(STEPS)}


@pytest.mark.long
@pytest.mark.parametrize("road", ["cash", "card"])
@pytest.mark.parametrize("step", STEPS)
def test_a_step_that_fails_for_good_is_undone_or_finished_once_it_can_be(ground: Ground, road: str, step: str) -> None:
    purchase = ground.purchase(ROADS[road])
    ground.crew[0].do(ground.act(purchase, fails=step, times=FOR_GOOD))
    ground.crew[0].do(Act("sweep", fails=step, times=FOR_GOOD, ahead=LEASE_OVER))
    ground.crew[0].do(Act("sweep", fails=step, times=FOR_GOOD, ahead=GIVEN_UP))
    ground.recover(ahead=GIVEN_UP + LEASE_OVER)
    may_fail = [type(purchase)(purchase.id, purchase.token, ROADS["refused at the capture"])]
    ended = "failed" if STEPS.index(step) < saga.CAPTURE else "completed"
    assert ground.assert_right(may_fail) == {ended: 1}
