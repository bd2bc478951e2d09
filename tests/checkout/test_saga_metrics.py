"""What metrics say of orders: their steps, their ends, stock-outs, calls of the provider."""

from __future__ import annotations

import pytest

from storefront.checkout import service as checkout
from storefront.payments.values import ProviderTimeout
from tests.checkout.purchase import FOR_EVER, STEPS, Purchase
from tests.factories.catalog import make_product
from tests.factories.shopping import make_cart, make_draft, place
from tests.fakes import Clock
from tests.metric_values import growth, value_of

pytestmark = pytest.mark.usefixtures("request_of_worker")


def test_an_order_is_counted_with_each_of_its_steps(purchase: Purchase) -> None:
    before = {step: value_of("storefront_saga_steps_total", step=step, outcome="done") for step in STEPS}
    with (
        growth("storefront_sagas_total", outcome="completed"),
        growth("storefront_saga_seconds_count", outcome="completed"),
        growth("storefront_saga_step_seconds_count", step="capture"),
        growth("storefront_provider_calls_total", provider="sandbox", operation="authorise", outcome="answered"),
        growth("storefront_provider_calls_total", provider="sandbox", operation="capture", outcome="answered"),
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
        growth("storefront_provider_calls_total", provider="sandbox", operation="authorise", outcome="refused"),
    ):
        purchase.place()


def test_goods_that_were_sold_meanwhile_are_a_stock_out(purchase: Purchase) -> None:
    rare = make_product(stock=1)
    carts = [make_cart((rare, 1)) for _ in range(2)]
    drafts = [make_draft(cart) for cart in carts]
    place(drafts[0], carts[0])
    with growth("storefront_stock_outs_total"), growth("storefront_sagas_total", outcome="sold-out"):
        place(drafts[1], carts[1])


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
