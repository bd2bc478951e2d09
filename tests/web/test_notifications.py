"""E-mails rendered from templates."""

from __future__ import annotations

from flask import Flask

from storefront.accounts.values import MailKind
from storefront.web.notifications import send_email
from tests.factories.catalog import make_product
from tests.factories.shopping import make_order
from tests.fakes import MemoryPost


def test_a_letter_is_rendered_in_both_parts_and_named_for_its_occasion(app: Flask, post: MemoryPost) -> None:
    order = make_order((make_product(name="Mug & <b>Saucer</b>", price=500), 2))
    with app.test_request_context():
        send_email(
            "orders/email/placed",
            kind=MailKind.BY_STAFF,
            key=f"order-placed/{order.id}",
            to=order.email,
            subject="Your order",
            order=order,
            order_url="http://localhost:9090/orders/1",
            track_url="http://localhost:9090/track",
        )
    (letter,) = post.letters
    assert letter.id == f"order-placed-{order.id}@localhost"
    assert "* 2 x Mug & <b>Saucer</b>" in letter.text
    assert "Mug &amp; &lt;b&gt;Saucer&lt;/b&gt;" in letter.html
    for words in (order.id, "₹1,680", "12 Lake Road", "http://localhost:9090/track"):
        assert words in letter.text
        assert words in letter.html
