"""What may come to pass in a shop, for whoever tries it in any order."""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import strategies as st

from storefront.orders import events
from storefront.orders.service import OrderStatus
from tests.checkout.purchase import STEPS

WAYS_TO_PAY = ["cod", *["sandbox-success"] * 3, "sandbox-confirm", "sandbox-decline", "sandbox-timeout"]
STEPS_OF_STAFF = [OrderStatus.PROCESSING, OrderStatus.SHIPPED, OrderStatus.DELIVERED, OrderStatus.CANCELLED]
WORDS = [events.CANCELLED_RESTOCK, events.CANCELLED_REFUND, events.REFUND_MONEY, events.REFUND_RESTOCK]
SHELVES = 3  # products; few and with few units, so that shoppers meet
WAITS = [1, 3, 60, 16 * 60]  # seconds: a retry's pause, a lease, a hold that is over
MAX_SLEEP_SECONDS = 40 * 60  # seconds; after an hour the doctor calls a checkout stuck
places = st.integers(0, 10**6)  # picks one of what there is at that moment

# What comes between two lines of a purchase: the step, whether before or after its work, and what happens there.
Mishap = tuple[str, str, str]
MISHAPS = ["hold ends", "rival buys", "recount", "runner stalls", "process dies", "database fails"]
EVERY_MISHAP: list[Mishap] = [
    *itertools.product(STEPS, ["before", "after"], MISHAPS),
    *[("authorise", "before", "bank declines"), ("capture", "before", "bank declines")] * 4,
]
mishaps = st.lists(st.sampled_from(EVERY_MISHAP), min_size=1, max_size=3)


BUYING: dict[str, st.SearchStrategy[Any]] = {
    "who": places,
    "what": places,
    "payment": st.sampled_from(WAYS_TO_PAY),
    "between": mishaps,
    "undoing": st.sampled_from([None, *STEPS]),
    "moment": st.sampled_from(["before", "after"]),
}


REFUNDING: dict[str, st.SearchStrategy[Any]] = {
    "which": places,
    "units": st.integers(0, 3),
    "with_shipping": st.booleans(),
    "amount": st.none() | st.none() | st.integers(0, 100_000),
    "restock": st.booleans(),
    "times": st.integers(1, 2),
}


BACK_AND_FORTH = ["refund", "refund and restock", "send back", "approve", "decline", "cancel", "write off"]
TAKING_BACK: dict[str, st.SearchStrategy[Any]] = {
    "who": places,
    "what": places,
    "payment": st.sampled_from(["cod", "sandbox-success", "sandbox-success"]),
    "acts": st.lists(st.sampled_from([*BACK_AND_FORTH, "deliver", "unheard", "heard again"]), min_size=3, max_size=8),
}
