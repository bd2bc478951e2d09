"""Orders in one request: idempotency keys, double clicks and stock."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select

from storefront.cart import service as cart
from storefront.cart.values import MAX_UNITS, TooManyUnits
from storefront.catalog.values import ProductCard, UnknownProduct
from storefront.checkout import duplicates, one_request, saga
from storefront.checkout import service as checkout
from storefront.checkout.models import DuplicateGuard
from storefront.checkout.values import CartNotOrderable, CheckoutState, Contact, DirectOrder, KeyReused, TotalChanged
from storefront.core.money import Money
from storefront.db.session import read_session
from storefront.orders import service as orders
from storefront.orders.values import OrderView
from storefront.payments import service as payments
from tests import consistency
from tests.checkout.purchase import at_step, no_database, raising
from tests.consistency import Stock
from tests.factories.catalog import make_product, rupees
from tests.factories.shopping import ADDRESS, EMAIL, PHONE
from tests.fakes import Clock

CUSTOMER = cart.cart_key_of(7)

pytestmark = pytest.mark.usefixtures("app")


def an_order(*items: tuple[ProductCard, int], key: str | None = None, kind: str = "cod") -> DirectOrder:
    payment = payments.offline_option(kind, "**** **** **** 4242" if kind == "card" else "")
    assert payment is not None
    return DirectOrder(
        {product.id: units for product, units in items}, Contact(EMAIL, PHONE), ADDRESS, payment, key=key
    )


def order(token: str, wanted: DirectOrder) -> OrderView:
    outcome = checkout.place_direct_order(token, wanted)
    assert outcome.order_id is not None, outcome
    checkout.note_answer(outcome.id)
    return orders.get_order(outcome.order_id)


def test_a_direct_order_is_placed_and_confirmed() -> None:
    mug = make_product(stock=5, price=500)
    placed = order(CUSTOMER, an_order((mug, 2), kind="card"))
    assert (placed.customer_id, placed.email, placed.status) == (7, EMAIL, "confirmed")
    assert [(item.sku, item.quantity) for item in placed.items] == [(mug.sku, 2)]
    assert placed.grand_total == rupees(1680)
    assert placed.payment_details == "**** **** **** 4242"
    assert consistency.stock_of(mug.sku) == Stock(on_hand=3, reserved=0)


def test_the_same_key_returns_the_same_order_even_days_later(now: Clock) -> None:
    mug = make_product(stock=5)
    first = order(CUSTOMER, an_order((mug, 2), key="ORD-1"))
    now.advance(days=3)
    assert order(CUSTOMER, an_order((mug, 2), key="ORD-1")).id == first.id
    assert consistency.stock_of(mug.sku) == Stock(on_hand=3, reserved=0)


def test_the_same_key_of_another_customer_is_another_order() -> None:
    mug = make_product(stock=5)
    mine, theirs = (
        order(CUSTOMER, an_order((mug, 1), key="ORD-1")),
        order(cart.cart_key_of(8), an_order((mug, 1), key="ORD-1")),
    )
    assert mine.id != theirs.id
    assert theirs.customer_id == 8


@pytest.mark.parametrize("changed", ["units", "address", "payment"])
def test_a_key_reused_for_another_order_is_refused(changed: str) -> None:
    mug = make_product(stock=5)
    first = an_order((mug, 1), key="ORD-1")
    order(CUSTOMER, first)
    other = {
        "units": replace(first, wanted={mug.id: 2}),
        "address": replace(first, address=replace(ADDRESS, line1="13 Lake Road")),
        "payment": replace(first, payment=an_order((mug, 1), kind="upi").payment),
    }[changed]
    with pytest.raises(KeyReused):
        checkout.place_direct_order(CUSTOMER, other)
    assert consistency.stock_of(mug.sku) == Stock(on_hand=4, reserved=0)


def test_a_double_click_under_two_ids_is_one_order() -> None:
    mug = make_product(stock=5)
    first = order(CUSTOMER, an_order((mug, 2), key="ORD-1"))
    assert order(CUSTOMER, an_order((mug, 2), key="ORD-2")).id == first.id
    assert consistency.stock_of(mug.sku) == Stock(on_hand=3, reserved=0)


def test_the_second_click_on_the_last_units_returns_the_same_order() -> None:
    mug = make_product(stock=2)
    first = order(CUSTOMER, an_order((mug, 2), key="ORD-1"))
    assert order(CUSTOMER, an_order((mug, 2), key="ORD-2")).id == first.id


def test_the_same_products_ordered_after_the_duplicate_window_are_another_order(now: Clock) -> None:
    mug = make_product(stock=5)
    first = order(CUSTOMER, an_order((mug, 2)))
    now.advance(seconds=duplicates.DUPLICATE_WINDOW.total_seconds())
    assert order(CUSTOMER, an_order((mug, 2))).id != first.id
    assert consistency.stock_of(mug.sku) == Stock(on_hand=1, reserved=0)


def test_a_failed_order_is_no_duplicate() -> None:
    mug = make_product(stock=5)
    card = an_order((mug, 1), kind="card")
    declined = replace(card, payment=replace(card.payment, code="sandbox-decline"))
    failed = checkout.place_direct_order(CUSTOMER, declined)
    assert failed.state is CheckoutState.FAILED
    placed = order(CUSTOMER, an_order((mug, 1)))
    assert placed.status == "confirmed"
    assert consistency.stock_of(mug.sku) == Stock(on_hand=4, reserved=0)


def test_an_order_beyond_the_stock_is_refused_and_reserves_nothing() -> None:
    mug, pot = make_product(stock=5), make_product(stock=1)
    with pytest.raises(CartNotOrderable) as refusal:
        checkout.place_direct_order(CUSTOMER, an_order((mug, 1), (pot, 2)))
    assert pot.name in str(refusal.value)
    assert consistency.stock_of(mug.sku) == Stock(on_hand=5, reserved=0)


def test_an_order_beyond_the_limit_of_a_cart_is_refused() -> None:
    with pytest.raises(TooManyUnits):
        checkout.place_direct_order(CUSTOMER, an_order((make_product(stock=500), MAX_UNITS + 1)))


def test_a_duplicate_of_an_unfinished_order_is_the_same_order_after_the_window_too(
    now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    mug = make_product(stock=5)
    with monkeypatch.context() as slow:
        slow.setattr(one_request, "RUNNER_TIMEOUT", 0)
        slow.setattr(saga, "resume", lambda checkout_id: False)
        first = checkout.place_direct_order(CUSTOMER, an_order((mug, 2)))
        now.advance(minutes=5)
        duplicates.purge_duplicate_guards()
        assert checkout.place_direct_order(CUSTOMER, an_order((mug, 2))) == first
    placed = order(CUSTOMER, an_order((mug, 2)))
    assert placed.checkout_id == first.id
    now.advance(seconds=duplicates.DUPLICATE_WINDOW.total_seconds())
    assert order(CUSTOMER, an_order((mug, 2))).id != placed.id
    now.advance(minutes=30)
    duplicates.purge_duplicate_guards()
    assert read_session().scalars(select(DuplicateGuard)).all() == []


def test_a_repeat_finds_an_order_of_which_no_answer_told_a_quarter_of_an_hour_later_too(now: Clock) -> None:
    """A3: the first request was answered "in progress", the worker finished the order, the shopper presses again."""
    mug = make_product(stock=5)
    first = checkout.place_direct_order(CUSTOMER, an_order((mug, 2), key="ORD-1"))
    now.advance(minutes=14)
    duplicates.purge_duplicate_guards()
    assert order(CUSTOMER, an_order((mug, 2), key="ORD-2")).checkout_id == first.id
    now.advance(minutes=1)
    assert order(CUSTOMER, an_order((mug, 2), key="ORD-3")).checkout_id != first.id


def test_the_duplicate_window_counts_from_the_answer_and_not_from_the_request(now: Clock) -> None:
    """A3: the first request took longer than the window."""
    mug = make_product(stock=5)
    first = checkout.place_direct_order(CUSTOMER, an_order((mug, 2)))
    now.advance(seconds=30)
    checkout.note_answer(first.id)
    now.advance(seconds=9)
    assert order(CUSTOMER, an_order((mug, 2))).checkout_id == first.id


@pytest.mark.parametrize("key", [None, "ORD-2"])
def test_the_same_products_are_ordered_again_after_a_cancellation(key: str | None) -> None:
    """A4: within the ten seconds, too, and any number of times."""
    mug = make_product(stock=9)
    first = order(CUSTOMER, an_order((mug, 2), key="ORD-1"))
    orders.cancel(first.id, by="you")
    second = order(CUSTOMER, an_order((mug, 2), key=key))
    assert (second.id != first.id, second.status) == (True, "confirmed")
    assert order(CUSTOMER, an_order((mug, 2), key=None)).id == second.id
    orders.cancel(second.id, by="you")
    assert order(CUSTOMER, an_order((mug, 2), key="ORD-3")).id not in {first.id, second.id}


def test_a_key_names_its_order_after_a_cancellation_too() -> None:
    """A4: the same request sent again is no new order; a new one has an id of its own."""
    mug = make_product(stock=5)
    first = order(CUSTOMER, an_order((mug, 2), key="ORD-1"))
    orders.cancel(first.id, by="you")
    assert order(CUSTOMER, an_order((mug, 2), key="ORD-1")).id == first.id


def test_a_cart_that_is_filled_again_is_ordered_after_a_cancellation() -> None:
    """A4: ordering the cart; an empty one is not answered with a cancelled order."""
    mug, the_cart = make_product(stock=5), replace(an_order(), wanted=None)
    cart.add_line(CUSTOMER, mug.sku, 2)
    first = order(CUSTOMER, the_cart)
    assert order(CUSTOMER, the_cart).id == first.id
    orders.cancel(first.id, by="you")
    with pytest.raises(CartNotOrderable):
        checkout.place_direct_order(CUSTOMER, the_cart)
    cart.add_line(CUSTOMER, mug.sku, 2)
    assert order(CUSTOMER, the_cart).id != first.id


@pytest.mark.parametrize(
    ("first_total", "second_total", "is_one"),
    [
        ("1680", "1680.03", True),
        ("1680", None, True),
        (None, "1680", True),
        ("1680", "1700", False),
        ("9" * 14, "9" * 15, True),
    ],
)
def test_another_total_shown_is_another_order(first_total: str | None, second_total: str | None, is_one: bool) -> None:
    mug = make_product(stock=5, price=500)

    def shown(total: str | None) -> DirectOrder:
        return replace(an_order((mug, 2)), shown_total=Money.of(total, "INR") if total else None)

    assert (order(CUSTOMER, shown(first_total)).id == order(CUSTOMER, shown(second_total)).id) == is_one


@pytest.mark.parametrize("step", ["reserve", "authorise", "create order", "capture", "sell", "confirm", "clear"])
def test_a_database_that_fails_at_a_step_hides_no_order(step: str, now: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A3: the answer is that the order is under way, and a retry under another id finds it."""
    mug = make_product(stock=5)
    monkeypatch.setattr(one_request, "RUNNER_TIMEOUT", 0)  # the clock stands still: no pause would end
    with monkeypatch.context() as patch:
        at_step(patch, step, raising(no_database()))
        first = checkout.place_direct_order(CUSTOMER, an_order((mug, 2), key="ORD-1"))
    assert first.is_unfinished
    assert checkout.place_direct_order(CUSTOMER, an_order((mug, 2), key="ORD-1")).id == first.id
    now.advance(seconds=12)
    assert order(CUSTOMER, an_order((mug, 2), key="ORD-2")).checkout_id == first.id
    assert consistency.stock_of(mug.sku) == Stock(on_hand=3, reserved=0)
    consistency.assert_balanced()


