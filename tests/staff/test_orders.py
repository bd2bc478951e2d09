"""Orders in the staff area: search, status changes of one and several, with and without JavaScript."""

from __future__ import annotations

import csv
import io

import pytest

from storefront.accounts.values import Role
from storefront.orders import service as orders
from storefront.orders.values import OrderStatus, OrderView
from storefront.worker import tasks
from tests.factories.accounts import make_staff
from tests.factories.catalog import make_product
from tests.factories.refunds import refund
from tests.factories.shopping import make_order
from tests.fakes import Clock, MemoryPost
from tests.page_client import SAME_ORIGIN, Page, Pages, values_of

ORDERS_URL = "/staff/orders"
BATCH = "#orders-form"
PACKING, SENT, DELIVERED = OrderStatus.PROCESSING, OrderStatus.SHIPPED, OrderStatus.DELIVERED


@pytest.fixture
def staff_pages(pages: Pages) -> Pages:
    """The pages as order staff."""
    pages.sign_in(make_staff(Role.ORDER_STAFF, email="meera@example.com"))
    return pages


def make_at(status: OrderStatus, email: str = "asha@example.com") -> OrderView:
    """Make an order with this status."""
    order = make_order(email=email)
    for step in (PACKING, SENT, DELIVERED):
        if order.status is not status:
            orders.advance(order.id, step, by="the shop")
            order = orders.get_order(order.id)
    assert order.status is status
    return order


def numbers(page: Page) -> list[str]:
    """The order numbers of the rows."""
    return [link.get_text() for link in page.all(".admin-row__number a")]


def press(
    staff_pages: Pages, page: Page, do: str, *chosen: OrderView, htmx: bool = False, status: int = 200, **fields: str
) -> Page:
    """Submit a batch for these orders."""
    form = page.one(BATCH)
    for order in chosen:
        page.one(f"#select-{order.id}")
    data = {**values_of(form), "order": [order.id for order in chosen], "do": do, **fields}
    return staff_pages._open("POST", str(form["action"]), htmx=htmx, status=status, data=data)


def deliver(staff_pages: Pages) -> None:
    with staff_pages.app.test_request_context(base_url="http://localhost"):
        tasks.deliver_outboxes()


def status_of(order: OrderView) -> OrderStatus:
    return orders.get_order(order.id).status


# ------------------------------------------------------------------------------------------------ the list


def test_the_list_starts_with_orders_to_ship_oldest_first(staff_pages: Pages) -> None:
    first, second = make_at(OrderStatus.CONFIRMED), make_at(PACKING)
    sent = make_at(SENT)
    page = staff_pages.get(ORDERS_URL)
    assert numbers(page) == [first.id, second.id]
    assert page.one("#show-to-send")["aria-current"] == "true"
    assert numbers(staff_pages.get(f"{ORDERS_URL}?show=all"))[:3] == [sent.id, second.id, first.id]


def test_a_row_shows_customer_items_and_payment(staff_pages: Pages) -> None:
    order = make_order((make_product(name="Clay Mug", price=500), 3))
    row = " ".join(staff_pages.get(ORDERS_URL).one(f"#row-{order.id}").get_text(" ").split())
    for words in (
        order.id,
        "Confirmed",
        "Asha Rao, Pune",
        "Clay Mug and 2 more",
        "₹2,270",
        "On delivery",
        "Sun 29 Nov",
    ):
        assert words in row


def test_the_filters_show_their_counts(staff_pages: Pages, now: Clock) -> None:
    make_at(OrderStatus.CONFIRMED), make_at(PACKING), make_at(DELIVERED)
    now.advance(days=9)
    staff_pages.sign_in(make_staff(Role.ORDER_STAFF))
    counts = {chip["id"]: chip.get_text().split()[-1] for chip in staff_pages.get(ORDERS_URL).all(".admin-chip")}
    assert counts["show-to-send"] == "2"
    assert (counts["show-late"], counts["show-delivered"], counts["show-all"]) == ("2", "1", "3")


@pytest.mark.parametrize("status", [PACKING, SENT, DELIVERED])
def test_a_filter_shows_the_orders_of_one_status(staff_pages: Pages, status: OrderStatus) -> None:
    order, other = make_at(status), make_at(OrderStatus.CONFIRMED)
    assert numbers(staff_pages.get(f"{ORDERS_URL}?show={status}")) == [order.id]
    assert numbers(staff_pages.get(f"{ORDERS_URL}?show=confirmed")) == [other.id]


