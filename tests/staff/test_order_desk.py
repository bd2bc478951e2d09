"""The order desk's pages: found, chosen, taken to the next step with and without JavaScript, refused plainly."""

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

DESK = "/staff/orders"
BATCH = "#orders-form"
PACKING, SENT, DELIVERED = OrderStatus.PROCESSING, OrderStatus.SHIPPED, OrderStatus.DELIVERED


@pytest.fixture
def desk(pages: Pages) -> Pages:
    """The pages of somebody who packs orders."""
    pages.sign_in(make_staff(Role.ORDER_STAFF, email="meera@example.com"))
    return pages


def make_at(status: OrderStatus, email: str = "asha@example.com") -> OrderView:
    """An order that went so far."""
    order = make_order(email=email)
    for step in (PACKING, SENT, DELIVERED):
        if order.status is not status:
            orders.advance(order.id, step, by="the shop")
            order = orders.get_order(order.id)
    assert order.status is status
    return order


def numbers(page: Page) -> list[str]:
    """Of the rows, in their order."""
    return [link.get_text() for link in page.all(".admin-row__number a")]


def press(
    desk: Pages, page: Page, do: str, *chosen: OrderView, htmx: bool = False, status: int = 200, **fields: str
) -> Page:
    """Send a batch, with these orders marked in the page."""
    form = page.one(BATCH)
    for order in chosen:
        page.one(f"#choose-{order.id}")
    data = {**values_of(form), "order": [order.id for order in chosen], "do": do, **fields}
    return desk._open("POST", str(form["action"]), htmx=htmx, status=status, data=data)


def deliver(desk: Pages) -> None:
    with desk.app.test_request_context(base_url="http://localhost"):
        tasks.deliver_outboxes()


def status_of(order: OrderView) -> OrderStatus:
    return orders.get_order(order.id).status


# ------------------------------------------------------------------------------------------------ the list


def test_the_desk_begins_with_what_is_to_be_sent_oldest_first(desk: Pages) -> None:
    first, second = make_at(OrderStatus.CONFIRMED), make_at(PACKING)
    sent = make_at(SENT)
    page = desk.get(DESK)
    assert numbers(page) == [first.id, second.id]
    assert page.one("#show-to-send")["aria-current"] == "true"
    assert numbers(desk.get(f"{DESK}?show=all"))[:3] == [sent.id, second.id, first.id]


def test_a_row_says_who_ordered_what_and_how_it_is_paid(desk: Pages) -> None:
    order = make_order((make_product(name="Clay Mug", price=500), 3))
    row = " ".join(desk.get(DESK).one(f"#row-{order.id}").get_text(" ").split())
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


def test_the_chips_count_the_orders_of_the_shop(desk: Pages, now: Clock) -> None:
    make_at(OrderStatus.CONFIRMED), make_at(PACKING), make_at(DELIVERED)
    now.advance(days=9)
    desk.sign_in(make_staff(Role.ORDER_STAFF))
    counts = {chip["id"]: chip.get_text().split()[-1] for chip in desk.get(DESK).all(".admin-chip")}
    assert counts["show-to-send"] == "2"
    assert (counts["show-late"], counts["show-delivered"], counts["show-all"]) == ("2", "1", "3")


@pytest.mark.parametrize("status", [PACKING, SENT, DELIVERED])
def test_a_filter_shows_the_orders_of_one_state(desk: Pages, status: OrderStatus) -> None:
    order, other = make_at(status), make_at(OrderStatus.CONFIRMED)
    assert numbers(desk.get(f"{DESK}?show={status}")) == [order.id]
    assert numbers(desk.get(f"{DESK}?show=confirmed")) == [other.id]


def test_an_order_is_found_by_number_mail_name_and_sku(desk: Pages) -> None:
    mug = make_product(name="Clay Mug")
    order, other = make_order((mug, 1), email="ravi@example.com"), make_order()
    for words in (order.id, order.id[-6:], "ravi@", "RAVI", mug.sku.lower(), f"rao {mug.sku}"):
        page = desk.submit(desk.get(DESK), "#desk-search", q=words)
        assert numbers(page) == [order.id], words
    assert set(numbers(desk.get(f"{DESK}?q=asha+rao"))) == {order.id, other.id}
    assert "No order matches “nobody”." in desk.get(f"{DESK}?q=nobody").words