def test_ordering_the_cart_is_idempotent_and_keeps_lines_added_since() -> None:
    mug, shoe = make_product(stock=9), make_product(options=(("S", 5), ("M", 5)))
    cart.add_line(CUSTOMER, mug.sku, 2)
    cart.add_product(CUSTOMER, shoe.id, 1, variant="M")
    wanted = replace(an_order(), wanted=None, key="a-key")
    placed = order(CUSTOMER, wanted)
    assert [(item.sku, item.quantity) for item in placed.items] == [(mug.sku, 2), (f"{shoe.sku}-M", 1)]
    cart.add_line(CUSTOMER, mug.sku, 3)
    assert order(CUSTOMER, wanted).id == placed.id
    assert [(line.sku, line.quantity) for line in cart.quote(CUSTOMER).lines] == [(mug.sku, 3)]


def test_an_empty_cart_is_refused() -> None:
    with pytest.raises(CartNotOrderable) as refusal:
        checkout.place_direct_order(CUSTOMER, replace(an_order(), wanted=None))
    assert not refusal.value.names


def test_an_unknown_product_is_refused() -> None:
    with pytest.raises(UnknownProduct):
        checkout.place_direct_order(CUSTOMER, replace(an_order((make_product(), 1)), wanted={999_999: 1}))


@pytest.mark.parametrize(
    ("shown", "is_taken"), [("1180.00", True), ("1179.95", True), ("1179.94", False), ("1", False)]
)
def test_a_shown_total_below_the_price_is_refused(shown: str, is_taken: bool) -> None:
    mug = make_product(stock=5, price="576.27")  # with delivery and tax 1180.00
    wanted = replace(an_order((mug, 1)), shown_total=Money.of(shown, "INR"))
    if is_taken:
        assert order(CUSTOMER, wanted).grand_total == Money.of("1180.00", "INR")
    else:
        with pytest.raises(TotalChanged):
            checkout.place_direct_order(CUSTOMER, wanted)


def test_lines_of_ordered_products_leave_the_cart_whatever_their_quantity() -> None:
    mug, pot = make_product(stock=9), make_product(stock=9)
    cart.add_line(CUSTOMER, mug.sku, 5)
    cart.add_line(CUSTOMER, pot.sku, 1)
    order(CUSTOMER, an_order((mug, 2)))
    assert [line.sku for line in cart.quote(CUSTOMER).lines] == [pot.sku]
