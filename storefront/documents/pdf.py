"""Invoices, credit notes and packing slips as PDF, drawn by templates/documents/paper.typ."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cache
from io import BytesIO
from pathlib import Path

import typst
from flask import Response, current_app, send_file
from markupsafe import Markup

from storefront.core import clock
from storefront.core.addresses import PostalAddress
from storefront.orders import service as orders
from storefront.orders.service import CreditNote, IssuedDocument, LineItem, OrderView, Seller
from storefront.web.filters import day, moment, money, plural

FONTS = "vendor/noto-sans"  # below static/
TEMPLATE = "documents/paper.typ"  # below templates/


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody named on a document, and how to reach them."""

    label: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GoodsTable:
    """Goods with their figures.

    :ivar head: five names for an invoice, four for a credit note; the first two columns are text
    """

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class PackingRow:
    """A line of a packing slip, with a box to tick."""

    units: str
    sku: str
    name: str


@dataclass(frozen=True, slots=True)
class Figure:
    """An amount of money below the goods.

    :ivar note: a line in small letters below the name
    """

    name: str
    amount: str
    note: str = ""
    is_total: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """One invoice, credit note or packing slip; it begins on a page of its own.

    :ivar reason: what a credit note is for
    """

    seller: str
    title: str
    about: str
    parties: tuple[Party, ...]
    warning: str = ""
    reason: str = ""
    goods: GoodsTable | None = None
    packing_list: tuple[PackingRow, ...] = ()
    figures: tuple[Figure, ...] = ()
    closing: str = ""


@dataclass(frozen=True, slots=True)
class PdfDocument:
    """What the template draws as one file.

    :ivar created_at: the file's date; the same document of the same moment is the same file
    """

    title: str
    author: str
    created_at: datetime
    sections: tuple[Section, ...]

    def render(self) -> bytes:
        """Draw the document.

        :return: a tagged PDF file
        """
        template = Path(current_app.root_path, str(current_app.template_folder), TEMPLATE)
        data = {"title": self.title, "author": self.author, "sections": [asdict(section) for section in self.sections]}
        return typst.compile(
            template,
            root=template.parent,
            font_paths=_fonts(Path(str(current_app.static_folder), FONTS)),
            format="pdf",
            sys_inputs={"document": json.dumps(data)},
            timestamp=int(self.created_at.timestamp()),
        )


@cache
def _fonts(folder: Path) -> typst.Fonts:
    """The vendored fonts alone, so that a document looks the same on every machine."""
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[folder])


def packing_slips(packed: Sequence[OrderView]) -> bytes:
    """What is packed with each order, on a sheet of its own, without prices; or why nothing is."""
    title = "Packing slips" if len(packed) > 1 else f"Packing slip {packed[0].id}"
    slips = tuple(_packing_slip(order) for order in packed)
    return PdfDocument(title, current_app.config["SHOP_NAME"], clock.utc_now(), slips).render()


def _packing_slip(order: OrderView) -> Section:
    items = () if order.status == "cancelled" else order.items_kept
    units = plural(sum(item.units_kept for item in items), "unit")
    return Section(
        seller=current_app.config["SHOP_NAME"],
        title=f"Packing slip {order.id}",
        about=_ordered(order),
        parties=(_addressee("To", order.address, order.phone),),
        warning=_words("staff/orders/_labels.html", "slip_words", order),
        packing_list=tuple(PackingRow(f"{item.units_kept} ×", item.sku, _named(item)) for item in items),
        closing=f"{units} in all" if items else "",
    )


def invoice(order: OrderView, notes: Sequence[CreditNote], issued: Mapping[int, IssuedDocument]) -> bytes:
    """An order that was confirmed, as a sheet for the books.

    :param notes: what was taken off it since
    :param issued: the order's papers, by `orders.INVOICE` and the positions of the notes
    """
    paper = issued[orders.INVOICE]
    is_cancelled = order.status == "cancelled"
    due = ", due when it is delivered" if order.payment_kind == "cod" and not is_cancelled else ""
    rows = [
        (_named(item), item.sku, str(item.quantity), money(item.unit_price), money(item.line_total))
        for item in order.items
    ]
    section = Section(
        seller=paper.seller.name,
        title=f"Invoice {paper.number}",
        about=f"Invoice date {moment(paper.issued_at)}. Order {order.id}. {_ordered(order)}",
        parties=_parties(order, paper.seller),
        warning="This order was cancelled after it was invoiced. What was paid goes back the way it came."
        if is_cancelled
        else "",
        goods=GoodsTable(("Product", "Article", "Units", "Price", "Total"), tuple(rows)),
        figures=(*_figures(order), *_credited(order, notes, issued)),
        closing=f"Paid by: {_words('orders/_labels.html', 'paid_by', order)}{due}",
    )
    return PdfDocument(section.title, section.seller, paper.issued_at, (section,)).render()


