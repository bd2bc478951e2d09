"""A shop of commit 438bf0e, as it was dumped then, opens with the present code after `flask db upgrade`.

`shops/438bf0e/` was made on 30 November 2026 by `make_old_shop.py`; what happened in it is told by `story.py`, and
what it holds stands in its `facts.json`. A migration that renames a table or a column says so in `snapshot.py`.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import DBAPIError

from config import SCHEMAS
from storefront.accounts import service as accounts
from storefront.accounts.values import Account, UserId
from storefront.checkout import service as checkout
from storefront.cli import consistency
from storefront.cli.backup import mariadb_copy
from storefront.db import migrations
from storefront.db.dead_letters import dead_letters_by_schema
from storefront.db.session import db, transaction
from storefront.orders import service as orders
from storefront.orders.values import OrderStatus
from storefront.worker import tasks
from tests.api.client import Api
from tests.conftest import ENGINES, make_databases, rolled_back
from tests.factories.accounts import make_account
from tests.fakes import Clock
from tests.isolated_shop import shop_at
from tests.mailbox import Mailbox
from tests.page_client import Pages
from tests.upgrade import snapshot
from tests.upgrade.snapshot import Snapshot

DUMPS = Path(__file__).parent / "shops" / "438bf0e"
FACTS: dict[str, dict[str, Any]] = json.loads((DUMPS / "facts.json").read_text())
REINDEX = "search reindex"
AUDIT_LOGS = [f"audit log of {where}" for where in ("accounts", "the catalog", "orders")]


@dataclass(frozen=True)
class OldShop:
    """:ivar facts: what was known of it when it was dumped
    :ivar before: what it held when it was loaded
    :ivar after: what it held when it was upgraded, before anybody came in
    """

    app: Flask
    facts: dict[str, Any]
    before: Snapshot
    after: Snapshot

    def account(self, who: str) -> Account:
        return accounts.get_account(UserId(self.facts["accounts"][who]))

    def findings(self) -> list[str]:
        """What the doctor complains of, without its reasons, and without what the worker will do."""
        db.session.rollback()
        findings = [finding for finding in consistency.violations() if REINDEX not in finding]
        return [finding.partition(":")[0] for finding in findings]


def load(engine: str, url: str, folder: Path) -> None:
    """Fill fresh databases with the dump."""
    for packed in (DUMPS / engine).glob("*.gz"):
        (folder / packed.stem).write_bytes(gzip.decompress(packed.read_bytes()))
    if engine == "mariadb":
        urls = {schema: sa.make_url(url.format(schema=schema)) for schema in SCHEMAS}
        mariadb_copy.restore(folder, urls, {schema: f"storefront_{schema}" for schema in SCHEMAS})


@pytest.fixture(scope="module", params=ENGINES)
def upgraded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OldShop]:
    """The shop, loaded and upgraded once for all tests of this file."""
    folder = tmp_path_factory.mktemp("old_shop")
    for url in make_databases(request.param, folder):
        load(request.param, url, folder)
        with shop_at(url, folder) as app, app.app_context():
            before = snapshot.take(db.engines)
            migrations.upgrade()
            after = snapshot.take(db.engines, before)
            yield OldShop(app, FACTS[request.param], before, after)


@pytest.fixture
def shop(upgraded: OldShop, now: Clock) -> Iterator[OldShop]:
    """The shop at the moment it was dumped, for one test."""
    now.at = datetime.fromisoformat(upgraded.facts["made_at"])
    with rolled_back(upgraded.app):
        yield upgraded


def run(schema: str, statement: str) -> None:
    """Change a database by hand."""
    with transaction(schema) as session:
        session.execute(sa.text(statement), bind_arguments={"bind": db.engines[schema]})


@pytest.fixture
def app(shop: OldShop) -> Flask:
    """Where the fixtures of all tests find the shop."""
    return shop.app


@pytest.fixture
def customer(shop: OldShop, pages: Pages) -> Pages:
    """The browser of a customer who signed in with her old password."""
    person = shop.account("customer")
    page = pages.submit(
        pages.get("/login"), "form.sign-in__form", identifier=str(person.email), password=shop.facts["password"]
    )
    assert page.url == "/"
    return pages


@pytest.fixture
def admin(shop: OldShop, pages: Pages) -> Pages:
    pages.sign_in(shop.account("admin"))
    return pages


# ----------------------------------------------------------------------------------------------- what it holds


def test_every_row_is_there(upgraded: OldShop) -> None:
    assert {table: len(rows) for table, rows in upgraded.before.items()} == upgraded.facts["rows"]
    assert {table: len(rows) for table, rows in upgraded.after.items()} == upgraded.facts["rows"]


def test_every_row_is_what_it_was(upgraded: OldShop) -> None:
    assert list(snapshot.losses(upgraded.before, upgraded.after)) == []


def test_a_shopkeeper_finds_the_same_figures(upgraded: OldShop) -> None:
    assert snapshot.figures(upgraded.after) == upgraded.facts["figures"]


def test_the_doctor_finds_nothing_new(shop: OldShop) -> None:
    known = [finding.partition(":")[0] for finding in shop.facts["doctor"]]
    assert shop.findings() == known


def test_the_worker_rewrites_a_search_index_of_older_rules(shop: OldShop, now: Clock) -> None:
    """C6: nobody has to know that the rules changed."""
    assert any(REINDEX in finding for finding in consistency.violations())
    now.at += timedelta(hours=3)  # after the upgrade
    tasks.deliver_outboxes()
    assert not any(REINDEX in finding for finding in consistency.violations())


@pytest.mark.parametrize("statement", ["DELETE FROM {}", "UPDATE {} SET id = id + 1000"])
@pytest.mark.parametrize("table", ["stock movements", "invoices", *AUDIT_LOGS])
def test_the_database_still_refuses_to_rewrite_history(shop: OldShop, table: str, statement: str) -> None:
    schema, _, name = snapshot.place_of(table).partition(".")
    with pytest.raises(DBAPIError, match="never changed"):
        run(schema, statement.format(name))


def test_the_id_of_a_deleted_account_is_nobody_elses(shop: OldShop) -> None:
    assert make_account().id > shop.facts["accounts"]["deleted"]


# --------------------------------------------------------------------------------------------- what people see


def test_a_customer_finds_her_things(shop: OldShop, customer: Pages) -> None:
    person, order = shop.account("customer"), orders.get_order(shop.facts["orders"]["delivered"])
    assert customer.get("/").status == 200
    assert "Holds tea." in customer.get(shop.facts["product"]).words
    wished = {row["product_id"] for row in shop.before["wishlist items"] if row["user_id"] == person.id}
    list_of_wishes = customer.get("/wishlist").words
    assert len(wished) == 3
    assert all(row["name"] in list_of_wishes for row in shop.before["products"] if row["id"] in wished)
    assert "Cart 2" in customer.get("/cart").words
    page = customer.get(f"/orders/{order.id}")
    assert "BD-1234567" in page.words
    assert order.invoice_number in customer.get(f"/orders/{order.id}/invoice").words
    sent_back = shop.facts["orders"]["sent back"]
    assert "CN-2026-" in customer.get(f"/orders/{sent_back}/credit-notes/1").words
    assert customer.client.get(f"/orders/{order.id}/invoice.pdf").mimetype == "application/pdf"


def test_a_program_reads_an_order(shop: OldShop) -> None:
    order = orders.get_order(shop.facts["orders"]["delivered"])
    told = Api(shop.app).with_token(shop.account("customer")).get(f"/api/orders/{order.id}").json
    assert (told["id"], told["status"], told["total"]) == (order.id, "delivered", float(order.grand_total.amount))


def test_staff_find_their_desks_as_they_left_them(shop: OldShop, admin: Pages) -> None:
    assert admin.get("/staff").status == 200
    everything = admin.get("/staff/orders?show=all").words
    assert all(number in everything for number in shop.facts["orders"].values())
    assert "Chipped" in admin.get(f"/staff/orders/{shop.facts['orders']['refunded in part']}").words
    trail = admin.get("/staff/audit-log").words
    assert all(words in trail for words in ("orders@example.com", "Broken in the store", "Advertising"))
    assert "stock.csv" in admin.get("/staff/stock/movements").words
    assert "later.csv" in admin.get("/staff/stock/imports").words
    assert "order-placed" in admin.get("/staff/failed-jobs").words
    assert "Wrong colour" in admin.get("/staff/returns").words
    assert "Buy elsewhere." in admin.get("/staff/reviews").words


# ------------------------------------------------------------------------------------------------- how it goes on


def test_the_worker_ends_what_was_under_way(shop: OldShop, mailbox: Mailbox, now: Clock) -> None:
    now.advance(minutes=30)
    with shop.app.test_request_context(base_url=shop.app.config["PUBLIC_ORIGIN"]):
        tasks.sweep()
        tasks.sweep()
    assert checkout.count_unfinished() == 0
    assert shop.findings() == [finding.partition(":")[0] for finding in shop.facts["doctor"]]
    letters = " ".join(letter.subject for letter in mailbox.post.letters)
    for name in ("its letter failed", "its letter is queued"):
        assert shop.facts["orders"][name] in letters
    assert shop.facts["orders"]["its letter was given up"] not in letters


def test_a_letter_given_up_is_sent_when_it_is_tried_again(shop: OldShop, mailbox: Mailbox) -> None:
    (failed,) = [message for message in dead_letters_by_schema()["orders"].entries() if message.is_parked]
    assert dead_letters_by_schema()["orders"].requeue(failed.id, actor="admin@example.com")
    mailbox.deliver()
    number = shop.facts["orders"]["its letter was given up"]
    assert f"Your order {number}" in [letter.subject for letter in mailbox.post.letters]
    assert shop.findings() == []


def test_an_order_goes_its_way(shop: OldShop, customer: Pages, mailbox: Mailbox) -> None:
    number = shop.facts["orders"]["confirmed"]
    orders.advance(number, OrderStatus.PROCESSING, by="the shop", actor="orders@example.com")
    mailbox.deliver()
    assert f"Your order {number} is being packed" in [letter.subject for letter in mailbox.post.letters]
    assert shop.findings() == [finding.partition(":")[0] for finding in shop.facts["doctor"]]


# ------------------------------------------------------------------------------------------------ down and up


def test_it_goes_back_to_the_old_tables_and_up_again_with_everything(upgraded: OldShop) -> None:
    for schema, revision in upgraded.facts["revisions"].items():
        migrations.downgrade((schema,), revision)
    assert list(snapshot.losses(upgraded.before, snapshot.take(db.engines))) == []
    migrations.upgrade()
    assert list(snapshot.losses(upgraded.before, snapshot.take(db.engines, upgraded.before))) == []


# ---------------------------------------------------------------------------------------------- the proof itself


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ("DELETE FROM order_item WHERE id = 1", "order lines: lost 1"),
        ("UPDATE orders SET shipping_city = '' WHERE id = 1", "orders: lost 1 [\"shipping_city='Pune'\"], new 1"),
        ("INSERT INTO invoice_series VALUES ('2027', 0, '2027-01-01 00:00:00')", "invoice series: lost 0 [], new 1"),
    ],
)
def test_a_loss_is_noticed(shop: OldShop, damage: str, told: str) -> None:
    run("orders", damage)
    (loss,) = snapshot.losses(shop.before, snapshot.take(db.engines, shop.before))
    assert loss.startswith(told)
