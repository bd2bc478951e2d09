"""Documents of orders: packing slips, invoices and credit notes, as pages and as PDF."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pypdf import PdfReader
from pypdfium2 import PdfDocument

from storefront.accounts.values import Role
from storefront.core import clock
from storefront.orders import service as orders
from storefront.orders.values import OrderStatus, OrderView
from tests.factories.accounts import make_staff
from tests.factories.catalog import make_product, rupees
from tests.factories.refunds import ask_return, make_order_at, refund
from tests.factories.shopping import ADDRESS, make_order, make_snapshot, new_checkout_id
from tests.page_client import Pages, values_of
from tests.staff.test_orders import BATCH, ORDERS_URL


@pytest.fixture
def staff_pages(pages: Pages) -> Pages:
    pages.sign_in(make_staff(Role.ORDER_STAFF))
    return pages


def file_at(pages: Pages, url: str) -> bytes:
    """Download a PDF."""
    response = pages.client.get(url)
    assert (response.status_code, response.mimetype) == (200, "application/pdf")
    assert response.headers["Cache-Control"] == "no-store"
    return response.get_data()


def sheets(pages: Pages, url: str) -> list[str]:
    """Extract the text of each page of a PDF, as Chrome's viewer reads it."""
    with closing(PdfDocument(file_at(pages, url))) as pdf:
        return [" ".join(page.get_textpage().get_text_range().split()) for page in pdf]


def test_each_selected_order_has_a_packing_slip_without_prices(staff_pages: Pages) -> None:
    mug, jar = make_product(name="Clay Mug", price=500), make_product(name="Glass Jar", price=700)
    first, second = make_order((mug, 3), (jar, 1)), make_order((jar, 2))
    form = staff_pages.get(ORDERS_URL).one(BATCH)
    data = {**values_of(form), "order": [first.id, second.id], "do": "slips"}
    page = staff_pages._open("POST", str(form["action"]), htmx=False, status=200, data=data)
    slips = page.all(".packing-slip")
    assert [slip["id"] for slip in slips] == [f"slip-{first.id}", f"slip-{second.id}"]
    assert [len(slip.select(".packing-slip__box")) for slip in slips] == [2, 1]
    assert "₹" not in page.words
    link = next(a for a in page.all(".admin-head__links a") if a.get_text() == "PDF")
    printed = sheets(staff_pages, str(link["href"]))
    assert len(printed) == 2
    for words in (first.id, "3 × ", mug.sku, "Clay Mug", jar.sku, "Asha Rao", "12 Lake Road", "4 units in all"):
        assert words in printed[0]
    assert "₹" not in printed[0]
    assert "500" not in printed[0].replace(first.id, "").replace(mug.sku, "")


def test_from_the_slips_the_orders_are_marked_as_being_packed(staff_pages: Pages) -> None:
    order = make_order()
    page = staff_pages.get(f"{ORDERS_URL}/packing-slips?order={order.id}")
    staff_pages.submit(page, "#slips-packed", press="processing")
    assert orders.get_order(order.id).status == "processing"
    assert not staff_pages.get(f"{ORDERS_URL}/packing-slips?order={order.id}").all("#slips-packed")


def test_requesting_slips_with_htmx_redirects_to_them(staff_pages: Pages) -> None:
    order = make_order()
    form = staff_pages.get(ORDERS_URL).one(BATCH)
    data = {**values_of(form), "order": order.id, "do": "slips"}
    answer = staff_pages._open("POST", ORDERS_URL, htmx=True, status=204, data=data)
    assert answer.response.headers["HX-Redirect"] == f"{ORDERS_URL}/packing-slips?order={order.id}"


def test_slips_of_no_order_are_not_found(staff_pages: Pages) -> None:
    staff_pages.get(f"{ORDERS_URL}/packing-slips", status=404)
    staff_pages.get(f"{ORDERS_URL}/packing-slips?order=ORD-000000000000&order=../etc", status=404)


def make_hindi_order() -> OrderView:
    address = replace(ADDRESS, full_name="आशा राव", line1="१२ झील मार्ग")
    checkout = new_checkout_id()
    order_id = orders.create_order(checkout, replace(make_snapshot(name="मिट्टी का प्याला"), address=address))
    orders.confirm_order(checkout)
    return orders.get_order(order_id)


