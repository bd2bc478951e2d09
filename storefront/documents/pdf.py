"""Invoices, credit notes and packing slips as PDF, rendered by templates/documents/paper.typ."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import noto_cjk_sans_jp_regular
from flask import Flask, Response, current_app, send_file
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from storefront.core import clock
from storefront.core.addresses import PostalAddress
from storefront.core.errors import DomainError
from storefront.orders import service as orders
from storefront.orders.service import CreditNote, IssuedDocument, Seller
from storefront.orders.values import LineItem, OrderStatus, OrderView
from storefront.web.error_pages import ErrorText, render_domain_error
from storefront.web.filters import day, moment, money, plural

if TYPE_CHECKING:
    import typst

FONTS = ("vendor/noto-sans", "vendor/noto-emoji")  # below static/; Chinese, Japanese and Korean come as a package
TEMPLATE = "documents/paper.typ"  # below templates/
_REFUSED_TEXT = re.compile(r'PDF/UA-1 error: the text.*? `"(.*?)"`')
_BYTE_ORDER_MARK = "\ufeff"  # invisible, and refused by PDF/UA-1
_REFUNDED = "Payments are refunded to the original payment method."
CALLED_OFF_WARNINGS = {
    OrderStatus.CANCELLED: f"This order was cancelled. {_REFUNDED}",
    OrderStatus.UNDELIVERED: f"This order came back undelivered. {_REFUNDED}",
}


class Unprintable(DomainError):
    """A text of a document has a character that none of the fonts has, so the document would have a gap.

    :ivar text: the character
    :ivar document: title of the invoice, credit note or packing slip
    """

    status = 422

    def __init__(self, text: str, document: str) -> None:
        super().__init__(f"{text} in {document}")
        self.text = text
        self.document = document

    @property
    def characters(self) -> str:
        """The text with its code points, such as "𓀀" (U+13000)."""
        return f"“{self.text}” ({', '.join(f'U+{ord(letter):04X}' for letter in self.text)})"


@dataclass(frozen=True, slots=True)
class Party:
    """The seller or the customer on a document."""

    label: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ProductTable:
    """The table of products on an invoice or credit note.

    :ivar head: five headings for an invoice, four for a credit note; the first two columns are text
    """

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class PackingRow:
    """A line of a packing slip, with a check box."""

    units: str
    sku: str
    name: str


@dataclass(frozen=True, slots=True)
class Figure:
    """An amount below the table of products.

    :ivar note: a line in small print below the name
    """

    name: str
    amount: str
    note: str = ""
    is_total: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """One invoice, credit note or packing slip; it starts on a new page.

    :ivar reason: of a credit note
    """

    seller: str
    title: str
    about: str
    parties: tuple[Party, ...]
    warning: str = ""
    reason: str = ""
    products: ProductTable | None = None
    packing_list: tuple[PackingRow, ...] = ()
    figures: tuple[Figure, ...] = ()
    closing: str = ""


@dataclass(frozen=True, slots=True)
class PdfDocument:
    """The data of one PDF file.

    :ivar created_at: date of the file; the same data with the same date gives an identical file
    """

    title: str
    author: str
    created_at: datetime
    sections: tuple[Section, ...]

    def render(self) -> bytes:
        """Render the document.

        :return: a tagged PDF file, by PDF/UA-1
        :raise Unprintable: no font has a character of it
        """
        template = Path(current_app.root_path, str(current_app.template_folder), TEMPLATE)
        data = {"title": self.title, "author": self.author, "sections": [asdict(section) for section in self.sections]}
        import typst  # 7 MB

        try:
            return typst.compile(
                template,
                root=template.parent,
                font_paths=_fonts(Path(str(current_app.static_folder))),
                format="pdf",
                pdf_standards="ua-1",  # readable aloud; refuses a text that no font can draw
                sys_inputs={"document": json.dumps(data, ensure_ascii=False).replace(_BYTE_ORDER_MARK, "")},
                timestamp=int(self.created_at.timestamp()),
            )
        except typst.TypstError as error:
            if refused := _REFUSED_TEXT.match(error.message):
                text = _unescape(refused[1])
                raise Unprintable(text, self._title_of_section_with(text)) from error
            raise

    def _title_of_section_with(self, text: str) -> str:
        dumped = ((section.title, json.dumps(asdict(section), ensure_ascii=False)) for section in self.sections)
        return next((title for title, values in dumped if text in values), self.title)


def init_app(app: Flask) -> None:
    """Answer requests for documents that cannot be printed."""
    app.register_error_handler(Unprintable, render_refusal)


def render_refusal(error: Unprintable) -> ResponseReturnValue:
    """Answer a request for a document that cannot be printed completely."""
    message = (
        f"No font of the shop has the character {error.characters}, so the PDF would have a gap. "
        "Print the page instead: your browser uses the fonts of this device."
    )
    return render_domain_error(error, ErrorText(f"{error.document} is not available as PDF", message))


def _unescape(text: str) -> str:
    r"""Read a text as Rust quotes it: \u{13000}, \"."""
    text = re.sub(r"\\u\{([0-9a-f]+)\}", lambda code: chr(int(code[1], 16)), text)
    return re.sub(r"\\(.)", r"\1", text)


@cache
def _fonts(static: Path) -> typst.Fonts:
    """Only the fonts that come with the shop, so that documents look the same on every machine."""
    import typst

    folders = [*(static / folder for folder in FONTS), Path(str(noto_cjk_sans_jp_regular.FONT_PATH)).parent]
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=folders)