def test_a_search_looks_among_all_orders_unless_a_filter_was_chosen(desk: Pages) -> None:
    sent, waiting = make_at(SENT), make_order()
    found = desk.submit(desk.get(DESK), "#desk-search", q="asha")
    assert set(numbers(found)) == {sent.id, waiting.id}
    narrowed = desk.get(str(found.one("#show-to-send")["href"]))
    assert numbers(narrowed) == [waiting.id]
    assert numbers(desk.submit(narrowed, "#desk-search", q="rao")) == [waiting.id]
    nothing = desk.submit(desk.get(f"{DESK}?show=delivered"), "#desk-search", q="asha")
    assert "No order matches “asha” here." in nothing.words
    assert set(numbers(desk.get(str(nothing.one(".empty a")["href"])))) == {sent.id, waiting.id}


def test_a_list_of_days_is_that_of_the_shops_own_zone(desk: Pages, now: Clock) -> None:
    order = make_order()
    now.advance(hours=7)  # 00:30 of the next day in the shop
    later = make_order()
    assert numbers(desk.get(f"{DESK}?until=2026-11-22")) == [order.id]
    assert numbers(desk.get(f"{DESK}?since=2026-11-23")) == [later.id]
    assert set(numbers(desk.get(f"{DESK}?since=nonsense&show=nonsense"))) == {order.id, later.id}


def test_the_board_has_the_same_orders_by_state(desk: Pages) -> None:
    packing, sent = make_at(PACKING), make_at(SENT)
    page = desk.get(str(desk.get(DESK).one("#desk-view")["href"]))
    assert [column.get_text().split()[0] for column in page.all(".order-board__title")] == ["Confirmed", "Being"]
    whole = desk.get(f"{DESK}?view=board")
    assert len(whole.all(".order-board__column")) == 6
    assert whole.all(f"[aria-labelledby=column-processing] #card-{packing.id}")
    assert whole.all(f"[aria-labelledby=column-shipped] #card-{sent.id}")


def test_the_desk_asks_no_more_of_the_databases_with_more_orders(desk: Pages) -> None:
    make_order()
    few, few_cards = desk.get(DESK).selects, desk.get(f"{DESK}?view=board").selects
    for _ in range(6):
        make_order()
    assert desk.get(DESK).selects == few
    assert desk.get(f"{DESK}?view=board").selects == few_cards


def test_the_file_has_the_orders_of_the_filter_and_no_formulas(desk: Pages) -> None:
    order, _ = make_order((make_product(), 2), email="=1+1@example.com"), make_at(SENT)
    link = next(a for a in desk.get(DESK).all(".admin-head__links a") if "CSV" in a.get_text())
    response = desk.client.get(str(link["href"]))
    rows = list(csv.DictReader(io.StringIO(response.get_data().decode("utf-8-sig"))))
    assert [row["number"] for row in rows] == [order.id]
    assert (rows[0]["email"], rows[0]["payment"]) == ("'=1+1@example.com", "due")
    assert rows[0]["goods"] == f"2 x {order.items[0].sku}"
    assert (rows[0]["total"], rows[0]["given_back"]) == (f"{order.grand_total.amount}", "0.00")
    assert rows[0]["invoice"] == ""


def test_the_page_of_an_order_and_the_file_name_the_invoice_once_it_is_issued(desk: Pages) -> None:
    order, other = make_order(), make_order()
    assert desk.get(f"{DESK}/{order.id}").one("a[href$=invoice]").get_text() == "Invoice"
    orders.issue_documents(order)
    assert desk.get(f"{DESK}/{order.id}").one("a[href$=invoice]").get_text() == "Invoice 2026-000001"
    response = desk.client.get(f"{DESK}.csv?show=all")
    rows = csv.DictReader(io.StringIO(response.get_data().decode("utf-8-sig")))
    assert {row["number"]: row["invoice"] for row in rows} == {order.id: "2026-000001", other.id: ""}


def test_the_file_says_what_was_given_back_in_part_and_by_a_cancellation(desk: Pages) -> None:
    order, over = (make_order((make_product(price=500), 2)) for _ in range(2))
    refund(order, 1)
    refund(over, 1)
    orders.cancel(over.id, by="you")
    response = desk.client.get(f"{DESK}.csv?show=all")
    rows = csv.DictReader(io.StringIO(response.get_data().decode("utf-8-sig")))
    back = {row["number"]: row["given_back"] for row in rows}
    assert (back[order.id], back[over.id]) == ("590.00", "1680.00")


# ----------------------------------------------------------------------------------------------- one order


def test_an_order_shows_what_to_pack_and_where_it_goes(desk: Pages) -> None:
    order = make_order((make_product(name="Clay Mug", price=500), 3))
    page = desk.get(f"{DESK}/{order.id}")
    for words in (order.items[0].sku, "Clay Mug", "12 Lake Road", "asha@example.com", "₹2,270", "on delivery"):
        assert words in page.words