def test_an_invoice_has_every_figure_in_rupees_and_letters_of_india(staff_pages: Pages) -> None:
    order = make_hindi_order()
    (printed,) = sheets(staff_pages, f"{ORDERS_URL}/{order.id}/invoice.pdf")
    for words in (
        order.id,
        "MUG-1",
        "₹500",
        "₹1,000",
        "₹180",
        "Total ₹1,680",
        "Cash on delivery",
        "Pune 411001",
        "आशा राव",
        "मिट्टी का प्याला, Blue",
    ):
        assert words in printed, printed
    page = staff_pages.get(f"{ORDERS_URL}/{order.id}/invoice")
    assert "आशा राव" in page.words
    assert "Total ₹1,680" in page.words


def test_the_same_invoice_is_the_same_file(staff_pages: Pages) -> None:
    order = make_order()
    url = f"{ORDERS_URL}/{order.id}/invoice.pdf"
    assert staff_pages.client.get(url).get_data() == staff_pages.client.get(url).get_data()


def test_a_moment_that_is_no_whole_second_is_printed(staff_pages: Pages) -> None:
    with clock.at_time(clock.utc_now() + timedelta(microseconds=17)):
        order = make_order()
        assert order.id in sheets(staff_pages, f"{ORDERS_URL}/{order.id}/invoice.pdf")[0]
        assert order.id in sheets(staff_pages, f"{ORDERS_URL}/packing-slips.pdf?order={order.id}")[0]


@pytest.mark.parametrize(
    ("script", "name"),
    [
        ("Devanagari", "क्षत्रिय श्री"),
        ("Bengali", "শ্রীকৃষ্ণ"),
        ("Gujarati", "ક્ષમા પટેલ"),
        ("Gurmukhi", "ਗੁਰਪ੍ਰੀਤ"),
        ("Kannada", "ಕೃಷ್ಣ"),
        ("Malayalam", "കൃഷ്ണൻ"),
        ("Oriya", "ରମେଶ"),
        ("Tamil", "தமிழ்ச்செல்வி"),
        ("Telugu", "లక్ష్మి"),
    ],
)
def test_a_name_in_a_script_of_india_has_its_letters_and_is_read_back(
    staff_pages: Pages, script: str, name: str
) -> None:
    url = f"{ORDERS_URL}/{make_order_for(name).id}/invoice.pdf"
    assert f"Sold to {name}" in sheets(staff_pages, url)[0]
    assert any(script in font for font in fonts_of(file_at(staff_pages, url)))


def test_a_name_in_arabic_has_its_letters(staff_pages: Pages) -> None:
    order = make_order_for("محمد عبد الله")
    assert any("Arabic" in font for font in fonts_of(file_at(staff_pages, f"{ORDERS_URL}/{order.id}/invoice.pdf")))


def make_order_for(name: str) -> OrderView:
    checkout = new_checkout_id()
    order_id = orders.create_order(checkout, replace(make_snapshot(), address=replace(ADDRESS, full_name=name)))
    orders.confirm_order(checkout)
    return orders.get_order(order_id)


def fonts_of(pdf: bytes) -> list[str]:
    page: Any = PdfReader(io.BytesIO(pdf)).pages[0]
    return [font.get_object()["/BaseFont"] for font in page["/Resources"]["/Font"].values()]


def test_user_input_is_printed_and_never_parsed_as_markup(staff_pages: Pages) -> None:
    typed = '= #read("paper.typ") #{1 + 1} *b* _i_ `c` $x^2$ <a> @b [c] \\u{41} // d'
    order = make_order_for(typed)
    for url in (f"{ORDERS_URL}/{order.id}/invoice.pdf", f"{ORDERS_URL}/packing-slips.pdf?order={order.id}"):
        assert typed in sheets(staff_pages, url)[0]


def test_a_long_code_wraps_and_stays_unchanged(staff_pages: Pages) -> None:
    name = "x" * 150
    with closing(PdfDocument(file_at(staff_pages, f"{ORDERS_URL}/{make_order_for(name).id}/invoice.pdf"))) as pdf:
        page = pdf[0]
        assert name in page.get_textpage().get_text_range().replace("\r\n", "")
        right_edges = [box.get_bounds()[2] for box in page.get_objects()]
        assert max(right_edges) < page.get_width()


def test_a_file_has_a_title_a_language_and_tags_for_screen_readers(staff_pages: Pages) -> None:
    pdf = PdfReader(io.BytesIO(file_at(staff_pages, f"{ORDERS_URL}/{make_order().id}/invoice.pdf")))
    root: Any = pdf.trailer["/Root"]
    assert pdf.metadata is not None
    assert str(pdf.metadata.title).startswith("Invoice 2026-")
    assert root["/Lang"] == "en"
    assert root["/MarkInfo"]["/Marked"]
    tags = list(tags_below(root["/StructTreeRoot"]))
    assert tags.count("/H1") == 1
    assert tags.count("/H2") == 2
    assert tags.count("/TH") == 5