def test_an_order_is_found_by_number_email_name_and_sku(staff_pages: Pages) -> None:
    mug = make_product(name="Clay Mug")
    order, other = make_order((mug, 1), email="ravi@example.com"), make_order()
    for words in (order.id, order.id[-6:], "ravi@", "RAVI", mug.sku.lower(), f"rao {mug.sku}"):
        page = staff_pages.submit(staff_pages.get(ORDERS_URL), "#orders-search", q=words)
        assert numbers(page) == [order.id], words
    assert set(numbers(staff_pages.get(f"{ORDERS_URL}?q=asha+rao"))) == {order.id, other.id}
    assert "No orders match “nobody”." in staff_pages.get(f"{ORDERS_URL}?q=nobody").words


def test_a_search_covers_all_orders_unless_a_filter_is_set(staff_pages: Pages) -> None:
    sent, waiting = make_at(SENT), make_order()
    found = staff_pages.submit(staff_pages.get(ORDERS_URL), "#orders-search", q="asha")
    assert set(numbers(found)) == {sent.id, waiting.id}
    narrowed = staff_pages.get(str(found.one("#show-to-send")["href"]))
    assert numbers(narrowed) == [waiting.id]
    assert numbers(staff_pages.submit(narrowed, "#orders-search", q="rao")) == [waiting.id]
    nothing = staff_pages.submit(staff_pages.get(f"{ORDERS_URL}?show=delivered"), "#orders-search", q="asha")
    assert "No orders match “asha” with this filter." in nothing.words
    assert set(numbers(staff_pages.get(str(nothing.one(".empty a")["href"])))) == {sent.id, waiting.id}


def test_days_are_in_the_shops_time_zone(staff_pages: Pages, now: Clock) -> None:
    order = make_order()
    now.advance(hours=7)  # 00:30 of the next day in the shop
    later = make_order()
    assert numbers(staff_pages.get(f"{ORDERS_URL}?until=2026-11-22")) == [order.id]
    assert numbers(staff_pages.get(f"{ORDERS_URL}?since=2026-11-23")) == [later.id]
    assert set(numbers(staff_pages.get(f"{ORDERS_URL}?since=nonsense&show=nonsense"))) == {order.id, later.id}


def test_the_board_shows_the_same_orders_by_status(staff_pages: Pages) -> None:
    packing, sent = make_at(PACKING), make_at(SENT)
    page = staff_pages.get(str(staff_pages.get(ORDERS_URL).one("#orders-view")["href"]))
    assert [column.get_text().split()[0] for column in page.all(".order-board__title")] == ["Confirmed", "Being"]
    whole = staff_pages.get(f"{ORDERS_URL}?view=board")
    assert len(whole.all(".order-board__column")) == len(OrderStatus)
    assert whole.all(f"[aria-labelledby=column-processing] #card-{packing.id}")
    assert whole.all(f"[aria-labelledby=column-shipped] #card-{sent.id}")


def test_the_number_of_selects_does_not_grow_with_the_orders(staff_pages: Pages) -> None:
    make_order()
    few, few_cards = staff_pages.get(ORDERS_URL).selects, staff_pages.get(f"{ORDERS_URL}?view=board").selects
    for _ in range(6):
        make_order()
    assert staff_pages.get(ORDERS_URL).selects == few
    assert staff_pages.get(f"{ORDERS_URL}?view=board").selects == few_cards


def test_the_csv_export_has_the_filtered_orders_and_no_formulas(staff_pages: Pages) -> None:
    order, _ = make_order((make_product(), 2), email="=1+1@example.com"), make_at(SENT)
    link = next(a for a in staff_pages.get(ORDERS_URL).all(".admin-head__links a") if "CSV" in a.get_text())
    response = staff_pages.client.get(str(link["href"]))
    rows = list(csv.DictReader(io.StringIO(response.get_data().decode("utf-8-sig"))))
    assert [row["number"] for row in rows] == [order.id]
    assert (rows[0]["email"], rows[0]["payment"]) == ("'=1+1@example.com", "due")
    assert rows[0]["goods"] == f"2 x {order.items[0].sku}"
    assert (rows[0]["total"], rows[0]["given_back"]) == (f"{order.grand_total.amount}", "0.00")
    assert rows[0]["invoice"] == ""


