"""Sheets of paper as PDF: the invoice of an order, its credit notes, and packing slips, one order a sheet."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from flask import Response, current_app, send_file
from fpdf import FPDF
from fpdf.enums import Align, TableBordersLayout
from fpdf.fonts import FontFace
from markupsafe import Markup

from storefront.core.addresses import PostalAddress
from storefront.orders import service as orders
from storefront.orders.service import CreditNote, IssuedPaper, LineItem, OrderView, Seller
from storefront.shell import day, moment, money, plural

logging.getLogger("fontTools").setLevel(logging.WARNING)  # it tells of every glyph it takes along

FONTS = "vendor/noto-sans"  # below static/
MARGIN = 18  # mm
MUTED = (91, 96, 112)
BOX = 4.5  # mm, to tick with a pen


class Sheet(FPDF):
    """An A4 page that knows the shop's letters; what one font lacks the other draws."""

    def __init__(self, title: str, shop: str) -> None:
        super().__init__(format="A4")
        folder = Path(str(current_app.static_folder)) / FONTS
        self.add_font("sans", "", folder / "NotoSans-Regular.ttf")
        self.add_font("sans", "B", folder / "NotoSans-Bold.ttf")
        self.add_font("devanagari", "", folder / "NotoSansDevanagari-Regular.ttf")
        self.set_fallback_fonts(["devanagari"], exact_match=False)
        self.set_text_shaping(True)
        self.set_margin(MARGIN)
        self.set_auto_page_break(True, MARGIN)
        self.set_title(title)
        self.set_author(shop)
        self.set_lang("en")
        self.plain()

    def _render_styled_text_line(self, *args: Any, **options: Any) -> Any:
        """Name the font anew for each line.

        fpdf2 2.8.9 forgets that the one it named for a line that begins with another font's letters ended with it.
        """
        self.current_font_is_set_on_page = False
        return super()._render_styled_text_line(*args, **options)

    def plain(self, size: float = 10) -> None:
        self.set_font("sans", "", size)
        self.set_text_color(0)

    def bold(self, size: float = 10) -> None:
        self.set_font("sans", "B", size)
        self.set_text_color(0)

    def muted(self, size: float = 9) -> None:
        self.set_font("sans", "", size)
        self.set_text_color(*MUTED)

    def say(self, text: str, width: float = 0, *, height: float = 5) -> None:
        """A paragraph from where we are; the next one stands below it."""
        self.multi_cell(width, height, text, align=Align.L, new_x="LEFT", new_y="NEXT")

    def columns(self, *parts: Callable[[float], None]) -> None:
        """Parts beside each other; what follows stands below the longest. Each is given its width."""
        top, gap = self.get_y(), 8.0
        width = (self.epw - gap * (len(parts) - 1)) / len(parts)
        bottoms = []
        for number, part in enumerate(parts):
            self.set_xy(self.l_margin + number * (width + gap), top)
            part(width)
            bottoms.append(self.get_y())
        self.set_xy(self.l_margin, max(bottoms))


def packing_slips(packed: Sequence[OrderView]) -> bytes:
    """What is packed with each order, on a sheet of its own, without prices; or why nothing is."""
    shop = current_app.config["SHOP_NAME"]
    sheet = Sheet("Packing slips" if len(packed) > 1 else f"Packing slip {packed[0].id}", shop)
    for order in packed:
        sheet.add_page()
        _head(sheet, shop, f"Packing slip {order.id}", _ordered(order))
        problem = _words("staff/orders/_words.html", "slip_words", order)
        if problem:
            sheet.ln(2)
            sheet.bold()
            sheet.say(problem)
        sheet.ln(4)
        _address(sheet, "To", order.address, sheet.epw, order.phone)
        sheet.ln(6)
        if order.status == "cancelled" or not order.items_kept:
            continue
        for item in order.items_kept:
            _row_to_tick(sheet, item.units_kept, item.sku, _named(item))
        sheet.ln(4)
        sheet.bold()
        sheet.say(f"{plural(sum(item.units_kept for item in order.items_kept), 'unit')} in all")
    return bytes(sheet.output())


