"""Runs the state machines of Hypothesis on the shared shop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Flask
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from tests.fakes import Clock


def run_machine(
    machine: type[RuleBasedStateMachine],
    shop: Flask,
    now: Clock,
    *,
    examples: int,
    steps: int,
    phases: Sequence[Phase],
    **options: Any,
) -> None:
    """Run a state machine that has the shop as `app` and its clock as `clock`.

    :param phases: of Hypothesis; shrinking a failure takes minutes
    :param options: further settings of Hypothesis
    """
    run_state_machine_as_test(
        type(f"Bound{machine.__name__}", (machine,), {"clock": now, "app": shop}),
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            phases=phases,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            **options,
        ),
    )
