"""The dashboard: figures by role."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from storefront.accounts.values import Role
from storefront.catalog.service import reports
from storefront.orders import service as orders
from storefront.web.filters import money
from tests import demo_shop
from tests.factories.accounts import make_staff
from tests.factories.catalog import make_product
from tests.factories.shopping import make_order
from tests.fakes import Clock
from tests.isolated_shop import own_shop
from tests.page_client import Page, Pages


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Pages]:
    """The pages of a shop without products."""
    with own_shop("sqlite", tmp_path, filled=False) as app, app.app_context():
        demo_shop.make_tables()
        yield Pages(app)


def sign_in(pages: Pages, role: Role) -> Page:
    pages.sign_in(make_staff(role))
    return pages.get("/staff")


def test_an_admin_sees_sales_stock_and_failed_jobs(pages: Pages) -> None:
    mug = make_product(name="Clay Mug", stock=10)
    order = make_order((mug, 2))
    page = sign_in(pages, Role.ADMIN)
    assert "Today so far 1 order" in page.words
    assert "Clay Mug" in page.one(".best-sellers").get_text()
    assert "Stock at selling prices" in page.words
    assert "0 unfinished checkouts" in page.words
    today = " ".join(page.all("#sold-table tbody tr")[0].get_text(" ").split())
    assert today == f"Sun 22 Nov 1 {money(order.grand_total)}"


@pytest.mark.parametrize(
    ("role", "seen", "unseen"),
    [
        (Role.ORDER_STAFF, "Orders and revenue", "Stock at selling prices"),
        (Role.STOCK_STAFF, "Stock at selling prices", "Orders and revenue"),
    ],
)
def test_each_role_sees_its_own_figures(pages: Pages, role: Role, seen: str, unseen: str) -> None:
    page = sign_in(pages, role)
    assert seen in page.words
    assert unseen not in page.words


def first_steps(page: Page) -> list[str]:
    return [" ".join(step.get_text().split()).split(". ")[0] for step in page.all(".first-steps li")]


def test_missing_setup_steps_are_listed_until_done(bare: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    assert first_steps(sign_in(bare, Role.ADMIN)) == [
        "There is nothing to buy yet",
        "Invoices have no seller address yet",
        "Card payments are in test mode: no money is charged",
    ]
    monkeypatch.setitem(bare.app.config, "SHOP_ADDRESS", "1 Mill Lane")
    monkeypatch.setitem(bare.app.config, "PAYMENT_PROVIDER", "none")
    assert first_steps(bare.get("/staff")) == ["There is nothing to buy yet"]


@pytest.mark.parametrize(("role", "steps"), [(Role.STOCK_STAFF, 1), (Role.ORDER_STAFF, 0)])
def test_each_role_sees_the_setup_steps_it_can_take(bare: Pages, role: Role, steps: int) -> None:
    assert len(first_steps(sign_in(bare, role))) == steps


def test_a_shop_with_products_is_asked_for_settings_only(pages: Pages) -> None:
    assert "There is nothing to buy yet" not in first_steps(sign_in(pages, Role.ADMIN))
    assert first_steps(sign_in(pages, Role.STOCK_STAFF)) == []


def test_an_empty_shop_says_so_on_the_home_page(bare: Pages) -> None:
    page = bare.get("/")
    assert "Opening soon" in page.words
    assert not page.all("#departments-title, #loved-title, #footer nav[aria-label^=Departments]")


def test_a_chart_says_in_words_what_it_draws_and_its_table_has_the_numbers(pages: Pages) -> None:
    make_order()
    page = sign_in(pages, Role.ORDER_STAFF)
    drawing = page.one(".chart__drawing[aria-labelledby^=order]")
    assert drawing["role"] == "img"
    said = [page.one(f"#{name}").get_text() for name in str(drawing["aria-labelledby"]).split()]
    assert said == ["Orders by day", "1 order in 30 days; most on Sun 22 Nov: 1 order."]
    assert len(page.all("#sold-table tbody tr")) == 30
    assert len(drawing.select(".chart__bar")) == 1


@pytest.mark.parametrize(("asked", "days"), [("7", 7), ("90", 90), ("5", 30), ("x", 30)])
def test_the_period_is_chosen_by_links(pages: Pages, asked: str, days: int) -> None:
    sign_in(pages, Role.ORDER_STAFF)
    page = pages.get(f"/staff?days={asked}")
    assert len(page.all("#sold-table tbody tr")) == days
    assert page.one(".chips [aria-current]").get_text() == f"{days} days"
    fragment = pages.get(f"/staff?days={asked}", htmx=True)
    assert len(fragment.all("#sold-table tbody tr")) == days


def test_counts_link_to_their_pages(pages: Pages) -> None:
    make_product(stock=0)
    page = sign_in(pages, Role.ADMIN)
    links = {str(link["href"]) for link in page.all("#dashboard a")}
    assert {"/staff/stock?show=out", "/staff/stock?show=low", "/staff/failed-jobs#unfinished"} <= links
    assert len(page.all(".restock-first li")) == 5


def test_a_day_is_one_of_the_shops_time_zone(pages: Pages, now: Clock) -> None:
    make_order()  # at noon in Greenwich, which is 17:30 in the shop
    now.advance(hours=7)  # half past midnight in the shop, the same day in Greenwich
    make_order()
    days = orders.sales(7).days
    assert [(f"{day.day:%d}", day.orders) for day in days[-2:]] == [("22", 1), ("23", 1)]


def test_stock_is_valued_at_selling_prices(pages: Pages) -> None:
    before = reports.stock_worth()
    make_product(price=500, stock=3)
    after = reports.stock_worth()
    assert after.units - before.units == 3
    assert after.worth.minor - before.worth.minor == 1_500_00
