"""Rules of the house that hold for every module, template and address."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from storefront import clock, mail, responses, visitor
from storefront.accounts import security_views
from storefront.accounts import service as accounts
from storefront.accounts import views as accounts_views
from storefront.accounts.models import StockNotice
from storefront.accounts.service import Role, WishesToken
from storefront.api.operations import OPERATIONS
from storefront.catalog.service import product_desk, stock_desk
from storefront.core.addresses import PostalAddress
from storefront.database import queries
from storefront.demo import catalogue
from storefront.orders.service import OrderStatus
from tests.factories.accounts import make_account, make_staff
from tests.factories.catalog import make_product
from tests.factories.refunds import ask_return, make_order_at, refund
from tests.factories.shopping import make_cart, make_draft, make_order, place
from tests.pages import Pages

ROOT = Path(__file__).parent.parent
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))


def test_domains_are_entered_by_their_doors_only() -> None:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


# -------------------------------------------------------------------------------------- templates


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT / "templates")))
def test_a_template_says_what_it_is(template: Path) -> None:
    text = template.read_text()
    if template.name.startswith("_"):
        assert text.startswith("{# "), "a partial begins with what it needs"
        assert "{% extends" not in text or template.parent.name == "email"
    else:
        assert text.startswith(("{# ", "{% extends", "<!doctype html>"))
        assert "{% block title %}" in text or "<title>" in text or "{% set heading" in text


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT / "templates")))
def test_a_template_trusts_nothing_and_inherits_nothing(template: Path) -> None:
    text = template.read_text()
    for word in ("|tojson", "hx-boost", "hx-on", "hx-vals", "hx-disabled-elt", "autoescape false", ":inherited"):
        assert word not in text


# -------------------------------------------------------------------------------------- addresses


def remember(pages: Pages, **facts: object) -> None:
    """Let this browser have been where it must have been to open a page."""
    with pages.client.session_transaction() as session:
        session.update(facts)


def ordered(pages: Pages, *, is_refunded: bool = False) -> str:
    order = make_order()
    if is_refunded:
        refund(order, 1)
    remember(pages, **{visitor.ORDERS: [order.id]})
    return f"/orders/{order.id}"


def delivered(pages: Pages) -> str:
    order = make_order_at(OrderStatus.DELIVERED)
    remember(pages, **{visitor.ORDERS: [order.id]})
    return f"/orders/{order.id}/return"


def open_return(pages: Pages) -> str:
    ask_return(make_order_at(OrderStatus.DELIVERED))
    pages.sign_in(make_staff(Role.ORDER_STAFF))
    return "/staff/returns"


def at_checkout(step: str) -> Callable[[Pages], str]:
    def go(pages: Pages) -> str:
        token = make_cart((make_product(), 1))
        remember(pages, **{visitor.CART: token, visitor.CHECKOUT: make_draft(token).id})
        return f"/checkout/{step}"

    return go


def waiting_for_the_bank(pages: Pages) -> tuple[str, str]:
    """A checkout whose payment the customer must confirm: where they wait, and where they confirm."""
    token = make_cart((make_product(), 1))
    draft = make_draft(token, payment="sandbox-confirm")
    with pages.app.test_request_context():
        outcome = place(draft, token)
    remember(pages, **{visitor.CART: token, visitor.CHECKOUT: draft.id})
    return f"/checkout/placing/{draft.id}", outcome.action_url


def letter(pages: Pages) -> str:
    pages.app.extensions["post"].send(
        mail.Letter("a-letter@localhost", "a@example.com", "Hello", "Text", "<p>Text</p>")
    )
    return "/dev/mail/a-letter@localhost"


def with_a_wish(pages: Pages) -> str:
    accounts.add_wish(WishesToken("a-guest"), make_product().id)
    remember(pages, **{visitor.WISHES: "a-guest"})
    return "/wishlist"


def shared_wishes(pages: Pages) -> str:
    user = make_account().id
    accounts.add_wish(user, make_product().id)
    return f"/wishlist/shared/{accounts.share_wishes(user)}"


def unsubscribing(pages: Pages) -> str:
    accounts.ask_for_notice("asha@example.com", "SKU-SOLD-OUT", 1)
    return f"/wishlist/notices/{queries().scalars(select(StockNotice.token)).one()}"


def signed_in(url: str, **facts: object) -> Callable[[Pages], str]:
    def go(pages: Pages) -> str:
        pages.sign_in(make_account())
        remember(pages, **facts)
        return url

    return go


def own_address(pages: Pages) -> str:
    account = make_account()
    pages.sign_in(account)
    where = PostalAddress("Asha Rao", "+91 98765 43210", "12 Lake Road", "", "Pune", "MH", "411001", "India")
    return f"/account/addresses/{accounts.add_address(account.id, where).id}"


def half_signed_in(pages: Pages) -> str:
    until = int(clock.utc_now().timestamp()) + 60
    remember(pages, **{accounts_views.SECOND_FACTOR: {"user": make_account(mfa=True).id, "until": until}})
    return "/login/code"


def registering(pages: Pages) -> str:
    remember(pages, **{accounts_views.REGISTERING: {"key": "asha@example.com", "ticket": "a-ticket"}})
    return "/register/code"


def resetting(pages: Pages) -> str:
    remember(pages, **{visitor.RESETTING: "asha@example.com"})
    return "/password/code"


def at_desk(url: str, role: Role = Role.STOCK_STAFF) -> Callable[[Pages], str]:
    def go(pages: Pages) -> str:
        pages.sign_in(make_staff(role))
        return url

    return go


def troubled(pages: Pages) -> str:
    waiting_for_the_bank(pages)
    pages.sign_in(make_staff(Role.ORDER_STAFF))
    return "/staff/troubles"


def at_customers(url: str) -> Callable[[Pages], str]:
    def go(pages: Pages) -> str:
        customer = make_account()
        accounts.open_session(customer.id, "Firefox")
        pages.sign_in(make_staff(Role.ORDER_STAFF))
        return url.format(id=customer.id, email=customer.email)

    return go


def at_guest(pages: Pages) -> str:
    order = make_order()
    pages.sign_in(make_staff(Role.ORDER_STAFF))
    return f"/staff/customers/guest?email={order.email}"


def at_order_desk(url: str, *, is_refunded: bool = False) -> Callable[[Pages], str]:
    def go(pages: Pages) -> str:
        pages.sign_in(make_staff(Role.ORDER_STAFF))
        order = make_order()
        if is_refunded:
            refund(order, 1)
        return url.format(order=order.id)

    return go


def at_product_desk(url: str) -> Callable[[Pages], str]:
    def go(pages: Pages) -> str:
        pages.sign_in(make_staff(Role.STOCK_STAFF))
        product = make_product(options=(("S", 1), ("M", 2)))
        category = product_desk.list_categories()[0].id
        return url.format(product=product.id, category=category)

    return go


def checked_file(pages: Pages) -> str:
    pages.sign_in(make_staff(Role.STOCK_STAFF))
    content = f"sku,count\n{make_product(stock=3).sku},5\nNO-SUCH,1\n".encode()
    return f"/staff/stock/imports/{stock_desk.check_file(content, file_name='stock.csv', actor='tests')}"


PAGES: dict[str, Callable[[Pages], str]] = {
    "accounts.sign_in": lambda pages: "/login?next=/cart",
    "accounts.second_factor": half_signed_in,
    "accounts.register": lambda pages: "/register",
    "accounts.registration_code": registering,
    "accounts.forgotten": lambda pages: "/password/forgotten",
    "accounts.reset": resetting,
    "security.overview": signed_in("/account/security"),
    "security.password": signed_in("/account/security/password"),
    "security.address": signed_in("/account/security/email"),
    "security.address_code": signed_in(
        "/account/security/email/code", **{security_views.NEW_ADDRESS: "asha@new.example"}
    ),
    "security.second_factor": signed_in("/account/security/codes"),
    "account.overview": signed_in("/account"),
    "account.profile": signed_in("/account/profile"),
    "account.addresses": lambda pages: own_address(pages).rpartition("/")[0],
    "account.new_address": signed_in("/account/addresses/new"),
    "account.address": own_address,
    "account.methods": signed_in("/account/payment-methods"),
    "account.data": signed_in("/account/data"),
    "account.deletion": signed_in("/account/deletion"),
    "catalog.home": lambda pages: "/",
    "catalog.products": lambda pages: "/products?q=the&stock=1",
    "catalog.category": lambda pages: "/category/books",
    "catalog.product": lambda pages: "/product/5-nike-air-max-270",
    "catalog.suggestions": lambda pages: "/search/suggestions?q=tea",
    "cart.show": lambda pages: "/cart",
    "checkout.start": at_checkout(""),
    "checkout.contact": at_checkout("contact"),
    "checkout.delivery": at_checkout("delivery"),
    "checkout.payment": at_checkout("payment"),
    "checkout.review": at_checkout("review"),
    "checkout.placing": lambda pages: waiting_for_the_bank(pages)[0],
    "payments.sandbox": lambda pages: waiting_for_the_bank(pages)[1],
    "orders.index": lambda pages: "/orders",
    "orders.order": ordered,
    "orders.invoice": lambda pages: f"{ordered(pages)}/invoice",
    "orders.credit_note": lambda pages: f"{ordered(pages, is_refunded=True)}/credit-notes/1",
    "orders.show_return": delivered,
    "orders.track": lambda pages: "/track",
    "api.docs": lambda pages: "/api/docs",
    "wishlist.show": with_a_wish,
    "wishlist.shared": shared_wishes,
    "wishlist.ask": lambda pages: f"/wishlist/notices?sku={make_product(stock=0).sku}",
    "wishlist.notice": unsubscribing,
    "staff.index": at_desk("/staff", Role.ADMIN),
    "staff.troubles": troubled,
    "staff.customers": at_customers("/staff/customers?q={email}"),
    "staff.customer": at_customers("/staff/customers/{id}"),
    "staff.guest": at_guest,
    "staff.reviews": at_desk("/staff/reviews"),
    "staff.trail": at_desk("/staff/trail", Role.ADMIN),
    "staff.products": at_product_desk("/staff/products"),
    "staff.new_product": at_product_desk("/staff/products/new"),
    "staff.product": at_product_desk("/staff/products/{product}"),
    "staff.bulk_change": at_product_desk("/staff/products/changes?product={product}&act=percent&figure=-10"),
    "staff.categories": at_product_desk("/staff/products/categories"),
    "staff.category": at_product_desk("/staff/products/categories/{category}"),
    "staff.stock": at_desk("/staff/stock"),
    "staff.scan": at_desk("/staff/stock/scan"),
    "staff.restock": at_desk("/staff/stock/restock"),
    "staff.movements": at_desk("/staff/stock/movements"),
    "staff.imports": at_desk("/staff/stock/imports"),
    "staff.show_import": checked_file,
    "staff.orders": at_order_desk("/staff/orders"),
    "staff.returns": open_return,
    "staff.order": at_order_desk("/staff/orders/{order}"),
    "staff.packing_slips": at_order_desk("/staff/orders/slips?order={order}"),
    "staff.order_invoice": at_order_desk("/staff/orders/{order}/invoice"),
    "staff.order_credit_note": at_order_desk("/staff/orders/{order}/credit-notes/1", is_refunded=True),
    "dev.mailbox": lambda pages: "/dev/mail",
    "dev.mail": letter,
}
NO_PAGES = {"static", "shell.stylesheet", "health.health", "health.ready", "dev.mail_html", "api.openapi"}
NO_PAGES |= {"staff.export_stock", "staff.export_movements", "staff.download_trail"}  # files
NO_PAGES |= {"account.avatar", "media.media", "account.export"}  # pictures and a file
NO_PAGES |= {"staff.export_orders", "staff.packing_slips_pdf", "staff.order_invoice_pdf", "orders.invoice_pdf"}
NO_PAGES |= {"staff.order_credit_note_pdf", "orders.credit_note_pdf"}
NO_PAGES |= {"seo.robots", "seo.sitemap", "seo.sitemap_of_listings", "seo.sitemap_of_products"}
NO_PAGES |= {f"well_known.{name}" for name in ("favicon", "touch_icon", "manifest", "security_txt", "change_password")}
NO_PAGES |= {"provider.start", "provider.callback"}  # they lead to another site and back
NO_PAGES |= {f"api.{operation.id}" for operation in OPERATIONS if operation.method == "GET"}  # opened in tests/api


def test_every_address_is_opened_here(shop: Flask) -> None:
    opened = {rule.endpoint for rule in shop.url_map.iter_rules() if "GET" in (rule.methods or ())}
    assert opened == PAGES.keys() | NO_PAGES


@pytest.mark.parametrize("endpoint", PAGES)
def test_every_address_is_a_whole_page_when_opened_directly(pages: Pages, endpoint: str) -> None:
    url = PAGES[endpoint](pages)
    page = pages.get(url.rstrip("/") or "/")  # which holds it to the rules of every page
    assert page.response.text.lstrip().startswith("<!doctype html>")
    assert page.all("main")


@pytest.mark.parametrize("endpoint", PAGES)
def test_what_differs_for_htmx_says_so_to_caches(pages: Pages, endpoint: str) -> None:
    url = (PAGES[endpoint](pages)).rstrip("/") or "/"
    page = pages.get(url, htmx=True)
    is_fragment = not page.response.text.lstrip().startswith("<!doctype html>")
    assert is_fragment <= (set(responses.VARY) <= set(page.response.vary))


def test_a_letter_is_shown_as_a_mail_program_shows_it(pages: Pages) -> None:
    response = pages.client.get(f"{letter(pages)}/html")
    assert (response.status_code, response.text.strip()) == (200, "<p>Text</p>")


def test_the_demo_shop_can_be_loaded(shop: Flask) -> None:
    assert len(catalogue.read()["products"]) >= 60
