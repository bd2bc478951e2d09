"""Hypothesis strategies and constants of the shop's state machine."""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import strategies as st

from storefront.orders import events
from storefront.orders.values import OrderStatus
from tests.checkout.purchase import STEPS

PAYMENT_OPTIONS = ["cod", *["sandbox-success"] * 3, "sandbox-confirm", "sandbox-decline", "sandbox-timeout"]
STAFF_STATUSES = [
    OrderStatus.PROCESSING,
    OrderStatus.SHIPPED,
    OrderStatus.DELIVERED,
    OrderStatus.CANCELLED,
    OrderStatus.UNDELIVERED,
]
REPEATABLE_TOPICS = [events.CANCELLED_RESTOCK, events.CANCELLED_REFUND, events.REFUND_MONEY, events.REFUND_RESTOCK]
PRODUCTS = 3  # few, with few units each, so that shoppers compete
WAITS = [1, 3, 60, 16 * 60]  # seconds: pauses of retries, a lease, an expired hold
MAX_SLEEP_SECONDS = 40 * 60  # after an hour the `doctor` command reports a checkout as stuck
indexes = st.integers(0, 10**6)  # used modulo the number of existing things

# A disturbance of a purchase: the step, whether before or after its work, and what happens.
Mishap = tuple[str, str, str]
MISHAPS = ["hold ends", "rival buys", "recount", "runner stalls", "process dies", "database fails"]
EVERY_MISHAP: list[Mishap] = [
    *itertools.product(STEPS, ["before", "after"], MISHAPS),
    *[("authorise", "before", "bank declines"), ("capture", "before", "bank declines")] * 4,
]
mishaps = st.lists(st.sampled_from(EVERY_MISHAP), min_size=1, max_size=3)


BUYING: dict[str, st.SearchStrategy[Any]] = {
    "who": indexes,
    "what": indexes,
    "payment": st.sampled_from(PAYMENT_OPTIONS),
    "between": mishaps,
    "undoing": st.sampled_from([None, *STEPS]),
    "moment": st.sampled_from(["before", "after"]),
}


REFUNDING: dict[str, st.SearchStrategy[Any]] = {
    "which": indexes,
    "units": st.integers(0, 3),
    "with_shipping": st.booleans(),
    "amount": st.none() | st.none() | st.integers(0, 100_000),
    "restock": st.booleans(),
    "times": st.integers(1, 2),
}


REVERSALS = ["refund", "refund and restock", "send back", "approve", "decline", "cancel", "write off"]
REVERSING: dict[str, st.SearchStrategy[Any]] = {
    "who": indexes,
    "what": indexes,
    "payment": st.sampled_from(["cod", "sandbox-success", "sandbox-success"]),
    "actions": st.lists(st.sampled_from([*REVERSALS, "deliver", "lost answer", "redelivery"]), min_size=3, max_size=8),
}