def packing_slips(packed: Sequence[OrderView]) -> bytes:
    """Render the packing slips of orders, one per page, without prices; a cancelled order has a warning instead."""
    title = "Packing slips" if len(packed) > 1 else f"Packing slip {packed[0].id}"
    slips = tuple(_packing_slip(order) for order in packed)
    return PdfDocument(title, current_app.config["SHOP_NAME"], clock.utc_now(), slips).render()


def _packing_slip(order: OrderView) -> Section:
    items = () if order.is_called_off else order.items_kept
    units = plural(sum(item.units_kept for item in items), "unit")
    return Section(
        seller=current_app.config["SHOP_NAME"],
        title=f"Packing slip {order.id}",
        about=_order_date(order),
        parties=(_addressee("Ship to", order.address, order.phone),),
        warning=_macro_text("staff/orders/_labels.html", "slip_words", order),
        packing_list=tuple(PackingRow(f"{item.units_kept} ×", item.sku, _full_name(item)) for item in items),
        closing=f"{units} in all" if items else "",
    )


def invoice(order: OrderView, notes: Sequence[CreditNote], issued: Mapping[int, IssuedDocument]) -> bytes:
    """Render the invoice of a confirmed order.

    :param notes: its credit notes
    :param issued: its issued documents, by `orders.INVOICE` and the positions of the credit notes
    """
    document = issued[orders.INVOICE]
    due = ", due on delivery" if order.is_cash_due else ""
    rows = [
        (_full_name(item), item.sku, str(item.quantity), money(item.unit_price), money(item.line_total))
        for item in order.items
    ]
    section = Section(
        seller=document.seller.name,
        title=f"Invoice {document.number}",
        about=f"Invoice date {moment(document.issued_at)}. Order {order.id}. {_order_date(order)}",
        parties=_parties(order, document.seller),
        warning=CALLED_OFF_WARNINGS.get(order.status, ""),
        products=ProductTable(("Product", "SKU", "Quantity", "Price", "Total"), tuple(rows)),
        figures=(*_figures(order), *_credited(order, notes, issued)),
        closing=f"Paid by: {_macro_text('orders/_labels.html', 'paid_by', order)}{due}",
    )
    return PdfDocument(section.title, section.seller, document.issued_at, (section,)).render()


def credit_note(order: OrderView, note: CreditNote, issued: Mapping[int, IssuedDocument]) -> bytes:
    """Render a credit note.

    :param issued: as for `invoice`
    """
    document, invoiced = issued[note.position], issued.get(orders.INVOICE)
    about = f"For invoice {invoiced.number} of {moment(invoiced.issued_at)}. " if invoiced else ""
    returned = f". Return no. {note.refund.returned}" if note.refund and note.refund.returned else ""
    rows = [
        (_full_name(line.item), line.item.sku, str(line.quantity), money(line.item.unit_price)) for line in note.lines
    ]
    section = Section(
        seller=document.seller.name,
        title=f"Credit note {document.number}",
        about=f"Date {moment(document.issued_at)}. {about}Order {order.id}.",
        parties=_parties(order, document.seller),
        reason=_macro_text("orders/_refund_labels.html", "credit_words", note) + returned,
        products=ProductTable(("Product", "SKU", "Quantity", "Invoiced at"), tuple(rows)) if rows else None,
        figures=(
            Figure("Products", money(note.goods)),
            *((Figure("Delivery", money(note.delivery)),) if note.delivery else ()),
            Figure("Tax", money(note.tax)),
            Figure("Credited", money(note.amount), is_total=True),
        ),
        closing="The order was not paid yet: the amount due is reduced." if note.lowers_due else "",
    )
    return PdfDocument(section.title, section.seller, document.issued_at, (section,)).render()


def _order_date(order: OrderView) -> str:
    return f"Order date {moment(order.placed_at)}. Estimated delivery {day(order.estimated_on)}."


def _parties(order: OrderView, seller: Seller) -> tuple[Party, Party]:
    tax_number = f"Tax number {seller.tax_number}" if seller.tax_number else ""
    lines = filter(None, (seller.name, *seller.address, seller.mail, tax_number))
    return Party("Sold by", tuple(lines)), _addressee("Sold to", order.address, order.email)


def _addressee(label: str, address: PostalAddress, contact: str) -> Party:
    return Party(label, tuple(filter(None, (address.full_name, *address.lines, contact))))


def _full_name(item: LineItem) -> str:
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
    """The credit notes, and the total after them."""
    if not notes:
        return ()
    label = _macro_text("orders/_refund_labels.html", "left_words", order)
    return (*(_credit(note, issued) for note in notes), Figure(label, money(order.final_total), is_total=True))


def _credit(note: CreditNote, issued: Mapping[int, IssuedDocument]) -> Figure:
    reason = _macro_text("orders/_refund_labels.html", "credit_words", note)
    about = f"{issued[note.position].number}, {moment(note.credited_at)}. {reason}"
    return Figure(f"Credit note {note.position}", f"−{money(note.amount)}", note=about)


def _macro_text(template: str, macro: str, about: object) -> str:
    """Render a macro of the HTML pages as plain text.

    :param about: argument of the macro
    """
    text: Markup = getattr(current_app.jinja_env.get_template(template).module, macro)(about)
    return text.unescape().strip()


def send(name: str, content: bytes) -> Response:
    """Send a PDF file with Cache-Control: no-store.

    :param name: of the file, without `.pdf`
    """
    response = send_file(BytesIO(content), mimetype="application/pdf", download_name=f"{name}.pdf")
    response.headers["Cache-Control"] = "no-store"
    return response
