"""What happened in the shop of commit 438bf0e before it was dumped: a little of everything its tables can hold.

Every name imported here is one of that commit, and `make_old_shop.py` runs it with that commit's code: it is not to be
renamed along with the present code.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import OperationalError

from storefront.accounts import service as accounts
from storefront.accounts.service import Account, IdentityClaims, PostalAddress, Role, WishesToken
from storefront.cart import service as cart
from storefront.catalog import service as catalog
from storefront.catalog.inventory.admin import Reason
from storefront.catalog.products.admin import CategoryDraft
from storefront.catalog.service import Author, ProductCard, ReviewDraft, Sku, admin, inventory_admin
from storefront.checkout import service as checkout
from storefront.cli.demo import catalogue
from storefront.db import outbox
from storefront.db.session import db, transaction
from storefront.orders import service as orders
from storefront.orders.models import Message
from storefront.orders.service import OrderStatus, OrderView
from storefront.payments import service as payments
from storefront.payments.models import StripeCharge
from storefront.payments.values import ProviderMessage
from storefront.wishlist import service as wishlist
from storefront.worker import tasks
from tests.api.client import Api
from tests.api.order_payloads import order_body
from tests.checkout.purchase import FOR_EVER, at_step, no_database, raising
from tests.factories.accounts import PASSWORD, make_account
from tests.factories.products import category_id, change, make_draft, priced, record_of, variants
from tests.factories.refunds import ask_return, refund
from tests.factories.shopping import ADDRESS, make_cart, place
from tests.factories.shopping import make_draft as make_checkout
from tests.factories.stock import adjust, change_of
from tests.fakes import Clock, MemoryPost, MemoryTexts
from tests.hostile_files import picture
from tests.legacy_import.old_shop import old_shop
from tests.legacy_import.test_command import filled

PRODUCTS = 10  # of the demo catalogue: enough for each kind of order to have goods of its own
STAFF = {
    Role.ADMIN: "admin@example.com",
    Role.STOCK_STAFF: "stock@example.com",
    Role.ORDER_STAFF: "orders@example.com",
}
ADMIN, STOCK, ORDERS = STAFF.values()
CUSTOMER = "meena@example.com"
OTHER_CUSTOMER = "ravi@example.com"
HOME = PostalAddress("Meena Iyer", "+91 98765 43210", "12 Lake Road", "", "Pune", "Maharashtra", "411001", "India")


class Story:
    """:ivar now: the time of day; it moves only between the parts of the story
    :ivar placed: the orders that are looked at later, by what became of them
    :ivar deleted: the id of an account that is no more; nobody else may ever have it
    """

    def __init__(self, app: Flask, now: Clock, folder: Path) -> None:
        self.app, self.now, self.folder = app, now, folder
        self.post = MemoryPost()
        app.extensions["post"], app.extensions["texts"] = self.post, MemoryTexts()
        app.extensions["hurry"] = lambda: None
        self.placed: dict[str, OrderView] = {}
        self.customer: Account
        self.other: Account
        self.deleted = 0
        self.goods: list[ProductCard] = []

    def tell(self) -> None:
        """Everything, oldest first."""
        for part in (
            self.read_the_legacy_shop,
            self.open_the_shop,
            self.hire_staff,
            self.meet_customers,
            self.keep_the_catalogue,
            self.take_orders,
            self.send_orders,
            self.give_back,
            self.review,
            self.leave_things_open,
        ):
            with self.app.test_request_context(base_url=self.app.config["PUBLIC_ORIGIN"]):
                part()
                db.session.remove()
            self.now.advance(hours=3)
        self.now.advance(hours=-3)

    def deliver(self) -> None:
        """Do what the worker does."""
        db.session.rollback()
        tasks.deliver_outboxes()

    # -------------------------------------------------------------------------------------------- beginnings

    def read_the_legacy_shop(self) -> None:
        with old_shop("sqlite", self.folder) as old:
            filled(old)
            done = self.app.test_cli_runner().invoke(args=["import-legacy", old.url], catch_exceptions=False)
        assert done.exit_code == 0, done.output

    def open_the_shop(self) -> None:
        content = catalogue.read()
        some: dict[str, Any] = {**content, "products": content["products"][:PRODUCTS]}
        read, catalogue.read = catalogue.read, lambda: some
        catalogue.load()
        catalogue.read = read
        ids = [catalog.get_offer(Sku(row["variants"][0]["sku"])).product_id for row in some["products"]]
        self.goods = list(catalog.cards_of(ids))

    def hire_staff(self) -> None:
        for role, email in STAFF.items():
            accounts.create_staff(email, f"{role.value.title()} Person", role, PASSWORD)
        accounts.create_staff("leaving@example.com", "Leaving Person", Role.STOCK_STAFF, PASSWORD, actor=ADMIN)
        accounts.set_role("leaving@example.com", Role.CUSTOMER, actor=ADMIN)
        self.deliver()

    def meet_customers(self) -> None:
        self.customer = make_account(name="Meena Iyer", email=CUSTOMER, phone="+919876543210")
        self.other = make_account(name="Ravi Das", email=OTHER_CUSTOMER)
        meena = self.customer.id
        accounts.add_address(meena, HOME, is_default=True)
        accounts.add_address(meena, replace(HOME, line1="9 Hill Road", city="Ooty", postal_code="643001"))
        accounts.add_method(meena, "VISA", "card_1705314600000_4242")
        accounts.add_method(meena, "UPI", "meena@okbank")
        accounts.upload_avatar(meena, picture(size=(40, 40)))
        accounts.open_session(meena, "Firefox on Linux", second_factor=False)
        claims = IdentityClaims("https://id.example", "meena-1", CUSTOMER, "Meena Iyer")
        accounts.sign_in_by_identity(claims)
        pending = accounts.register_stub("newcomer@example.com", None)
        accounts.send_sign_up_code(pending.id, "newcomer@example.com")
        self.deleted = make_account(email="gone@example.com").id
        accounts.delete_account(self.deleted, password=PASSWORD)
        for product in self.goods[:3]:
            wishlist.wish(meena, product.id)
        accounts.share_wishes(meena)
        wishlist.wish(WishesToken("a-guest"), self.goods[4].id, quantity=2)
        self.deliver()

    def keep_the_catalogue(self) -> None:
        mug, lamp, plate, *_ = self.goods
        draft = replace(make_draft("NEW-MUG", stock=0), slug="enamel-mug")
        new = admin.create_product("NEW-MUG", draft, is_published=True, key="a" * 32, actor=STOCK)
        wishlist.ask_for_notice(CUSTOMER, Sku("NEW-MUG"), user=self.customer.id)
        catalog.add_picture(new, picture(size=(400, 300)), "An enamel mug", actor=STOCK)
        change(mug.id, name=f"{mug.name}, tall", actor=STOCK)
        record = record_of(plate.id)
        first = record.variants[0].draft
        prices = variants(record, **{first.option or "only": priced("749.50", 900)})
        change(plate.id, variants=prices, actor=STOCK)
        soon = self.now.read() + timedelta(days=30)
        admin.plan_price(record.variants[0].id, priced(600)(first).price, None, soon, None, actor=STOCK)
        self._rename_a_category()
        adjust(change_of(lamp.sku, delta=7), reason=Reason.CORRECTION, actor=STOCK)
        adjust(change_of(lamp.sku, count=40, level=6), reason=Reason.COUNTED, actor=STOCK)
        lines = f"sku,count,delta,reason,low_stock_level\n{plate.sku},60,,,\n{mug.sku},,-2,damaged,8\n"
        done = inventory_admin.check_file(lines.encode(), file_name="stock.csv", actor=STOCK)
        inventory_admin.start_import(done)
        inventory_admin.apply_import(done)
        inventory_admin.check_file(
            f"sku,count\n{plate.sku},61\nNO-SUCH,1\n".encode(), file_name="later.csv", actor=STOCK
        )
        self.deliver()

    def _rename_a_category(self) -> None:
        known = admin.get_category(category_id("home-living"))
        draft = CategoryDraft("Home and garden", "home-garden", known.description, known.hue, known.position)
        admin.change_category(known.id, draft, seen=known.digest, actor=ADMIN)

    # ------------------------------------------------------------------------------------------------ orders

    def buy(self, name: str, *goods: tuple[ProductCard, int], payment: str = "cod", by: Account | None = None) -> None:
        """Place an order that is `placed` under a name; of a guest unless it is an account's."""
        token = self._fill(*goods, by=by)
        email = {"email": by.email} if by is not None and by.email else {}
        self.now.advance(minutes=1)
        outcome = place(make_checkout(token, payment=payment, **email), token)
        if outcome.order_id is not None:
            self.placed[name] = orders.get_order(outcome.order_id)

    def _fill(self, *goods: tuple[ProductCard, int], by: Account | None = None) -> str:
        if by is None:
            return make_cart(*goods)
        token = cart.token_of(by.id)
        for product, quantity in goods:
            cart.add_line(token, product.sku, quantity)
        return token

    def take_orders(self) -> None:
        one, two, three, four, *_ = self.goods
        card, meena = "sandbox-success", self.customer
        self.buy("confirmed", (one, 1), (two, 2), payment=card, by=meena)
        self.buy("packed", (three, 1), payment="upi")
        self.buy("sent", (two, 2), payment=card)
        self.buy("delivered", (one, 2), (four, 1), payment=card, by=meena)
        self.buy("delivered for cash", (four, 1))
        self.buy("cancelled by the customer", (one, 1), payment=card, by=meena)
        self.buy("cancelled by staff", (three, 2), payment="bnpl")
        self.buy("refunded in part", (two, 3), payment=card, by=self.other)
        self.buy("refunded wholly", (four, 1), payment=card)
        self.buy("sent back", (three, 2), payment=card, by=meena)
        self.buy("declined", (one, 1), payment="sandbox-decline")
        caller = Api(self.app).with_token(self.other)
        answer = caller.post("/api/orders/", json=order_body((four, 1), id="ORD-1705314600777"))
        self.placed["by API"] = orders.get_order(answer.json["id"])
        self.deliver()

    def send_orders(self) -> None:
        orders.change_address(self.placed["sent"].id, replace(ADDRESS, line1="14 Lake Road"), by="you")
        packed, sent, delivered = OrderStatus.PROCESSING, OrderStatus.SHIPPED, OrderStatus.DELIVERED
        self._advance("packed", packed)
        self._advance("sent", packed, sent)
        for name in ("delivered", "delivered for cash", "sent back"):
            self._advance(name, packed, sent, delivered)
        self.deliver()

    def _advance(self, name: str, *steps: OrderStatus) -> None:
        for step in steps:
            parcel = {"tracking": "BD-1234567", "carrier": "Blue Dart"} if step is OrderStatus.SHIPPED else {}
            orders.advance(self.placed[name].id, step, by="the shop", actor=ORDERS, **parcel)

    def give_back(self) -> None:
        orders.cancel(self.placed["cancelled by the customer"].id, by="you")
        note = "Broken in the store"
        broken = self.placed["cancelled by staff"].id
        orders.cancel(broken, by="the shop", note=note, may_be_packed=True, restock=False, actor=ADMIN)
        refund(self.placed["refunded in part"], 1, key="b" * 32, restock=True, reason="Chipped")
        whole = self.placed["refunded wholly"]
        refund(whole, 1, key="c" * 32, with_shipping=True)
        back = self.placed["sent back"]
        first = ask_return(back, 1, key="d" * 32, note="Too small")
        orders.approve_return(first, restock=True, actor=ORDERS)
        second = ask_return(back, 1, key="e" * 32)
        orders.decline_return(second, "It was used", actor=ORDERS)
        ask_return(self.placed["delivered"], 1, key="f" * 32, note="Wrong colour")
        paid = self.placed["confirmed"].checkout_id
        payments.note_message(ProviderMessage("sandbox", "evt_1", "payment.captured", checkout=paid))
        self.deliver()
        at_stripe = StripeCharge(key="0" * 36, session="cs_test_1", is_let_go=True, created_at=self.now.read())
        with transaction("payments") as session:
            session.add(at_stripe)

    def review(self) -> None:
        product = self.goods[0].id
        author = Author(self.customer.id, "Meena Iyer")
        review = catalog.write_review(product, author, ReviewDraft(4, "Good", "Holds tea."), is_verified=True)
        catalog.find_helpful(review.id, self.other.id)
        bad = Author(self.other.id, "Ravi Das")
        hidden = catalog.write_review(product, bad, ReviewDraft(1, "Spam", "Buy elsewhere."), is_verified=False)
        catalog.set_review_hidden(hidden.id, True, actor=ORDERS, reason="Advertising")

    # ------------------------------------------------------------------------------------------ left open

    def leave_things_open(self) -> None:
        """Carts, checkouts that are not finished, a letter that failed, one given up, and some that are queued."""
        one, two, *_ = self.goods
        cart.add_line("a-guest", two.sku, 3)
        checkout.start(make_cart((one, 1)))
        self.buy("at the bank", (two, 1), payment="sandbox-confirm")
        with pytest.MonkeyPatch.context() as patch, suppress(OperationalError):
            at_step(patch, "capture", raising(no_database()), times=FOR_EVER)
            self.buy("pending", (two, 1), payment="sandbox-success")
        self.buy("its letter was given up", (one, 1), payment="sandbox-success", by=self.other)
        self._lose_the_letter(given_up=True)
        self.buy("its letter failed", (two, 1))
        self._lose_the_letter(given_up=False)
        self.buy("its letter is queued", (one, 1), payment="sandbox-success", by=self.customer)
        orders.cancel(self.placed["its letter is queued"].id, by="you")
        self._fill((one, 1), (two, 1), by=self.customer)

    def _lose_the_letter(self, *, given_up: bool) -> None:
        self.post.is_down = True
        self.deliver()
        self.post.is_down = False
        if given_up:
            failed = sa.update(Message).where(Message.delivered_at.is_(None), Message.attempts > 0)
            with transaction("orders") as session:
                most = {"attempts": outbox.MOST_ATTEMPTS, "parked_at": self.now.read()}
                session.execute(failed.values(**most).execution_options(synchronize_session=False))