def credit_note(order: OrderView, note: CreditNote, issued: Mapping[int, IssuedDocument]) -> bytes:
    """What was taken off an invoice, as a sheet for the books.

    :param issued: as for the invoice
    """
    paper, invoiced = issued[note.position], issued.get(orders.INVOICE)
    about = f"For invoice {invoiced.number} of {moment(invoiced.issued_at)}. " if invoiced else ""
    returned = f". Return no. {note.refund.returned}" if note.refund and note.refund.returned else ""
    rows = [(_named(line.item), line.item.sku, str(line.quantity), money(line.item.unit_price)) for line in note.lines]
    section = Section(
        seller=paper.seller.name,
        title=f"Credit note {paper.number}",
        about=f"Date {moment(paper.issued_at)}. {about}Order {order.id}.",
        parties=_parties(order, paper.seller),
        reason=_words("orders/_refund_labels.html", "credit_words", note) + returned,
        goods=GoodsTable(("Product", "Article", "Units", "Invoiced at"), tuple(rows)) if rows else None,
        figures=(
            Figure("Goods", money(note.goods)),
            *((Figure("Delivery", money(note.delivery)),) if note.delivery else ()),
            Figure("Tax", money(note.tax)),
            Figure("Credited", money(note.amount), is_total=True),
        ),
        closing="It was not paid yet: so much less is asked for." if note.lowers_due else "",
    )
    return PdfDocument(section.title, section.seller, paper.issued_at, (section,)).render()


def _ordered(order: OrderView) -> str:
    return f"Ordered {moment(order.placed_at)}. Arrives by {day(order.estimated_on)}."


def _parties(order: OrderView, seller: Seller) -> tuple[Party, Party]:
    tax_number = f"Tax number {seller.tax_number}" if seller.tax_number else ""
    lines = filter(None, (seller.name, *seller.address, seller.mail, tax_number))
    return Party("Sold by", tuple(lines)), _addressee("Sold to", order.address, order.email)


def _addressee(label: str, address: PostalAddress, reached_by: str) -> Party:
    where = f"{address.city}, {address.state} {address.postal_code}"
    lines = (address.full_name, address.line1, address.line2, where, address.country, reached_by)
    return Party(label, tuple(filter(None, lines)))


def _named(item: LineItem) -> str:
    return f"{item.name}, {item.option}" if item.option else item.name


def _figures(order: OrderView) -> tuple[Figure, ...]:
    discount = order.discount * -1 if order.discount.minor < 0 else order.discount
    return (
        Figure("Subtotal", money(order.subtotal)),
        *((Figure("Discount", f"−{money(discount)}"),) if discount else ()),
        Figure("Delivery", money(order.shipping) if order.shipping else "Free"),
        Figure("Tax", money(order.tax)),
        Figure("Total", money(order.grand_total), is_total=True),
    )


def _credited(
    order: OrderView, notes: Sequence[CreditNote], issued: Mapping[int, IssuedDocument]
) -> tuple[Figure, ...]:
    """What was taken off since, and what is left in the end."""
    if not notes:
        return ()
    left = _words("orders/_refund_labels.html", "left_words", order)
    return (*(_credit(note, issued) for note in notes), Figure(left, money(order.final_total), is_total=True))


def _credit(note: CreditNote, issued: Mapping[int, IssuedDocument]) -> Figure:
    what = _words("orders/_refund_labels.html", "credit_words", note)
    about = f"{issued[note.position].number}, {moment(note.credited_at)}. {what}"
    return Figure(f"Credit note {note.position}", f"−{money(note.amount)}", note=about)


def _words(template: str, macro: str, about: object) -> str:
    """What a macro of the HTML pages says, as plain text.

    :param about: what the macro is given
    """
    text: Markup = getattr(current_app.jinja_env.get_template(template).module, macro)(about)
    return text.unescape().strip()


def send(name: str, content: bytes) -> Response:
    """Answer with a PDF file that no cache keeps.

    :param name: of the file, without `.pdf`
    """
    response = send_file(BytesIO(content), mimetype="application/pdf", download_name=f"{name}.pdf")
    response.headers["Cache-Control"] = "no-store"
    return response