def tags_below(node: Any) -> Iterator[str]:
    """Yield the tags of a PDF in reading order."""
    node = node.get_object()
    if isinstance(node, list):
        for child in node:
            yield from tags_below(child)
    elif isinstance(node, dict):
        if "/S" in node:
            yield node["/S"]
        yield from tags_below(node["/K"]) if "/K" in node else ()


def test_a_long_invoice_continues_on_the_next_page(staff_pages: Pages) -> None:
    goods = [(make_product(name=f"A rather long name of a product number {n}, in two colours"), 1) for n in range(45)]
    order = make_order(*goods)
    printed = sheets(staff_pages, f"{ORDERS_URL}/packing-slips.pdf?order={order.id}")
    assert len(printed) > 1
    assert all(product.sku in " ".join(printed) for product, _ in goods)
    assert len(sheets(staff_pages, f"{ORDERS_URL}/{order.id}/invoice.pdf")) > 1


def test_an_unconfirmed_order_has_no_invoice(staff_pages: Pages) -> None:
    order_id = orders.create_order(new_checkout_id(), make_snapshot())
    staff_pages.get(f"{ORDERS_URL}/{order_id}/invoice", status=404)
    assert staff_pages.client.get(f"{ORDERS_URL}/{order_id}/invoice.pdf").status_code == 404
    assert staff_pages.client.get(f"{ORDERS_URL}/ORD-000000000000/invoice.pdf").status_code == 404


def test_the_customer_has_the_invoice_as_a_file_too_and_nobody_else_does(staff_pages: Pages) -> None:
    order = make_order()
    shopper = Pages(staff_pages.app)
    assert shopper.client.get(f"/orders/{order.id}/invoice.pdf").status_code == 303
    shopper.submit(shopper.get("/track"), "form.order-track__form", order_id=order.id, email="asha@example.com")
    link = next(
        a for a in shopper.get(f"/orders/{order.id}/invoice").all(".invoice__acts a") if a.get_text() == "Download PDF"
    )
    assert order.id in sheets(shopper, str(link["href"]))[0]


# ------------------------------------------------------------------------------------- what went back since


def both(pages: Pages, url: str) -> tuple[str, str]:
    """The text of a document on its page and in its PDF."""
    return pages.get(url).words, " ".join(sheets(pages, f"{url}.pdf"))


def test_units_refunded_before_shipping_are_not_packed(staff_pages: Pages) -> None:
    mug, jar = make_product(name="Clay Mug"), make_product(name="Glass Jar")
    order = make_order((mug, 3), (jar, 1))
    refund(order, 2)
    page = staff_pages.get(f"{ORDERS_URL}/packing-slips?order={order.id}")
    assert [row.get_text() for row in page.all(".packing-slip__units")] == ["1 ×", "1 ×"]
    (printed,) = sheets(staff_pages, f"{ORDERS_URL}/packing-slips.pdf?order={order.id}")
    for words in (page.words, printed):
        assert "1 × " in words
        assert "3 × " not in words
        assert "2 units in all" in words


@pytest.mark.parametrize(
    ("undo", "words"),
    [
        (lambda order: orders.cancel(order.id, by="you"), "Cancelled: do not pack."),
        (lambda order: refund(order, 2), "Fully refunded: do not pack."),
    ],
)
def test_the_slip_of_an_order_not_to_be_packed_lists_no_items(
    staff_pages: Pages, undo: Callable[[OrderView], object], words: str
) -> None:
    order = make_order()
    undo(order)
    page = staff_pages.get(f"{ORDERS_URL}/packing-slips?order={order.id}")
    (printed,) = sheets(staff_pages, f"{ORDERS_URL}/packing-slips.pdf?order={order.id}")
    assert words in page.words
    assert words in printed
    assert order.items[0].sku not in page.words + printed
    assert not page.all("#slips-packed")


def test_the_slip_of_what_is_not_paid_for_says_so(staff_pages: Pages) -> None:
    order_id = orders.create_order(new_checkout_id(), make_snapshot())
    page = staff_pages.get(f"{ORDERS_URL}/packing-slips?order={order_id}")
    assert "Not paid yet: do not pack." in page.words
    assert "Not paid yet: do not pack." in sheets(staff_pages, f"{ORDERS_URL}/packing-slips.pdf?order={order_id}")[0]