def test_the_next_step_stands_before_the_goods_and_the_money_as_a_phone_shows_them(desk: Pages) -> None:
    page = desk.get(f"{DESK}/{make_order().id}")
    assert [part["id"] for part in page.all("#order h2")] == [
        "order-progress",
        "order-goods",
        "order-money",
        "order-cancel",
        "order-story",
        "order-address",
    ]
    assert page.one("[aria-labelledby=order-progress] #step-go")


def test_an_order_goes_from_confirmed_to_delivered_and_the_shopper_is_told_each_step(
    desk: Pages, post: MemoryPost
) -> None:
    order = make_order((make_product(name="Clay Mug"), 1), (make_product(name="Glass Jar"), 2))
    page = desk.submit(desk.get(f"{DESK}/{order.id}"), "#step")
    page = desk.submit(page, "#step", carrier="Delhivery", tracking="AWB 77")
    page = desk.submit(page, "#step")
    assert not page.all("#step")
    assert page.one("#timeline").get_text().count("meera@example.com") == 3
    deliver(desk)
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


def test_a_step_with_htmx_answers_the_order_and_says_so(desk: Pages) -> None:
    order = make_order()
    fragment = desk.submit(desk.get(f"{DESK}/{order.id}"), "#step", htmx=True)
    assert fragment.one("#order-progress").get_text() == "Being packed"
    assert "The customer is written to" in fragment.one("#announcement").get_text()


def test_the_shopper_sees_the_parcel_and_never_who_of_the_staff_sent_it(desk: Pages) -> None:
    order = make_at(PACKING)
    desk.submit(desk.get(f"{DESK}/{order.id}"), "#step", carrier="other", carrier_name="Lake Couriers", tracking="LC/1")
    shopper = Pages(desk.app)
    page = shopper.submit(shopper.get("/track"), "form.order-track__form", order_id=order.id, email="asha@example.com")
    assert "With Lake Couriers" in page.words
    assert "Tracking number LC/1" in page.words
    assert ", by " not in page.one("#timeline").get_text()
    assert "meera" not in page.words


def test_a_parcel_does_not_leave_with_nobody(desk: Pages) -> None:
    order = make_at(PACKING)
    page = desk.submit(desk.get(f"{DESK}/{order.id}"), "#step", status=422, tracking="AWB 77")
    assert "Choose who brings the parcel" in page.one("#order-problem").get_text()
    assert page.one("#tracking")["value"] == "AWB 77"
    fragment = desk.submit(page, "#step", status=422, htmx=True, carrier="other")
    assert "Name the carrier" in fragment.one("#order-problem").get_text()
    assert status_of(order) is PACKING


def test_a_wrong_tracking_number_is_put_right_and_the_carrier_stays(desk: Pages) -> None:
    order = make_at(PACKING)
    page = desk.submit(desk.get(f"{DESK}/{order.id}"), "#step", carrier="FedEx", tracking="1234")
    page = desk.submit(page, "#parcel", tracking="4321")
    assert (orders.get_order(order.id).carrier, orders.get_order(order.id).tracking_number) == ("FedEx", "4321")
    assert page.all(".order-timeline a")[-1]["href"] == "https://www.fedex.com/fedextrack/?trknbr=4321"
    fragment = desk.submit(page, "#parcel", htmx=True, carrier="DTDC", tracking="D-1")
    assert "tracking number by meera@example.com: DTDC D-1" in fragment.words
    for htmx in (False, True):
        refused = desk.submit(page, "#parcel", htmx=htmx, status=422, tracking=" ")
        assert "Enter the tracking number" in refused.one("#order-problem").get_text()


def test_a_page_that_is_out_of_date_is_refused_with_both_states(desk: Pages) -> None:
    order = make_order()
    page = desk.get(f"{DESK}/{order.id}")
    orders.cancel(order.id, by="you")
    words = f"{order.id} is cancelled and cannot be marked as being packed."
    for htmx in (False, True):
        assert words in desk.submit(page, "#step", htmx=htmx, status=409).one("#order-problem").get_text()


def test_a_step_pressed_twice_is_taken_once(desk: Pages, post: MemoryPost) -> None:
    order = make_order()
    page = desk.get(f"{DESK}/{order.id}")
    for _ in range(2):
        desk.submit(page, "#step")
    deliver(desk)
    assert [letter.subject for letter in post.letters].count(f"Your order {order.id} is being packed") == 1
    assert len(orders.get_order(order.id).timeline) == len(order.timeline) + 1