def test_the_order_page_and_the_csv_show_an_issued_invoice(staff_pages: Pages) -> None:
    order, other = make_order(), make_order()
    assert staff_pages.get(f"{ORDERS_URL}/{order.id}").one("a[href$=invoice]").get_text() == "Invoice"
    orders.issue_documents(order)
    assert staff_pages.get(f"{ORDERS_URL}/{order.id}").one("a[href$=invoice]").get_text() == "Invoice 2026-000001"
    response = staff_pages.client.get(f"{ORDERS_URL}.csv?show=all")
    rows = csv.DictReader(io.StringIO(response.get_data().decode("utf-8-sig")))
    assert {row["number"]: row["invoice"] for row in rows} == {order.id: "2026-000001", other.id: ""}


def test_the_csv_shows_refunds_of_parts_and_cancellations(staff_pages: Pages) -> None:
    order, over = (make_order((make_product(price=500), 2)) for _ in range(2))
    refund(order, 1)
    refund(over, 1)
    orders.cancel(over.id, by="you")
    response = staff_pages.client.get(f"{ORDERS_URL}.csv?show=all")
    rows = csv.DictReader(io.StringIO(response.get_data().decode("utf-8-sig")))
    back = {row["number"]: row["given_back"] for row in rows}
    assert (back[order.id], back[over.id]) == ("590.00", "1680.00")


# ----------------------------------------------------------------------------------------------- one order


def test_an_order_shows_items_and_shipping_address(staff_pages: Pages) -> None:
    order = make_order((make_product(name="Clay Mug", price=500), 3))
    page = staff_pages.get(f"{ORDERS_URL}/{order.id}")
    for words in (order.items[0].sku, "Clay Mug", "12 Lake Road", "asha@example.com", "₹2,270", "on delivery"):
        assert words in page.words


def test_the_next_step_comes_before_items_and_refunds_in_the_source(staff_pages: Pages) -> None:
    page = staff_pages.get(f"{ORDERS_URL}/{make_order().id}")
    assert [part["id"] for part in page.all("#order h2")] == [
        "order-progress",
        "order-items",
        "order-refunds",
        "order-cancel",
        "order-timeline",
        "order-address",
    ]
    assert page.one("[aria-labelledby=order-progress] #step-go")


def test_an_order_goes_from_confirmed_to_delivered_with_an_email_at_each_step(
    staff_pages: Pages, post: MemoryPost
) -> None:
    order = make_order((make_product(name="Clay Mug"), 1), (make_product(name="Glass Jar"), 2))
    page = staff_pages.submit(staff_pages.get(f"{ORDERS_URL}/{order.id}"), "#step")
    page = staff_pages.submit(page, "#step", carrier="Delhivery", tracking="AWB 77")
    page = staff_pages.submit(page, "#step")
    assert not page.all("#step")
    assert page.one("#timeline").get_text().count("meera@example.com") == 3
    deliver(staff_pages)
    subjects = [letter.subject for letter in post.letters if order.id in letter.subject]
    assert subjects == [
        f"Your order {order.id}",
        f"Your order {order.id} is being packed",
        f"Your order {order.id} is on its way",
        f"Your order {order.id} was delivered",
    ]
    for text in (post.letters[2].text, post.letters[2].html):
        assert "Delhivery" in text
        assert "https://www.delhivery.com/track/package/AWB%2077" in text
    assert "* 1 x Clay Mug\n* 2 x Glass Jar\n\nSee the order" in post.letters[2].text


def test_a_step_with_htmx_answers_the_order_and_announces_it(staff_pages: Pages) -> None:
    order = make_order()
    fragment = staff_pages.submit(staff_pages.get(f"{ORDERS_URL}/{order.id}"), "#step", htmx=True)
    assert fragment.one("#order-progress").get_text() == "Being packed"
    assert "The customer gets an e-mail" in fragment.one("#announcement").get_text()


