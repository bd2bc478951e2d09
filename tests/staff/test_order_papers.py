"""What is printed of orders: packing slips and invoices, as pages and as PDF."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from pypdf import PdfReader

from storefront.accounts.service import Role
from storefront.orders import service as orders
from storefront.orders.service import OrderView
from tests.factories.accounts import make_staff
from tests.factories.catalog import make_product
from tests.factories.shopping import ADDRESS, make_order, make_snapshot, new_checkout_id
from tests.pages import Pages, values_of
from tests.staff.test_order_desk import BATCH, DESK


@pytest.fixture
def desk(pages: Pages) -> Pages:
    pages.sign_in(make_staff(Role.ORDER_STAFF))
    return pages


def sheets(pages: Pages, url: str) -> list[str]:
    """The words of a PDF, by page."""
    response = pages.client.get(url)
    assert (response.status_code, response.mimetype) == (200, "application/pdf")
    assert response.headers["Cache-Control"] == "no-store"
    return [" ".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(response.get_data())).pages]


def test_packing_slips_of_the_orders_chosen_are_a_sheet_each_without_prices(desk: Pages) -> None:
    mug, jar = make_product(name="Clay Mug", price=500), make_product(name="Glass Jar", price=700)
    first, second = make_order((mug, 3), (jar, 1)), make_order((jar, 2))
    form = desk.get(DESK).one(BATCH)
    data = {**values_of(form), "order": [first.id, second.id], "do": "slips"}
    page = desk._open("POST", str(form["action"]), htmx=False, status=200, data=data)
    slips = page.all(".slip")
    assert [slip["id"] for slip in slips] == [f"slip-{first.id}", f"slip-{second.id}"]
    assert [len(slip.select(".slip__box")) for slip in slips] == [2, 1]
    assert "₹" not in page.words
    link = next(a for a in page.all(".desk-head__links a") if a.get_text() == "PDF")
    printed = sheets(desk, str(link["href"]))
    assert len(printed) == 2
    for words in (first.id, "3 × ", mug.sku, "Clay Mug", jar.sku, "Asha Rao", "12 Lake Road", "4 units in all"):
        assert words in printed[0]
    assert "₹" not in printed[0]
    assert "500" not in printed[0].replace(first.id, "").replace(mug.sku, "")


def test_from_the_slips_the_orders_are_marked_as_being_packed(desk: Pages) -> None:
    order = make_order()
    page = desk.get(f"{DESK}/slips?order={order.id}")
    desk.submit(page, "#slips-packed", press="processing")
    assert orders.get_order(order.id).status == "processing"
    assert not desk.get(f"{DESK}/slips?order={order.id}").all("#slips-packed")


def test_slips_asked_for_with_htmx_are_gone_to(desk: Pages) -> None:
    order = make_order()
    form = desk.get(DESK).one(BATCH)
    data = {**values_of(form), "order": order.id, "do": "slips"}
    answer = desk._open("POST", DESK, htmx=True, status=204, data=data)
    assert answer.response.headers["HX-Redirect"] == f"{DESK}/slips?order={order.id}"


def test_slips_of_no_order_are_not_found(desk: Pages) -> None:
    desk.get(f"{DESK}/slips", status=404)
    desk.get(f"{DESK}/slips?order=ORD-000000000000&order=../etc", status=404)


def make_hindi_order() -> OrderView:
    address = replace(ADDRESS, full_name="आशा राव", line1="१२ झील मार्ग")
    checkout = new_checkout_id()
    order_id = orders.create_order(checkout, replace(make_snapshot(name="मिट्टी का प्याला"), address=address))
    orders.confirm_order(checkout)
    return orders.get_order(order_id)


def test_an_invoice_has_every_figure_in_rupees_and_letters_of_india(desk: Pages) -> None:
    order = make_hindi_order()
    (printed,) = sheets(desk, f"{DESK}/{order.id}/invoice.pdf")
    for words in (
        order.id,
        "MUG-1",
        "₹500",
        "₹1,000",
        "₹180",
        "Total ₹1,680",
        "Cash on delivery",
        "Pune, Maharashtra 411001",
        "राव",
    ):
        assert words in printed, printed
    page = desk.get(f"{DESK}/{order.id}/invoice")
    assert "आशा राव" in page.words
    assert "Total ₹1,680" in page.words


def test_the_same_invoice_is_the_same_file(desk: Pages) -> None:
    order = make_order()
    url = f"{DESK}/{order.id}/invoice.pdf"
    assert desk.client.get(url).get_data() == desk.client.get(url).get_data()


def test_a_long_order_goes_on_over_the_page(desk: Pages) -> None:
    goods = [(make_product(name=f"A rather long name of a product number {n}, in two colours"), 1) for n in range(45)]
    order = make_order(*goods)
    printed = sheets(desk, f"{DESK}/slips.pdf?order={order.id}")
    assert len(printed) > 1
    assert all(product.sku in " ".join(printed) for product, _ in goods)
    assert len(sheets(desk, f"{DESK}/{order.id}/invoice.pdf")) > 1


def test_an_order_that_is_not_certain_has_no_invoice(desk: Pages) -> None:
    order_id = orders.create_order(new_checkout_id(), make_snapshot())
    desk.get(f"{DESK}/{order_id}/invoice", status=404)
    assert desk.client.get(f"{DESK}/{order_id}/invoice.pdf").status_code == 404
    assert desk.client.get(f"{DESK}/ORD-000000000000/invoice.pdf").status_code == 404


def test_the_customer_has_the_invoice_as_a_file_too_and_nobody_else_does(desk: Pages) -> None:
    order = make_order()
    shopper = Pages(desk.app)
    assert shopper.client.get(f"/orders/{order.id}/invoice.pdf").status_code == 404
    shopper.submit(shopper.get("/track"), "form.order-track__form", order_id=order.id, email="asha@example.com")
    link = next(a for a in shopper.get(f"/orders/{order.id}/invoice").all(".invoice__acts a") if a.get_text() == "PDF")
    assert order.id in sheets(shopper, str(link["href"]))[0]