def test_an_invoice_ends_with_refunds_and_payments(staff_pages: Pages) -> None:
    order = make_order((make_product(name="Clay Mug", price=500), 2), payment="sandbox-success")
    assert "Net payment" not in staff_pages.get(f"{ORDERS_URL}/{order.id}/invoice").words
    refund(order, 1)
    refund(order, amount=rupees("12.50"))
    for words in both(staff_pages, f"{ORDERS_URL}/{order.id}/invoice"):
        assert "Total ₹1,680" in words
        for said in ("Credit note 1", "1 × Clay Mug", "−₹590", "Credit note 2", "Price reduction", "−₹12.50"):
            assert said in words
        assert "22 Nov 2026, " in words.partition("Credit note 1")[2]
        assert "Net payment ₹1,077.50" in words


@pytest.mark.parametrize(
    ("status", "words"), [("confirmed", "Due on delivery ₹1,090"), ("delivered", "Net payment ₹1,090")]
)
def test_an_invoice_to_be_paid_on_delivery_says_what_the_courier_collects(
    staff_pages: Pages, status: OrderStatus, words: str
) -> None:
    order = make_order_at(OrderStatus(status), (make_product(price=500), 2), payment="cod")
    refund(order, 1)
    for read in both(staff_pages, f"{ORDERS_URL}/{order.id}/invoice"):
        assert words in read


def test_the_invoice_of_a_cancelled_order_totals_zero(staff_pages: Pages) -> None:
    order = make_order((make_product(price=500), 2), payment="sandbox-success")
    refund(order, 1)
    orders.cancel(order.id, by="you")
    for read in both(staff_pages, f"{ORDERS_URL}/{order.id}/invoice"):
        assert "Credit note 2" in read
        assert "Order cancelled −₹1,090" in read or "−₹1,090" in read.partition("Credit note 2")[2]
        assert "Net payment ₹0" in read


def test_a_credit_note_lists_returned_items_and_their_tax(staff_pages: Pages) -> None:
    order = make_order_at(OrderStatus.DELIVERED, (make_product(name="Clay Mug", price=500), 3))
    number = ask_return(order, 2)
    orders.approve_return(number, restock=True, with_shipping=True, actor="meera@example.com")
    link = staff_pages.get(f"{ORDERS_URL}/{order.id}").one("a[href*=credit-notes]")
    assert link.get_text() == "Credit note 1"
    page, printed = both(staff_pages, str(link["href"]))
    for words in (page, printed):
        for said in (
            "Credit note CN-2026-000001",
            "2026-000001 of 22 Nov 2026",
            order.id,
            "Sold by",
            "Asha Rao",
            f"2 × Clay Mug; delivery. Return no. {number}",
            order.items[0].sku,
            "Products ₹1,000",
            "Delivery ₹500",
            "Tax ₹180",
            "Credited ₹1,680",
        ):
            assert said in words, words
        assert "meera" not in words
        assert "not paid yet" not in words


def test_staff_see_the_credit_note_of_a_cancelled_order(staff_pages: Pages) -> None:
    order = make_order()
    orders.cancel(order.id, by="you")
    page = staff_pages.get(f"{ORDERS_URL}/{order.id}")
    assert "₹1,680 of ₹1,680 refunded" in page.words
    for words in both(staff_pages, str(page.one("a[href*=credit-notes]")["href"])):
        assert "Credited ₹1,680" in words
        assert "The order was not paid yet: the amount due is reduced." in words


def test_only_its_customer_may_open_a_credit_note(staff_pages: Pages) -> None:
    order = make_order(payment="sandbox-success")
    refund(order, 1, reason="Chipped in our store")
    shopper = Pages(staff_pages.app)
    for end in ("", ".pdf"):
        assert shopper.client.get(f"/orders/{order.id}/credit-notes/1{end}").status_code == 303
    known = shopper.submit(shopper.get("/track"), "form.order-track__form", order_id=order.id, email="asha@example.com")
    link = str(known.one("a[href*=credit-notes]")["href"])
    for words in both(shopper, link):
        assert "Credit note CN-2026-000001" in words
        assert "Chipped in our store" not in words
    for end in ("/credit-notes/2", "/credit-notes/0", "/credit-notes/2.pdf"):
        assert shopper.client.get(f"/orders/{order.id}{end}").status_code == 404


def test_a_long_credit_note_continues_on_the_next_page(staff_pages: Pages) -> None:
    order = make_order(*[(make_product(name=f"A long name of a product number {n}"), 1) for n in range(45)])
    orders.cancel(order.id, by="you")
    assert len(sheets(staff_pages, f"{ORDERS_URL}/{order.id}/credit-notes/1.pdf")) > 1