def test_the_shopper_sees_the_shipment_but_never_the_staff_member(staff_pages: Pages) -> None:
    order = make_at(PACKING)
    staff_pages.submit(
        staff_pages.get(f"{ORDERS_URL}/{order.id}"),
        "#step",
        carrier="other",
        carrier_name="Lake Couriers",
        tracking="LC/1",
    )
    shopper = Pages(staff_pages.app)
    page = shopper.submit(shopper.get("/track"), "form.order-track__form", order_id=order.id, email="asha@example.com")
    assert "Carrier: Lake Couriers" in page.words
    assert "Tracking number LC/1" in page.words
    assert ", by " not in page.one("#timeline").get_text()
    assert "meera" not in page.words


def test_shipping_requires_a_carrier(staff_pages: Pages) -> None:
    order = make_at(PACKING)
    page = staff_pages.submit(staff_pages.get(f"{ORDERS_URL}/{order.id}"), "#step", status=422, tracking="AWB 77")
    assert "Choose a carrier" in page.one("#order-problem").get_text()
    assert page.one("#tracking")["value"] == "AWB 77"
    fragment = staff_pages.submit(page, "#step", status=422, htmx=True, carrier="other")
    assert "Enter the name of the carrier" in fragment.one("#order-problem").get_text()
    assert status_of(order) is PACKING


def test_a_tracking_number_is_corrected_and_the_carrier_stays(staff_pages: Pages) -> None:
    order = make_at(PACKING)
    page = staff_pages.submit(staff_pages.get(f"{ORDERS_URL}/{order.id}"), "#step", carrier="FedEx", tracking="1234")
    page = staff_pages.submit(page, "#parcel", tracking="4321")
    assert (orders.get_order(order.id).carrier, orders.get_order(order.id).tracking_number) == ("FedEx", "4321")
    assert page.all(".order-timeline a")[-1]["href"] == "https://www.fedex.com/fedextrack/?trknbr=4321"
    fragment = staff_pages.submit(page, "#parcel", htmx=True, carrier="DTDC", tracking="D-1")
    assert "tracking number by meera@example.com: DTDC D-1" in fragment.words
    for htmx in (False, True):
        refused = staff_pages.submit(page, "#parcel", htmx=htmx, status=422, tracking=" ")
        assert "Enter the tracking number" in refused.one("#order-problem").get_text()


def test_a_step_from_a_stale_page_is_refused_with_both_statuses(staff_pages: Pages) -> None:
    order = make_order()
    page = staff_pages.get(f"{ORDERS_URL}/{order.id}")
    orders.cancel(order.id, by="you")
    words = f"{order.id} is cancelled and cannot be marked as being packed."
    for htmx in (False, True):
        assert words in staff_pages.submit(page, "#step", htmx=htmx, status=409).one("#order-problem").get_text()


def test_a_step_pressed_twice_is_taken_once(staff_pages: Pages, post: MemoryPost) -> None:
    order = make_order()
    page = staff_pages.get(f"{ORDERS_URL}/{order.id}")
    for _ in range(2):
        staff_pages.submit(page, "#step")
    deliver(staff_pages)
    assert [letter.subject for letter in post.letters].count(f"Your order {order.id} is being packed") == 1
    assert len(orders.get_order(order.id).timeline) == len(order.timeline) + 1


def test_an_invalid_step_is_refused(staff_pages: Pages) -> None:
    order = make_order()
    page = staff_pages.get(f"{ORDERS_URL}/{order.id}")
    staff_pages.submit(page, "#step", status=400, step="cancelled")
    staff_pages.get(f"{ORDERS_URL}/ORD-000000000000", status=404)
    token = str(page.one("#step input[name=csrf_token]")["value"])
    data = {"csrf_token": token, "step": "processing"}
    assert (
        staff_pages.client.post(f"{ORDERS_URL}/ORD-000000000000/status", data=data, headers=SAME_ORIGIN).status_code
        == 404
    )


# --------------------------------------------------------------------------------------------- many orders


