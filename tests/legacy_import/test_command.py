"""The command: its sources, its report, and that it can be interrupted and repeated."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from flask import Flask

from storefront.accounts import service as accounts
from storefront.accounts.values import UserId
from storefront.cart import service as cart
from storefront.catalog import products
from storefront.catalog import service as catalog
from storefront.checkout import service as checkout
from storefront.cli import consistency
from storefront.orders import service as orders
from storefront.payments import service as payments
from tests.legacy_import import old_shop as tables
from tests.legacy_import.conftest import Import
from tests.legacy_import.old_shop import OldShop
from tests.legacy_import.test_products import png

ASHA = UserId(7001)
LAMP = 5001


@pytest.fixture
def full(old: OldShop) -> OldShop:
    return filled(old)


def filled(old: OldShop) -> OldShop:
    """One of everything, and some of it unusable."""
    old.user(ASHA, email="asha@example.com")
    old.user(7002, email="nobody", phone="")
    old.address(1, ASHA)
    old.add(tables.METHODS, id=1, user_id=ASHA, provider="CARD", token="Asha|4242|12/2027")
    old.product(LAMP)
    old.add(tables.CATEGORIES, id=1, name="Lamps")
    old.add(tables.MEMBERSHIPS, product_id=LAMP, category_id=1)
    old.add(tables.IMAGES, id=1, product_id=LAMP, image_data=png())
    old.review(1, LAMP, ASHA)
    old.order(1, ASHA, [(LAMP, 1, 1499.0)])
    old.add(tables.WISHES, id=1, user_id=ASHA, product_id=LAMP)
    old.add(tables.CARTS, id=1, user_id=ASHA, updated_at=tables.ORDERED)
    old.add(tables.LINES, id=1, cart_id=1, product_id=LAMP, quantity=1)
    return old


def figures(output: str) -> dict[str, list[int]]:
    """Read, imported, there already and skipped, by kind."""
    rows = (line[:20].strip() for line in output.splitlines())
    lines = (line for line, name in zip(output.splitlines(), rows, strict=True) if name in KINDS and len(line) == 60)
    return {line[:20].strip(): [int(figure) for figure in line[20:].split()] for line in lines}


KINDS = {
    "users", "addresses", "payment methods", "categories", "products", "pictures", "orders", "reviews", "wishlist",
    "cart lines",
}  # fmt: skip


def everything() -> object:
    """What the shop knows of what came."""
    return (
        accounts.get_account(ASHA),
        accounts.addresses_of(ASHA),
        accounts.methods_of(ASHA),
        accounts.items_of(ASHA),
        products.get_full_product(LAMP, reviews=9),
        catalog.holdings(),
        cart.quote(cart.cart_key_of(ASHA)),
        orders.snapshots(),
        payments.snapshots(),
        checkout.states(),
    )


def test_the_groups_can_be_imported_one_after_the_other(full: OldShop, read: Import) -> None:
    """As docs/migration.md does, which switches off one old service after the other."""

    def imported(*groups: str) -> set[str]:
        options = [word for group in groups for word in ("--schema", f"{group}={full.url}")]
        return {kind for kind, (_, new, _, _) in figures(read(*options).output).items() if new}

    assert imported("products") == {"categories", "products", "pictures"}
    assert imported("users") == {"users", "addresses", "payment methods", "wishlist"}
    assert imported("carts", "orders", "payments", "products") == {"orders", "reviews", "cart lines"}
    before = everything()
    assert all(new == 0 for _, new, _, _ in figures(read().output).values())
    assert everything() == before
    assert list(consistency.violations()) == []


def test_everything_is_imported_once_and_a_second_run_changes_nothing(app: Flask, full: OldShop, read: Import) -> None:
    first = figures(read().output)
    assert first == {kind: [2, 1, 0, 1] if kind == "users" else [1, 1, 0, 0] for kind in KINDS}
    known = everything()
    second = figures(read().output)
    assert second == {kind: [2, 0, 1, 1] if kind == "users" else [1, 0, 1, 0] for kind in KINDS}
    assert everything() == known
    assert list(consistency.violations()) == []


def test_skipped_rows_are_written_to_the_report_file(app: Flask, full: OldShop, read: Import, tmp_path: Path) -> None:
    read(full.url, "--report", str(tmp_path / "skipped.csv"))
    with (tmp_path / "skipped.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["what"] == "skipped"]
    reason = "it has no valid e-mail address or phone number"
    assert rows == [{"table": "users", "id": "7002", "what": "skipped", "reason": reason}]


def test_an_interrupted_import_can_be_continued(app: Flask, other: OldShop, read: Import) -> None:
    filled(other)
    for table in ("reviews", "order_item"):
        other.execute(f"ALTER TABLE {table} RENAME TO {table}_later")
    said = read(other.url).output
    assert "No table was found for items of orders" in said
    assert "No table was found for reviews" in said
    for table in ("reviews", "order_item"):
        other.execute(f"ALTER TABLE {table}_later RENAME TO {table}")
    assert figures(read(other.url).output)["reviews"] == [1, 1, 0, 0]
    assert orders.orders_of(ASHA).count == 1
    assert list(consistency.violations()) == []


def test_each_service_may_have_a_database_of_its_own(app: Flask, old: OldShop, other: OldShop, read: Import) -> None:
    for table in ("orders", "order_item", "payments"):
        other.execute(f"DROP TABLE {table}")
    other.user(ASHA)
    other.product(LAMP)
    old.order(1, ASHA, [(LAMP, 1, 1499.0)])
    output = read("--schema", f"users={other.url}", "--schema", f"products={other.url}", old.url).output
    came = figures(output)
    assert came["users"] == came["products"] == came["orders"] == [1, 1, 0, 0]
    assert orders.orders_of(ASHA).count == 1


def test_columns_may_have_the_other_names(app: Flask, other: OldShop, read: Import) -> None:
    for change in (
        "users RENAME COLUMN password_hash TO password",
        "users RENAME COLUMN phone TO phone_number",
        "addresses RENAME COLUMN address_line1 TO line1",
        "addresses RENAME COLUMN zip_code TO postal_code",
    ):
        other.execute(f"ALTER TABLE {change}")
    values = f"7001, 'asha@example.com', '{tables.BCRYPT}', '9876543210'"
    other.execute(f"INSERT INTO users (id, email, password, phone_number) VALUES ({values})")
    columns = "id, user_id, line1, city, state, postal_code"
    other.execute(f"INSERT INTO addresses ({columns}) VALUES (1, 7001, 'a', 'b', 'c', 'd')")
    read(other.url)
    assert accounts.get_account(ASHA).phone == "+919876543210"
    assert accounts.sign_in("asha@example.com", tables.SECRET).id == ASHA
    assert accounts.addresses_of(ASHA)[0].where.postal_code == "d"


def test_datetimes_without_zone_are_in_that_of_the_old_servers(app: Flask, full: OldShop, read: Import) -> None:
    read(full.url, "--time-zone", "Asia/Kolkata")
    assert f"{orders.get_order('ORD-1705314600001').placed_at:%H:%M}" == "05:00"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 2, "give the database of the old system"),
        (["not an address"], 1, "cannot be read: not a database URL"),
        (["sqlite:////nowhere/old.db"], 1, "cannot be read: sqlite:////nowhere/old.db: unable to open"),
        (
            ["mysql+pymysql://root:hidden@127.0.0.1:1/old"],
            1,
            "cannot be read: mysql+pymysql://root:***@127.0.0.1:1/old",
        ),
        (["sqlite://"], 1, "no table of the old system was found there"),
        (["sqlite://", "--schema", "people=sqlite://"], 2, "expected users or products"),
        (["sqlite://", "--time-zone", "Mars/Olympus"], 2, "unknown time zone"),
    ],
)
def test_errors_do_not_contain_the_password(app: Flask, arguments: list[str], code: int, said: str) -> None:
    result = app.test_cli_runner().invoke(args=["import-legacy", *arguments])
    assert (result.exit_code, "hidden" in result.output) == (code, False)
    assert said in " ".join(result.output.split())
