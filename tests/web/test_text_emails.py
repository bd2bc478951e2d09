"""Every text e-mail and text message keeps the lines of its template apart."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask, render_template
from jinja2 import Environment, FunctionLoader

from storefront.catalog import products
from storefront.catalog.inventory.admin import StockRow, StockStatus
from storefront.core import clock
from storefront.orders import service as orders
from storefront.orders.values import OrderStatus, OrderView
from storefront.webhooks.values import DisabledReason
from tests.factories.catalog import make_product
from tests.factories.refunds import ask_return, make_order_at, refund

TEMPLATES = Path(__file__).parents[2] / "templates"
TEXTS = sorted(str(path.relative_to(TEMPLATES)) for path in TEMPLATES.rglob("*.txt") if not path.name.startswith("_"))

URLS = {
    name: f"https://shop.example/{name}"
    for name in ("order", "track", "restock", "reset", "sign_in", "product", "endpoint")
}
LINKS = {f"{name}_url": url for name, url in URLS.items()} | {"unsubscribe_url": "https://shop.example/unsubscribe"}

# ---------------------------------------------------------------------- what each of them is rendered with


def _order(status: OrderStatus, payment: str = "sandbox-success") -> OrderView:
    goods = [(make_product(name=name, price=100, stock=9), 2) for name in ("Clay Mug", "Iron Pan", "Tea Pot")]
    return make_order_at(status, *goods, payment=payment)


def _orders(status: OrderStatus) -> Iterator[dict[str, Any]]:
    for payment in ("sandbox-success", "cod"):
        yield {"order": _order(status, payment)}


def _cancelled() -> Iterator[dict[str, Any]]:
    for context in _orders(OrderStatus.CONFIRMED):
        orders.cancel(context["order"].id, by="you")
        yield {"order": orders.get_order(context["order"].id)}


def _disabled_endpoints() -> Iterator[dict[str, Any]]:
    for reason in DisabledReason:
        yield {"endpoint": SimpleNamespace(disabled_reason=reason, failing_since=clock.utc_now())}


def _undelivered() -> Iterator[dict[str, Any]]:
    for context, note in zip(_orders(OrderStatus.SHIPPED), ("", "Refused at the door"), strict=True):
        orders.mark_undelivered(context["order"].id, by="the shop", note=note, restock=True)
        yield {"order": orders.get_order(context["order"].id)}


def _shipped() -> Iterator[dict[str, Any]]:
    order = _order(OrderStatus.SHIPPED)
    yield {"order": order}
    orders.set_tracking(order.id, "AWB 77", by="the shop", carrier="DTDC")
    yield {"order": orders.get_order(order.id)}


def _refunded() -> Iterator[dict[str, Any]]:
    for count, with_shipping in ((1, False), (2, True)):
        order = _order(OrderStatus.DELIVERED)
        number = refund(order, count, with_shipping=with_shipping)
        yield {"order": orders.get_order(order.id), "refund": orders.get_refund(number)}
    order = _order(OrderStatus.DELIVERED)
    number = orders.approve_return(ask_return(order, 1), restock=True, actor="meera@example.com")
    yield {"order": orders.get_order(order.id), "refund": orders.get_refund(number)}


def _returned() -> Iterator[dict[str, Any]]:
    for state in ("requested", "withdrawn", "declined"):
        order = _order(OrderStatus.DELIVERED)
        number = ask_return(order, 2, note="The colour differs")
        if state == "declined":
            orders.decline_return(number, "It was used", actor="meera@example.com")
        yield {"order": order, "asked": orders.get_return(number), "state": state}


def _stock() -> Iterator[dict[str, Any]]:
    rows = [
        StockRow(number, number, f"SKU-{number}", None, f"Mug {number}", 3, 0, 3, 5, sold, days, StockStatus.LOW)
        for number, sold, days in ((1, 0, None), (2, 30, 3), (3, 1, 90))
    ]
    for more in (0, 12):
        yield {"rows": rows, "more": more, "heading": "Running low", "day": clock.today(), "out": 1, "low": 2}


def _codes() -> Iterator[dict[str, Any]]:
    for reason in ("register", "sign-in", "deletion"):
        yield {"sent": SimpleNamespace(digits="123456", reason=reason), "subject": "123456 is your code"}


CONTEXTS: dict[str, Callable[[], Iterator[dict[str, Any]]]] = {
    "orders/email/cancelled.txt": _cancelled,
    "orders/email/delivered.txt": lambda: _orders(OrderStatus.DELIVERED),
    "orders/email/held.txt": lambda: _orders(OrderStatus.PENDING),
    "orders/email/placed.txt": lambda: _orders(OrderStatus.CONFIRMED),
    "orders/email/processing.txt": lambda: _orders(OrderStatus.PROCESSING),
    "orders/email/refunded.txt": _refunded,
    "orders/email/returned.txt": _returned,
    "orders/email/shipped.txt": _shipped,
    "orders/email/undelivered.txt": _undelivered,
    "sign_in/email/account_exists.txt": lambda: iter([{}]),
    "sign_in/email/changed.txt": lambda: iter([{"what": "password"}, {"what": "identity"}]),
    "sign_in/email/code.txt": _codes,
    "sign_in/sms/account_exists.txt": lambda: iter([{}]),
    "sign_in/sms/code.txt": _codes,
    "staff/email/digest.txt": _stock,
    "staff/email/low.txt": _stock,
    "staff/email/webhook_disabled.txt": _disabled_endpoints,
    "wishlist/email/back_in_stock.txt": lambda: iter([{"offer": products.get_offer(make_product().sku)}]),
}

# --------------------------------------------------------------------------------------------- the law

MARK = "\ue000"  # put before each line of a template, to see where it stands in the text
_COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)


def marked(source: str) -> str:
    """Mark the lines of a template; one that begins with `{{-` continues the one before it on purpose."""
    comments = [range(*match.span()) for match in _COMMENT.finditer(source)]
    at, lines = 0, []
    for line in source.splitlines(keepends=True):
        is_comment = any(at in comment for comment in comments)
        is_text = line.strip() and not is_comment and not line.lstrip().startswith(("{%", "{{-"))
        lines.append(f"{MARK}{line}" if is_text else line)
        at += len(line)
    return "".join(lines)


def run_together(rendered: str) -> list[str]:
    """Lines of a rendered text in which a line of its template stands in the middle."""
    return [line.replace(MARK, "|") for line in rendered.splitlines() if MARK in line[1:]]


def marking(environment: Environment) -> Environment:
    """The same templates with marked texts."""

    def load(name: str) -> str:
        source = (TEMPLATES / name).read_text()
        return marked(source) if name.endswith(".txt") else source

    return environment.overlay(loader=FunctionLoader(load), cache_size=0)


@pytest.mark.parametrize("template", TEXTS)
def test_no_two_lines_of_a_text_email_run_together(app: Flask, template: str) -> None:
    """C3: a line each, whatever the number of items, and whatever is left out."""
    assert template in CONTEXTS, "render the new e-mail here, with several lines in every list"
    with app.test_request_context():
        compiled = marking(app.jinja_env).get_template(template)
        for context in CONTEXTS[template]():
            everything = {"shop": {"name": "Storefront", "mail": "shop@example.com"}, **LINKS, **context}
            rendered = compiled.render(everything)
            assert rendered.startswith(MARK)
            assert run_together(rendered) == []
            assert "\n\n\n\n" not in rendered.replace(MARK, "")
            plain = render_template(template, **LINKS, **context)
            assert all(line == line.rstrip() for line in plain.splitlines())


def test_lines_that_run_together_are_found() -> None:
    """C3: the case that was reported, so that the law above is known to see it."""
    source = "{% for item in items %}\n* {{ item }}\n  {{ item }}{{- ' each' }}\n{%- endfor %}\nTotal {{ total }}\n"
    environment = Environment(trim_blocks=True, lstrip_blocks=True, autoescape=False)  # noqa: S701 - plain text
    rendered = environment.from_string(marked(source)).render(items=["Mug", "Pan"], total=9)
    assert run_together(rendered) == ["|  Mug each|* Pan", "|  Pan each|Total 9"]