def _row_to_tick(sheet: Sheet, units: int, sku: str, name: str) -> None:
    sheet.plain(11)
    left, wide = sheet.l_margin + 24, sheet.epw - 24
    lines: Any = sheet.multi_cell(wide, 6, name, dry_run=True, output="LINES")
    if sheet.will_page_break(6 * (len(lines) + 1) + 4):
        sheet.add_page()
    top = sheet.get_y() + 2
    sheet.rect(sheet.l_margin, top + 0.7, BOX, BOX)
    sheet.set_xy(sheet.l_margin + 8, top)
    sheet.bold(12)
    sheet.cell(14, 6, f"{units} ×")
    sheet.set_xy(left, top)
    sheet.say(sku, wide, height=6)
    sheet.plain(11)
    sheet.say(name, wide, height=6)
    sheet.set_draw_color(215)
    bottom = sheet.get_y() + 2
    sheet.line(sheet.l_margin, bottom, sheet.l_margin + sheet.epw, bottom)
    sheet.set_draw_color(0)
    sheet.set_xy(sheet.l_margin, bottom)


def invoice(order: OrderView, notes: Sequence[CreditNote], issued: Mapping[int, IssuedPaper]) -> bytes:
    """An order that was confirmed, as a sheet for the books.

    :param notes: what was taken off it since
    :param issued: the order's papers, by `orders.INVOICE` and the positions of the notes
    """
    paper = issued[orders.INVOICE]
    sheet = Sheet(f"Invoice {paper.number}", paper.seller.name)
    sheet.set_creation_date(paper.issued_at)  # the same invoice is the same file
    sheet.add_page()
    about = f"Invoice date {moment(paper.issued_at)}. Order {order.id}. {_ordered(order)}"
    _head(sheet, paper.seller.name, f"Invoice {paper.number}", about)
    if order.status == "cancelled":
        sheet.ln(2)
        sheet.bold()
        sheet.say("This order was cancelled after it was invoiced. What was paid goes back the way it came.")
    sheet.ln(4)
    _parties(sheet, order, paper.seller)
    sheet.ln(6)
    _goods(sheet, order)
    sheet.ln(4)
    _figures(sheet, order)
    _credited(sheet, order, notes, issued)
    sheet.ln(4)
    sheet.plain()
    is_due = order.payment_kind == "cod" and order.status != "cancelled"
    paid_by = _words("orders/_words.html", "paid_by", order)
    sheet.say(f"Paid by: {paid_by}{', due when it is delivered' if is_due else ''}")
    return bytes(sheet.output())


def credit_note(order: OrderView, note: CreditNote, issued: Mapping[int, IssuedPaper]) -> bytes:
    """What was taken off an invoice, as a sheet for the books. :param issued: as for the invoice"""
    paper, invoiced = issued[note.position], issued.get(orders.INVOICE)
    sheet = Sheet(f"Credit note {paper.number}", paper.seller.name)
    sheet.set_creation_date(paper.issued_at)
    sheet.add_page()
    about = f"For invoice {invoiced.number} of {moment(invoiced.issued_at)}. " if invoiced else ""
    about = f"Date {moment(paper.issued_at)}. {about}Order {order.id}."
    _head(sheet, paper.seller.name, f"Credit note {paper.number}", about)
    sheet.ln(4)
    _parties(sheet, order, paper.seller)
    sheet.ln(6)
    returned = f". Return no. {note.refund.returned}" if note.refund and note.refund.returned else ""
    sheet.plain()
    sheet.say(_words("orders/_back_words.html", "credit_words", note) + returned)
    sheet.ln(2)
    if note.lines:
        rows = [
            (_named(line.item), line.item.sku, str(line.quantity), money(line.item.unit_price)) for line in note.lines
        ]
        _table(sheet, ("Product", "Article", "Units", "Invoiced at"), rows, (84, 46, 18, 26))
    sheet.ln(4)
    sheet.plain()
    _figure(sheet, "Goods", money(note.goods))
    if note.delivery:
        _figure(sheet, "Delivery", money(note.delivery))
    _figure(sheet, "Tax", money(note.tax))
    sheet.bold(12)
    _figure(sheet, "Credited", money(note.amount))
    if note.lowers_due:
        sheet.ln(4)
        sheet.plain()
        sheet.say("It was not paid yet: so much less is asked for.")
    return bytes(sheet.output())


def _head(sheet: Sheet, shop: str, title: str, about: str) -> None:
    sheet.bold(11)
    sheet.say(shop)
    sheet.bold(20)
    sheet.say(title, height=11)
    sheet.muted()
    sheet.say(about)


