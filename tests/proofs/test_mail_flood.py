"""B3: an attack on a shop of two server processes that knows nothing but an address, with all limits as in production.

bin/test -m long -s tests/proofs/test_mail_flood.py
"""

from __future__ import annotations

import re
import time
from collections import Counter
from email import message_from_bytes
from pathlib import Path

import pytest
import requests
from sqlalchemy import func, select

from storefront.accounts import service as accounts
from storefront.accounts.mail_limits import LIMITS
from storefront.accounts.values import MailKind
from storefront.catalog.values import Sku
from storefront.db import outbox
from storefront.db.session import read_session, transaction
from storefront.orders import events
from storefront.orders.models import Message
from tests.api.order_payloads import order_body
from tests.factories.accounts import PASSWORD, make_staff
from tests.factories.catalog import make_product
from tests.factories.shopping import make_order
from tests.factories.stock import receive
from tests.isolated_shop import shop_at
from tests.live_server import LiveShop, eventually, live_shop
from tests.times import machine_time

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("real_time")]

VICTIM = "victim@example.com"
BOUND = sum(LIMITS[kind][0].most for kind in (MailKind.CODE, MailKind.ORDER, MailKind.ALERT))


def mails(shop: LiveShop) -> list[tuple[str, str]]:
    """Recipient and subject of every e-mail that left."""
    parsed = (message_from_bytes(path.read_bytes()) for path in sorted((shop.folder / "mail").glob("*.eml")))
    return [(str(one["To"]), str(one["Subject"])) for one in parsed]


def to_victim(shop: LiveShop) -> list[str]:
    return [subject for to, subject in mails(shop) if re.fullmatch(r"victim(\+.*)?@example\.com", to)]


def waiting(shop: LiveShop) -> int:
    """Messages of all outboxes that wait for delivery."""
    with machine_time(), shop_at(shop.database_url, shop.folder) as app, app.app_context():
        tables = outbox.outboxes().values()
        return sum(
            read_session().scalar(select(func.count()).select_from(one).where(one.delivered_at.is_(None))) or 0
            for one in tables
        )


def form_of(shop: LiveShop, browser: requests.Session, path: str, **fields: str) -> int:
    """Send a form of a page with its CSRF token."""
    page = browser.get(f"{shop.origin}{path}", timeout=60)
    token = re.search(r'name="csrf_token" value="([^"]*)"', page.text)
    assert token is not None, page.text[:500]
    sent = {"csrf_token": token[1], **fields}
    headers = {"Origin": shop.origin}
    target = path.partition("?")[0]
    return browser.post(f"{shop.origin}{target}", data=sent, headers=headers, timeout=60).status_code


def ask(shop: LiveShop, method: str, path: str, token: str = "", **rest: object) -> requests.Response:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return requests.request(method, f"{shop.origin}{path}", headers=headers, timeout=60, **rest)  # type: ignore[arg-type]


def attack(shop: LiveShop) -> Counter[str]:
    """Everything that posts mail, as often as the case of B3 and more.

    :return: answers, by request and status
    """
    answers: Counter[str] = Counter()
    with machine_time(), shop_at(shop.database_url, shop.folder) as app, app.app_context():
        mug = make_product(stock=500, price=100)
        sold_out = [make_product(stock=0) for _ in range(14)]
    body = {"email": VICTIM, "password": PASSWORD}
    account = ask(shop, "POST", "/auth/register", json=body).json()
    token, user = account["token"], account["id"]
    for number in range(100):
        sent = ask(shop, "PUT", f"/users/{user}/profile", token, json={"phone": f"+9198765{number:05}"})
        answers[f"profile {sent.status_code}"] += 1
    for number in range(40):
        sent = ask(shop, "POST", "/api/orders/", token, json=order_body((mug, number + 1), id=f"ORD-{number}"))
        answers[f"order {sent.status_code}"] += 1
        if sent.status_code == 200:
            cancelled = ask(shop, "DELETE", f"/api/orders/{sent.json()['id']}", token)
            answers[f"cancel {cancelled.status_code}"] += 1
    for number in range(40):
        fields = {"identifier": f"victim+{number}@example.com", "name": "Asha", "password": PASSWORD}
        answers[f"register {form_of(shop, requests.Session(), '/register', **fields)}"] += 1
    for product in sold_out:
        path = f"/wishlist/notices?sku={product.sku}"
        answers[f"alert {form_of(shop, requests.Session(), path, sku=product.sku, email=VICTIM, place='own')}"] += 1
    with machine_time(), shop_at(shop.database_url, shop.folder) as app, app.app_context():
        for product in sold_out:
            receive(Sku(product.sku), 3)
    return answers


def test_a_stranger_gets_no_more_mail_than_the_bound_and_codes_leave_first(tmp_path: Path) -> None:
    """B3: the figures in docs/security.md."""
    with live_shop("sqlite", tmp_path, workers=2, RATELIMIT_ENABLED="1") as shop:
        answers = attack(shop)
        eventually(lambda: waiting(shop) == 0, "the outboxes to be empty", within=300)
        sent = to_victim(shop)
        print(f"\nanswers: {dict(sorted(answers.items()))}\n{len(sent)} e-mails to one address, bound {BOUND}")
        print(Counter(re.sub(r"\d{6}|ORD-\S+", "…", subject) for subject in sent))
        assert 0 < len(sent) <= BOUND
        print(f"a sign-in code behind 1,000 e-mails left after {seconds_for_a_code(shop):.1f} s")
        assert shop.faults() == []


def seconds_for_a_code(shop: LiveShop) -> float:
    """Sign in while a thousand e-mails wait, and wait for the code."""
    with machine_time(), shop_at(shop.database_url, shop.folder) as app, app.app_context():
        admin, order = make_staff(), make_order()
        with transaction("orders") as session:
            for number in range(1000):
                outbox.publish(session, Message, events.ORDER_PACKED, f"copy/{number}", {"order": order.id})
        began = time.monotonic()
        accounts.sign_in(str(admin.email), PASSWORD)
    form_of(shop, requests.Session(), "/password/forgotten", identifier="somebody@example.com")  # wakes the worker
    eventually(lambda: any(to == admin.email for to, _ in mails(shop)), "the admin's code", within=120)
    taken = time.monotonic() - began
    print(f"{sum('packed' in subject for _, subject in mails(shop))} of the 1,000 had left by then")
    return taken