def test_a_step_that_is_none_is_not_taken(desk: Pages) -> None:
    order = make_order()
    page = desk.get(f"{DESK}/{order.id}")
    desk.submit(page, "#step", status=400, step="cancelled")
    desk.get(f"{DESK}/ORD-000000000000", status=404)
    token = str(page.one("#step input[name=csrf_token]")["value"])
    data = {"csrf_token": token, "step": "processing"}
    assert desk.client.post(f"{DESK}/ORD-000000000000/steps", data=data, headers=SAME_ORIGIN).status_code == 404


# --------------------------------------------------------------------------------------------- many orders


def test_many_orders_are_packed_and_sent_each_with_its_own_number(desk: Pages, post: MemoryPost) -> None:
    first, second = make_order(email="a@example.com"), make_order(email="b@example.com")
    page = press(desk, desk.get(DESK), "processing", first, second)
    assert "2 orders marked as being packed" in page.words
    tracking = {f"tracking-{first.id}": "AWB 1", f"tracking-{second.id}": "AWB 2"}
    press(desk, page, "shipped", first, second, carrier="DTDC", **tracking)
    sent = [orders.get_order(order.id) for order in (first, second)]
    assert [(order.status, order.carrier, order.tracking_number) for order in sent] == [
        (SENT, "DTDC", "AWB 1"),
        (SENT, "DTDC", "AWB 2"),
    ]
    deliver(desk)
    assert sum("is on its way" in letter.subject for letter in post.letters) == 2


def test_a_batch_with_htmx_answers_the_desk(desk: Pages) -> None:
    order = make_order()
    fragment = press(desk, desk.get(DESK), "processing", order, htmx=True)
    assert "1 order marked as being packed" in fragment.one("#outcome").get_text()
    assert "1 order marked as being packed" in fragment.one("#announcement").get_text()
    assert fragment.one(f"#choose-{order.id}").has_attr("checked")


@pytest.mark.parametrize("htmx", [False, True])
def test_of_a_batch_those_that_cannot_go_are_named_and_the_others_went(desk: Pages, htmx: bool) -> None:
    packing, confirmed = make_at(PACKING), make_order()
    page = press(desk, desk.get(DESK), "shipped", packing, confirmed, htmx=htmx, status=409, carrier="DTDC")
    outcome = page.one("#outcome").get_text(" ")
    assert "1 order marked as sent" in outcome
    assert f"{confirmed.id} is confirmed and cannot be marked as sent." in outcome
    assert (status_of(packing), status_of(confirmed)) == (SENT, OrderStatus.CONFIRMED)


def test_a_batch_sent_twice_is_done_once(desk: Pages, post: MemoryPost) -> None:
    order = make_order()
    page = desk.get(DESK)
    for _ in range(2):
        assert "1 order marked as being packed" in press(desk, page, "processing", order).words
    deliver(desk)
    assert sum("is being packed" in letter.subject for letter in post.letters) == 1


def test_a_batch_of_nothing_of_too_many_or_without_a_carrier_changes_nothing(desk: Pages) -> None:
    order = make_at(PACKING)
    page = desk.get(DESK)
    assert "No order was chosen" in press(desk, page, "delivered", status=422).one("#desk-problem").get_text()
    without = press(desk, page, "shipped", order, status=422)
    assert "Choose who brings the parcel" in without.one("#desk-problem").get_text()
    many = {**values_of(page.one(BATCH)), "order": [f"ORD-{n}" for n in range(101)], "do": "delivered"}
    crowd = desk._open("POST", DESK, htmx=False, status=422, data=many)
    assert "at most 100 orders" in crowd.one("#desk-problem").get_text()
    press(desk, page, "cancelled", order, status=400)
    assert status_of(order) is PACKING


def test_every_order_of_a_page_is_chosen_by_one_link(desk: Pages) -> None:
    make_order(), make_order()
    page = desk.get(DESK)
    assert not page.all(".admin-choice[checked]")
    chosen = desk.get(str(page.one("#choose-all")["href"]))
    assert len(chosen.all(".admin-choice[checked]")) == 2
    assert not desk.get(str(chosen.one("#choose-all")["href"])).all(".admin-choice[checked]")


def test_the_orders_of_the_board_are_taken_further_as_those_of_the_list(desk: Pages) -> None:
    order = make_order()
    page = press(desk, desk.get(f"{DESK}?view=board"), "processing", order)
    assert page.all(f"[aria-labelledby=column-processing] #card-{order.id}")
