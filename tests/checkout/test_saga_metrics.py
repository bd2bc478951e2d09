"""What metrics say of orders: their steps, their ends, stock-outs."""

from __future__ import annotations

import pytest

from storefront.catalog import inventory
from storefront.catalog.values import Hold, OutOfStock, Sku
from storefront.checkout import service as checkout
from storefront.payments.values import ProviderTimeout
from tests.checkout.purchase import FOR_EVER, STEPS, Purchase, at_step, raising
from tests.factories.catalog import make_product
from tests.fakes import Clock
from tests.metric_values import growth, value_of

pytestmark = pytest.mark.usefixtures("request_of_worker")


def test_an_order_is_counted_with_each_of_its_steps(purchase: Purchase) -> None:
    before = {step: value_of("storefront_saga_steps_total", step=step, outcome="done") for step in STEPS}
    with (
        growth("storefront_sagas_total", outcome="completed"),
        growth("storefront_saga_seconds_count", outcome="completed"),
        growth("storefront_saga_step_seconds_count", step="capture"),
    ):
        purchase.place()
    assert {step: value_of("storefront_saga_steps_total", step=step, outcome="done") for step in STEPS} == {
        step: count + 1 for step, count in before.items()
    }


@pytest.mark.parametrize("purchase", ["sandbox-decline"], indirect=True)
def test_a_declined_order_is_counted_by_its_reason(purchase: Purchase) -> None:
    with (
        growth("storefront_sagas_total", outcome="declined"),
        growth("storefront_saga_steps_total", step="authorise", outcome="refused"),
        growth("storefront_saga_steps_total", step="reserve", outcome="undone"),
    ):
        purchase.place()


def test_each_variant_of_which_too_few_are_left_is_a_stock_out() -> None:
    holds = [Hold(Sku(make_product(stock=stock).sku), 2) for stock in (1, 1, 5)]
    with growth("storefront_stock_outs_total", by=2), pytest.raises(OutOfStock):
        inventory.reserve("checkout", holds)


def test_an_order_whose_goods_were_sold_meanwhile_is_counted_by_its_reason(
    purchase: Purchase, monkeypatch: pytest.MonkeyPatch
) -> None:
    with growth("storefront_sagas_total", outcome="sold-out"):
        at_step(monkeypatch, "reserve", raising(OutOfStock({}, {})))
        purchase.place()


@pytest.mark.parametrize(("fault", "outcome"), [(ProviderTimeout("silent"), "waiting"), (OSError("away"), "failed")])
def test_a_step_that_did_not_succeed_is_counted_by_why(
    purchase: Purchase, monkeypatch: pytest.MonkeyPatch, now: Clock, fault: Exception, outcome: str
) -> None:
    with growth("storefront_saga_steps_total", step="authorise", outcome=outcome):
        purchase.break_at(monkeypatch, "authorise", fault, times=1)
    now.advance(minutes=2)
    with growth("storefront_sagas_total", outcome="completed"):
        checkout.resume_unfinished()


def test_an_order_that_failed_for_a_technical_reason_is_counted_as_such(
    purchase: Purchase, monkeypatch: pytest.MonkeyPatch, now: Clock
) -> None:
    purchase.break_at(monkeypatch, "create order", OSError("away"), times=FOR_EVER)
    now.advance(minutes=20)
    with growth("storefront_sagas_total", outcome="unavailable"):
        checkout.resume_unfinished()
