"""B3: however often a route is called, an address that nobody proved gets no more mail than the bound allows.

Every route of the URL map that changes something is called, with the form of `tests.routes` or, where that posts no
mail, one of `SENDERS`. The rate limits are off: what holds is the bound alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pytest
from flask import Flask
from sqlalchemy import func, select

from storefront.accounts import service as accounts
from storefront.accounts.mail_limits import LIMITS
from storefront.accounts.models import StockNotice
from storefront.accounts.values import Account, MailKind
from storefront.db import outbox
from storefront.db.session import read_session, transaction
from storefront.messaging.mail import Email
from storefront.orders import events as order_events
from storefront.orders import service as orders
from storefront.orders.models import Message
from storefront.orders.values import OrderStatus
from tests import access_matrix
from tests.api.client import Api
from tests.api.order_payloads import order_body, save_address
from tests.factories.accounts import PASSWORD, make_account, make_staff
from tests.factories.catalog import make_product
from tests.factories.shopping import check_out, fill_cart, make_order, press_order
from tests.factories.stock import receive
from tests.fakes import MemoryPost
from tests.mailbox import Mailbox
from tests.page_client import Pages
from tests.routes import ROUTES
from tests.world import make_world

VICTIM = "victim@example.com"
CALLS = 12  # of each route; more than any bound of an hour for strangers
FOR_STRANGERS = (MailKind.CODE, MailKind.ORDER, MailKind.ALERT)
BOUND = sum(LIMITS[kind][0].most for kind in FOR_STRANGERS)  # in an hour


@dataclass
class Attack:
    """Somebody who knows only an address, and has an account with it that they never proved."""

    app: Flask
    account: Account
    api: Api = field(init=False)
    sold_out: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.api = Api(self.app).with_cookie(self.account)

    def guest_form(self, page: str, selector: str, **fields: str) -> None:
        guest = Pages(self.app)
        form = guest.get(page).one(selector)
        values = {str(one["name"]): str(one.get("value", "")) for one in form.select("input[name]")} | fields
        guest.client.post(page, data=values, headers={"Sec-Fetch-Site": "same-origin"})

    def change_phone(self, number: int) -> None:
        self.api.put(f"/users/{self.account.id}/profile", json={"phone": f"+9198765{number:05}"})

    def order_by_api(self, number: int) -> None:
        body = order_body((make_product(stock=99), 1), id=f"ORD-{number}")
        placed = self.api.post("/api/orders/", json=body)
        assert placed.status_code == 200, placed.text
        self.api.send("DELETE", f"/api/orders/{placed.json['id']}")

    def order_by_old_api(self, number: int) -> None:
        items = [{"productId": make_product(stock=99).id, "quantity": 1}]
        address = save_address(self.account).id
        sent = {"userId": self.account.id, "addressId": address, "items": items}
        assert self.api.post("/api/orders/create", json=sent).status_code == 200

    def order_cart_by_api(self, number: int) -> None:
        self.api.post(f"/cart/{self.account.id}/items?productId={make_product(stock=99).id}&quantity=1")
        address = save_address(self.account).id
        sent = self.api.post(f"/checkout?userId={self.account.id}&addressId={address}&method=cod")
        assert sent.status_code == 200

    def order_as_guest(self, number: int) -> None:
        guest = Pages(self.app)
        fill_cart(guest, make_product(stock=99))
        check_out(guest)
        guest.submit(guest.get("/checkout/contact"), "form.checkout__form", email=VICTIM, phone="9876543210")
        assert press_order(guest.get("/checkout/review"), guest).one(".order-number")

    def forget_password(self, number: int) -> None:
        self.guest_form("/password/forgotten", "form.sign-in__form", identifier=VICTIM)

    def forget_password_by_api(self, number: int) -> None:
        self.api.post("/auth/password/reset", json={"email": VICTIM})

    def register(self, number: int) -> None:
        address = f"victim+{number}@example.com"  # another account, the same mailbox
        self.guest_form("/register", "form.sign-in__form", identifier=address, name="Asha", password="teapot on a lawn")

    def sign_up(self, number: int) -> None:
        address = f"victim+stub{number}@example.com"
        pending = self.api.post("/auth/register/stub", json={"email": address}).json
        self.api.post("/auth/mfa/send", json={"userId": pending["id"], "email": address})

    def confirm_address(self, number: int) -> None:
        pages = self.api.pages
        pages.submit(
            pages.get("/account/security"), "form[action$='/email/confirmation']", status=[200, 429][number > 0]
        )

    def ask_for_alert(self, number: int) -> None:
        product = make_product(stock=0)
        self.sold_out.append(product.sku)
        guest = Pages(self.app)
        page = guest.get(f"/wishlist/notices?sku={product.sku}")
        guest.submit(page, "main form", email=VICTIM)


SENDERS: Mapping[tuple[str, str], Callable[[Attack, int], None]] = {
    ("api.updateProfile", "PUT"): Attack.change_phone,
    ("api.placeOrder", "POST"): Attack.order_by_api,  # and api.cancelOrder
    ("api.createOrderLegacy", "POST"): Attack.order_by_old_api,
    ("api.checkout", "POST"): Attack.order_cart_by_api,
    ("checkout.review", "POST"): Attack.order_as_guest,
    ("sign_in.forgotten", "POST"): Attack.forget_password,
    ("api.requestPasswordReset", "POST"): Attack.forget_password_by_api,
    ("sign_in.register", "POST"): Attack.register,
    ("api.sendOtp", "POST"): Attack.sign_up,
    ("security.confirmation", "POST"): Attack.confirm_address,
    ("wishlist.request_alert", "POST"): Attack.ask_for_alert,
}


@pytest.fixture
def attack(app: Flask) -> Attack:
    return Attack(app, make_account(email=VICTIM, verified=False))


def to_victim(post: MemoryPost) -> list[str]:
    """Subjects of what reached the mailbox, by whatever spelling."""
    return [email.subject for email in post.letters if email.to.startswith("victim")]


@pytest.mark.parametrize("sender", SENDERS, ids=lambda sender: sender[0])
def test_no_route_posts_more_than_its_bound(attack: Attack, mailbox: Mailbox, sender: tuple[str, str]) -> None:
    """B3: each route that posts mail, called again and again."""
    assert sender in ROUTES
    for number in range(CALLS):
        SENDERS[sender](attack, number)
        mailbox.deliver()
    for sku in attack.sold_out:
        receive(sku, 5)
    mailbox.deliver()
    sent = Counter(to_victim(mailbox.post))
    expected = 0 if sender[0] == "api.updateProfile" else 1
    assert expected <= sent.total() <= 10, sent


def test_all_routes_together_stay_within_the_bound(app: Flask, attack: Attack, mailbox: Mailbox) -> None:
    """B3: a route that is added tomorrow is called here, by its line in `tests.routes`."""
    world = make_world(app, attack.account)
    unsafe = {name: route for name, route in ROUTES.items() if name[1] != "GET"}
    for _ in range(2):
        for name, route in unsafe.items():
            for actor in ("owner", "anonymous"):
                access_matrix.request_as(app, name[1], route, world, actor)
    for name, send in SENDERS.items():
        if name[0] not in {"security.confirmation", "checkout.review"}:
            for number in range(3):
                send(Attack(app, make_account(email=f"victim+{name[0]}.{number}@example.com", verified=False)), number)
    mailbox.deliver()
    assert 0 < len(to_victim(mailbox.post)) <= BOUND


def test_changes_are_told_to_proved_addresses_only(app: Flask, mailbox: Mailbox) -> None:
    """B3: and there, too, a hundred changes are told three times an hour."""
    for is_proved, most in ((False, 0), (True, LIMITS[MailKind.CHANGE][0].most)):
        account = make_account(verified=is_proved)
        for number in range(100):
            accounts.change_profile(account.id, {"phone": f"+91987{6 + is_proved}{number:06}"})
        assert len(mailbox.letters_to(str(account.email))) == most


def test_an_alert_that_is_not_sent_waits_for_the_next_time(app: Flask, mailbox: Mailbox) -> None:
    """B3: nothing is lost."""
    products = [make_product(stock=0) for _ in range(8)]
    for product in products:
        accounts.request_alert(VICTIM, product.sku, product.id)
        receive(product.sku, 5)
    assert len(mailbox.letters_to(VICTIM)) == LIMITS[MailKind.ALERT][0].most == 5
    waiting = select(func.count()).where(StockNotice.email == VICTIM, StockNotice.told_at.is_(None))
    assert read_session().scalar(waiting) == 3


def test_acts_of_staff_reach_the_customer_however_many_orders_a_stranger_placed(app: Flask, mailbox: Mailbox) -> None:
    for _ in range(30):
        make_order(email=VICTIM)
    first = make_order(email=VICTIM)
    orders.advance(first.id, OrderStatus.PROCESSING, by="the shop", actor="a test")
    assert f"Your order {first.id} is being packed" in [email.subject for email in mailbox.letters_to(VICTIM)]


# ------------------------------------------------------------------------------------------------ codes first


class EnoughSeen(BaseException):
    """The test has seen what it needs."""


def publish_copies(count: int, order: str) -> None:
    """Have so many e-mails about an order wait for delivery."""
    with transaction("orders") as session:
        for number in range(count):
            outbox.publish(session, Message, order_events.ORDER_PACKED, f"copy/{number}", {"order": order})


def test_a_code_leaves_before_a_thousand_other_messages(
    app: Flask, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """B3: an admin's sign-in code does not wait behind what a stranger caused."""
    admin = make_staff()
    publish_copies(1000, make_order().id)
    accounts.sign_in(str(admin.email), PASSWORD)
    left: list[str] = []

    def note_and_stop(email: Email) -> None:
        left.append(email.to)
        raise EnoughSeen

    monkeypatch.setattr(mailbox.post, "send", note_and_stop)
    with pytest.raises(EnoughSeen):
        mailbox.deliver()
    assert left == [admin.email]


def test_a_code_asked_for_while_others_leave_is_the_next_message(
    app: Flask, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """B3: the worker looks for codes between two messages."""
    admin = make_staff()
    publish_copies(5, make_order().id)
    send, left = mailbox.post.send, mailbox.post.letters

    def ask_after_the_first(email: Email) -> None:
        send(email)
        if len(left) == 1:
            accounts.sign_in(str(admin.email), PASSWORD)

    monkeypatch.setattr(mailbox.post, "send", ask_after_the_first)
    mailbox.deliver()
    assert [email.to == admin.email for email in left[:3]] == [False, True, False]
    assert len(left) == 7  # the order's confirmation, its five copies and the code


def test_nothing_is_sent_that_the_bound_does_not_admit(
    app: Flask, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """B3: it stands where messages leave, so that nothing gets past it."""
    monkeypatch.setattr(accounts, "admit_message", lambda *message, **more: False)
    publish_copies(1, make_order().id)
    accounts.request_reset(str(make_account().email))
    accounts.change_profile(make_account().id, {"phone": "+919876543210"})
    accounts.request_reset(str(make_account(phone="+919876543211").phone))
    mailbox.deliver()
    assert (mailbox.post.letters, mailbox.texts.messages) == ([], [])