def _ordered(order: OrderView) -> str:
    return f"Ordered {moment(order.placed_at)}. Arrives by {day(order.estimated_on)}."


def _parties(sheet: Sheet, order: OrderView, seller: Seller) -> None:
    sheet.columns(
        lambda width: _seller(sheet, seller, width),
        lambda width: _address(sheet, "Sold to", order.address, width, order.email),
    )


def _seller(sheet: Sheet, seller: Seller, width: float) -> None:
    tax_number = f"Tax number {seller.tax_number}" if seller.tax_number else ""
    sheet.muted()
    sheet.say("Sold by", width)
    sheet.plain()
    sheet.say("\n".join(filter(None, [seller.name, *seller.address, seller.mail, tax_number])), width)


def _address(sheet: Sheet, name: str, address: PostalAddress, width: float, reached_by: str) -> None:
    where = f"{address.city}, {address.state} {address.postal_code}"
    lines = (address.full_name, address.line1, address.line2, where, address.country, reached_by)
    sheet.muted()
    sheet.say(name, width)
    sheet.plain(11)
    sheet.say("\n".join(filter(None, lines)), width, height=5.5)


def _goods(sheet: Sheet, order: OrderView) -> None:
    rows = [
        (_named(item), item.sku, str(item.quantity), money(item.unit_price), money(item.line_total))
        for item in order.items
    ]
    _table(sheet, ("Product", "Article", "Units", "Price", "Total"), rows, (74, 40, 14, 22, 24))


def _named(item: LineItem) -> str:
    return f"{item.name}, {item.option}" if item.option else item.name


def _table(sheet: Sheet, head: Sequence[str], rows: Sequence[Sequence[str]], widths: tuple[int, ...]) -> None:
    """Goods: their names and articles, then figures. :param widths: of the columns, in mm"""
    sheet.plain(9.5)
    with sheet.table(
        col_widths=widths,
        text_align=(Align.L, Align.L, *[Align.R] * (len(head) - 2)),
        headings_style=FontFace(emphasis="BOLD", size_pt=9),
        borders_layout=TableBordersLayout.HORIZONTAL_LINES,
        line_height=6,
        padding=(0.6, 1),
    ) as table:
        for row in (head, *rows):
            table.row(row)


def _figures(sheet: Sheet, order: OrderView) -> None:
    discount = order.discount * -1 if order.discount.minor < 0 else order.discount
    rows = [
        ("Subtotal", money(order.subtotal)),
        *([("Discount", f"−{money(discount)}")] if discount else []),
        ("Delivery", money(order.shipping) if order.shipping else "Free"),
        ("Tax", money(order.tax)),
    ]
    for name, figure in rows:
        sheet.plain()
        _figure(sheet, name, figure)
    sheet.bold(12)
    _figure(sheet, "Total", money(order.grand_total))


def _credited(sheet: Sheet, order: OrderView, notes: Sequence[CreditNote], issued: Mapping[int, IssuedPaper]) -> None:
    """What was taken off since, and what is left in the end."""
    for note in notes:
        sheet.plain()
        _figure(sheet, f"Credit note {note.position}", f"−{money(note.amount)}")
        sheet.muted()
        sheet.set_x(sheet.l_margin + sheet.epw - 80)
        what = _words("orders/_back_words.html", "credit_words", note)
        sheet.say(f"{issued[note.position].number}, {moment(note.credited_at)}. {what}", 80)
        sheet.set_x(sheet.l_margin)
    if notes:
        sheet.bold(12)
        _figure(sheet, _words("orders/_back_words.html", "left_words", order), money(order.final_total))


def _figure(sheet: Sheet, name: str, figure: str) -> None:
    sheet.set_x(sheet.l_margin + sheet.epw - 80)
    sheet.cell(40, 6.5, name)
    sheet.cell(40, 6.5, figure, align=Align.R, new_x="LMARGIN", new_y="NEXT")


def _words(template: str, macro: str, about: object) -> str:
    """In the words of the pages. :param about: what the macro is given"""
    text: Markup = getattr(current_app.jinja_env.get_template(template).module, macro)(about)
    return text.unescape().strip()


def send(name: str, content: bytes) -> Response:
    """A PDF file that nobody keeps. :param name: it is called so"""
    response = send_file(BytesIO(content), mimetype="application/pdf", download_name=f"{name}.pdf")
    response.headers["Cache-Control"] = "no-store"
    return response