def test_several_orders_are_packed_and_shipped_each_with_its_tracking_number(
    staff_pages: Pages, post: MemoryPost
) -> None:
    first, second = make_order(email="a@example.com"), make_order(email="b@example.com")
    page = press(staff_pages, staff_pages.get(ORDERS_URL), "processing", first, second)
    assert "2 orders marked as being packed" in page.words
    tracking = {f"tracking-{first.id}": "AWB 1", f"tracking-{second.id}": "AWB 2"}
    press(staff_pages, page, "shipped", first, second, carrier="DTDC", **tracking)
    sent = [orders.get_order(order.id) for order in (first, second)]
    assert [(order.status, order.carrier, order.tracking_number) for order in sent] == [
        (SENT, "DTDC", "AWB 1"),
        (SENT, "DTDC", "AWB 2"),
    ]
    deliver(staff_pages)
    assert sum("is on its way" in letter.subject for letter in post.letters) == 2


def test_a_tracking_number_that_would_be_cut_is_refused(staff_pages: Pages) -> None:
    """C9: cut to 64 characters, it would name another parcel."""
    order = make_order()
    page = press(staff_pages, staff_pages.get(ORDERS_URL), "processing", order)
    tracking = {f"tracking-{order.id}": "9" * 65}
    refused = press(staff_pages, page, "shipped", order, status=409, carrier="DTDC", **tracking)
    assert "a tracking number has at most 64 characters" in refused.words
    assert orders.get_order(order.id).status is OrderStatus.PROCESSING


def test_a_batch_with_htmx_answers_the_list(staff_pages: Pages) -> None:
    order = make_order()
    fragment = press(staff_pages, staff_pages.get(ORDERS_URL), "processing", order, htmx=True)
    assert "1 order marked as being packed" in fragment.one("#outcome").get_text()
    assert "1 order marked as being packed" in fragment.one("#announcement").get_text()
    assert fragment.one(f"#select-{order.id}").has_attr("checked")


@pytest.mark.parametrize("htmx", [False, True])
def test_a_batch_reports_refused_orders_and_changes_the_others(staff_pages: Pages, htmx: bool) -> None:
    packing, confirmed = make_at(PACKING), make_order()
    page = press(
        staff_pages, staff_pages.get(ORDERS_URL), "shipped", packing, confirmed, htmx=htmx, status=409, carrier="DTDC"
    )
    outcome = page.one("#outcome").get_text(" ")
    assert "1 order marked as shipped" in outcome
    assert f"{confirmed.id} is confirmed and cannot be marked as shipped." in outcome
    assert (status_of(packing), status_of(confirmed)) == (SENT, OrderStatus.CONFIRMED)


def test_a_batch_submitted_twice_is_applied_once(staff_pages: Pages, post: MemoryPost) -> None:
    order = make_order()
    page = staff_pages.get(ORDERS_URL)
    for _ in range(2):
        assert "1 order marked as being packed" in press(staff_pages, page, "processing", order).words
    deliver(staff_pages)
    assert sum("is being packed" in letter.subject for letter in post.letters) == 1


def test_an_invalid_batch_changes_nothing(staff_pages: Pages) -> None:
    order = make_at(PACKING)
    page = staff_pages.get(ORDERS_URL)
    assert (
        "Select at least one order"
        in press(staff_pages, page, "delivered", status=422).one("#orders-problem").get_text()
    )
    without = press(staff_pages, page, "shipped", order, status=422)
    assert "Choose a carrier" in without.one("#orders-problem").get_text()
    many = {**values_of(page.one(BATCH)), "order": [f"ORD-{n}" for n in range(101)], "do": "delivered"}
    crowd = staff_pages._open("POST", ORDERS_URL, htmx=False, status=422, data=many)
    assert "at most 100 orders" in crowd.one("#orders-problem").get_text()
    press(staff_pages, page, "cancelled", order, status=400)
    assert status_of(order) is PACKING


def test_one_link_selects_every_order_of_the_page(staff_pages: Pages) -> None:
    make_order(), make_order()
    page = staff_pages.get(ORDERS_URL)
    assert not page.all(".admin-choice[checked]")
    chosen = staff_pages.get(str(page.one("#select-all")["href"]))
    assert len(chosen.all(".admin-choice[checked]")) == 2
    assert not staff_pages.get(str(chosen.one("#select-all")["href"])).all(".admin-choice[checked]")


def test_a_batch_works_on_the_board_too(staff_pages: Pages) -> None:
    order = make_order()
    page = press(staff_pages, staff_pages.get(f"{ORDERS_URL}?view=board"), "processing", order)
    assert page.all(f"[aria-labelledby=column-processing] #card-{order.id}")
