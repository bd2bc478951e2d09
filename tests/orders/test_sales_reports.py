"""Sales reports, and the search of guests."""

from __future__ import annotations

from flask import Flask
from sqlalchemy import update

from storefront.db.session import transaction
from storefront.orders import service as orders
from storefront.orders.models import Order
from storefront.orders.values import OrderStatus, OrderView
from tests.factories.catalog import make_product
from tests.factories.shopping import make_order
from tests.fakes import Clock


def set_columns(order: OrderView, **columns: object) -> None:
    with transaction("orders") as session:
        session.execute(update(Order).where(Order.order_id == order.id).values(**columns))


def test_orders_and_revenue_are_counted_by_day(app: Flask, now: Clock) -> None:
    first = make_order()
    now.advance(days=1)
    later = [make_order(), make_order()]
    sales = orders.sales(7)
    assert [day.orders for day in sales.days] == [0, 0, 0, 0, 0, 1, 2]
    assert sales.days[-2].revenue == first.grand_total
    assert sales.revenue == first.grand_total + later[0].grand_total + later[1].grand_total
    assert (sales.orders, sales.as_of) == (3, now.read())


def test_pending_and_cancelled_orders_do_not_count(app: Flask) -> None:
    for status in (OrderStatus.PENDING, OrderStatus.CANCELLED, OrderStatus.UNDELIVERED):
        set_columns(make_order(), status=status)
    assert orders.sales(7).orders == 0
    assert orders.best_sellers(30).products == ()


def test_refunds_are_deducted_from_revenue(app: Flask) -> None:
    order = make_order()
    set_columns(order, refunded_amount=100_00)
    assert orders.sales(1).revenue.minor == order.grand_total.minor - 100_00


def test_orders_before_the_period_do_not_count(app: Flask, now: Clock) -> None:
    make_order()
    now.advance(days=7)
    assert orders.sales(7).orders == 0
    assert orders.sales(30).orders == 1


def test_best_sellers_are_sorted_by_units(app: Flask) -> None:
    mug, jar = make_product(name="Clay Mug", price=500), make_product(name="Jar", price=900)
    make_order((mug, 3))
    make_order((mug, 1), (jar, 2))
    best = orders.best_sellers(30).products
    assert [(one.name, one.units, one.revenue.minor) for one in best] == [
        ("Clay Mug", 4, 2_000_00),
        ("Jar", 2, 1_800_00),
    ]


def test_sums_are_cached(app: Flask) -> None:
    app.config["CACHE_ENABLED"] = True
    try:
        make_order()
        assert orders.sales(7).orders == 1
        make_order()
        assert orders.sales(7).orders == 1
        assert orders.sales(30).orders == 2
    finally:
        app.config["CACHE_ENABLED"] = False


# --------------------------------------------------------------------------------------------- guests


def test_a_guest_is_found_by_a_part_of_email_name_or_phone(app: Flask) -> None:
    make_order(email="Meera@Example.com")
    make_order(email="meera@example.com")
    make_order(email="ravi@example.com")
    for words in ("meera", "EERA@exam"):
        assert [(guest.email, guest.orders) for guest in orders.find_guests(words)] == [("meera@example.com", 2)]
    assert {guest.email for guest in orders.find_guests("asha rao")} == {"meera@example.com", "ravi@example.com"}
    assert len(orders.find_guests("98765")) == 2
    assert orders.find_guests("%") == orders.find_guests("") == []


def test_customers_with_an_account_are_no_guests(app: Flask) -> None:
    order = make_order(email="meera@example.com")
    orders.claim(7, "meera@example.com")
    assert orders.find_guests("meera") == []
    assert orders.orders_of_guest("meera@example.com") == []
    found = orders.find_buyer(order.id.lower())
    assert found is not None
    assert found.customer_id == 7


def test_the_orders_of_a_guest_are_listed_newest_first(app: Flask, now: Clock) -> None:
    first = make_order(email="meera@example.com")
    now.advance(days=1)
    second = make_order(email="meera@example.com")
    assert [one.id for one in orders.orders_of_guest("meera@example.com")] == [second.id, first.id]
    assert orders.orders_of_guest("") == []
    assert orders.find_buyer("ORD-000000000000") is None
