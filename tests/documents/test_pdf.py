"""C1: papers and e-mails in every script, and no paper with a gap."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import pytest
from flask import Flask
from pypdfium2 import PdfDocument

from storefront.accounts.values import Role
from storefront.documents import pdf
from storefront.orders import service as orders
from storefront.orders.values import OrderStatus, OrderView
from tests.factories.accounts import make_staff
from tests.factories.refunds import ask_return, refund
from tests.factories.shopping import ADDRESS, EMAIL, make_snapshot, new_checkout_id
from tests.mailbox import Mailbox
from tests.page_client import Pages

NAMES = {
    "Latin": "Zoë Łukaszewicz-Nguyễn",
    "Greek": "Ελένη Παπαδοπούλου",
    "Cyrillic": "Ольга Щербакова",
    "Han": "王小明 𠮷野家",
    "Kana": "やまだ タロウ",
    "Hangul": "김철수",
    "Devanagari": "अनिल शर्मा",
    "Bengali": "কৃষ্ণ",
    "Gujarati": "ક્ષમા પટેલ",
    "Gurmukhi": "ਗੁਰਪ੍ਰੀਤ",
    "Kannada": "ಕನ್ನಡ",
    "Malayalam": "മലയാളം",
    "Oriya": "ରମେଶ",
    "Tamil": "தமிழ்ச்செல்வி",
    "Telugu": "లక్ష్మి",
    "Sinhala": "සිංහල",
    "Thai": "สวัสดี",
    "Lao": "ລາວ",
    "Khmer": "ភាសា",
    "Myanmar": "မြန်မာ",
    "Tibetan": "བོད",
    "Georgian": "ქართული",
    "Armenian": "Հայերեն",
    "Ethiopic": "አማርኛ",
    "Mongolian": "ᠮᠣᠩᠭᠣᠯ",
    "Cherokee": "ᏣᎳᎩ",
    "Yi": "ꆈꌠ",
    "Tifinagh": "ⵜⵉⴼⵉⵏⴰⵖ",
    "emoji": "😀 👨‍👩‍👧 👍🏽 🇮🇳 ❤️ 1️⃣ #⃣",
    "symbols": "½ № ™ → ✓ ★ ≈ ∑ ⌘ \U0001d4b3",
    "Hebrew": "שלום",
    "Arabic": "محمد عبد الله",
    "Thaana": "ދިވެހި",
    "Adlam": "𞤀𞤣𞤤𞤢𞤥",
}
# Readers put letters from right to left, and their marks, into an order of their own.
RIGHT_TO_LEFT = {"Hebrew", "Arabic", "Thaana", "Adlam"}


def order_of(name: str) -> OrderView:
    """A confirmed order of two of a product with this name, to a person with this name."""
    checkout = new_checkout_id()
    address = replace(ADDRESS, full_name=name, line1=name)
    order_id = orders.create_order(checkout, replace(make_snapshot(name=name), address=address))
    orders.confirm_order(checkout)
    return orders.get_order(order_id)


def text_of(paper: bytes) -> str:
    with closing(PdfDocument(paper)) as document:
        return " ".join(" ".join(page.get_textpage().get_text_range() for page in document).split())


@pytest.mark.parametrize("script", NAMES)
def test_every_paper_says_what_went_in(app: Flask, script: str) -> None:
    name = NAMES[script]
    order = order_of(name)
    refund(order, 1)
    order = orders.get_order(order.id)
    notes = orders.credit_notes_of(order)
    issued = orders.issue_documents(order, notes)
    papers = (pdf.invoice(order, notes, issued), pdf.credit_note(order, notes[0], issued), pdf.packing_slips([order]))
    for text in map(text_of, papers):
        if script in RIGHT_TO_LEFT:
            assert all(text.count(letter) >= 3 * name.count(letter) for letter in set(name) - {" "}), text
        else:
            assert text.count(name) >= 3, text


@pytest.mark.parametrize("name", ["𓀀", "\ue000", "Ann \u0378"])
def test_a_character_without_a_glyph_is_refused_by_name_and_never_a_gap(pages: Pages, name: str) -> None:
    pages.sign_in(make_staff(Role.ORDER_STAFF))
    other, order = order_of("Asha Rao"), order_of(name)
    code = f"U+{ord(name[-1]):04X}"
    url = f"/staff/orders/packing-slips.pdf?order={other.id}&order={order.id}"
    refused = pages.get(url, status=422)
    assert f"Packing slip {order.id} is not available as PDF" in refused.words
    assert f"({code}), so the PDF would have a gap. Print the page instead" in refused.words
    assert code in pages.get(f"/staff/orders/{order.id}/invoice.pdf", status=422).words
    pages.get(f"/staff/orders/{order.id}/invoice")


@pytest.mark.parametrize("name", ["\ufeffAsha", "A\u200bsha", "A\u00adsha", 'A"s\\ha'])
def test_characters_that_nobody_sees_are_no_reason_to_refuse(app: Flask, name: str) -> None:
    assert pdf.packing_slips([order_of(name)]).startswith(b"%PDF")


def test_every_email_of_an_order_says_what_went_in(app: Flask, mailbox: Mailbox) -> None:
    name = "".join(NAMES.values()).replace(" ", "")
    order = order_of(name)
    for status in (OrderStatus.PROCESSING, OrderStatus.SHIPPED, OrderStatus.DELIVERED):
        orders.advance(order.id, status, by="the shop")
    orders.approve_return(ask_return(order, 1), restock=False, with_shipping=False, actor="meera@example.com")
    orders.cancel(order_of(name).id, by="you")
    letters = mailbox.letters_to(EMAIL)
    assert len(letters) >= 6
    for letter in letters:
        assert name in letter.text, letter.subject
        assert name in letter.html, letter.subject
