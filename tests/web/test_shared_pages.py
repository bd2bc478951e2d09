"""Pages that are kept for all visitors and filled in: each visitor gets what would have been rendered for them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from storefront.accounts.values import Role
from storefront.catalog import reviews
from storefront.catalog.reviews import Author, ReviewDraft
from storefront.catalog.service import get_product, version_reader
from storefront.catalog.values import ProductCard
from storefront.web import page_store
from storefront.web import session as web_session
from storefront.web.page_store import MAX_KEY_LENGTH
from storefront.web.shared_pages import SharedPages
from tests.factories.accounts import make_account
from tests.factories.catalog import make_product
from tests.factories.products import change, priced, record_of, variants
from tests.fakes import Clock
from tests.isolated_shop import shop_at
from tests.page_client import Pages, counted_selects

TOKEN = re.compile(r'(?<=name="csrf_token" value=")[^"]+')


class Goods(NamedTuple):
    """What the shop sells besides the demo goods."""

    lamp: ProductCard
    vase: ProductCard


@pytest.fixture
def shop(folder: Path) -> Iterator[Flask]:
    with shop_at(f"sqlite:///{folder}/{{schema}}.db", folder, CACHE_ENABLED="1") as app, app.app_context():
        yield app


@pytest.fixture
def goods(shop: Flask) -> Goods:
    """A reviewed product, and one that is sold out."""
    lamp, vase = make_product(name="Brass Lamp"), make_product(name="Tall Vase", stock=0)
    for number in (1, 2):
        draft = ReviewDraft(4 + number % 2, "Bright", "It shines.")
        reviews.write_review(lamp.id, Author(900_000 + number, "Ravi Iyer"), draft, is_verified=False)
    return Goods(lamp, vase)


def path_of(product: ProductCard) -> str:
    return f"/product/{product.id}-{record_of(product.id).draft.slug}"


def get(visitor: Pages, path: str, times: int = 1) -> TestResponse:
    """Ask as often as that.

    :return: the last answer
    """
    return [visitor._send("GET", path) for _ in range(times)][-1]


def kept(visitor: Pages) -> SharedPages:
    pages: SharedPages = visitor.app.extensions["shared_pages"]
    return pages


def get_unshared(visitor: Pages, path: str) -> str:
    """The page as it is rendered for one visitor alone."""
    pages = visitor.app.extensions.pop("shared_pages")
    text = get(visitor, path).text
    visitor.app.extensions["shared_pages"] = pages
    return TOKEN.sub("a token", text)


# ------------------------------------------------------------------------------------------- visitors


def newcomer(visitor: Pages, goods: Goods) -> None:
    """Has nothing."""


def with_cart(visitor: Pages, goods: Goods) -> None:
    visitor.submit(visitor.get(path_of(goods.lamp)), "#add-line", quantity="3")


def with_wishes(visitor: Pages, goods: Goods) -> None:
    for product in goods:
        visitor.submit(visitor.get(path_of(product)), f"#heart-page-{product.id}", htmx=True)


def who_looked_around(visitor: Pages, goods: Goods) -> None:
    with visitor.client.session_transaction() as session:
        session[web_session.RECENTLY_VIEWED] = [goods.vase.id, goods.lamp.id, 999_999_999]


def signed_in(visitor: Pages, goods: Goods) -> None:
    visitor.sign_in(make_account(name="Asha <Rao>"))


def unverified(visitor: Pages, goods: Goods) -> None:
    visitor.sign_in(make_account(verified=False))


def reviewer(visitor: Pages, goods: Goods) -> None:
    account = make_account(name="Meera Shah")
    draft = ReviewDraft(2, "Dim & dull", "I wrote this myself.")
    reviews.write_review(goods.lamp.id, Author(account.id, account.name), draft, is_verified=True)
    visitor.sign_in(account)


def voter(visitor: Pages, goods: Goods) -> None:
    account = make_account()
    reviews.vote(get_product(goods.lamp.id).reviews[0].id, account.id)
    visitor.sign_in(account)


def customer_with_everything(visitor: Pages, goods: Goods) -> None:
    signed_in(visitor, goods)
    with_cart(visitor, goods)
    with_wishes(visitor, goods)


def staff(visitor: Pages, goods: Goods) -> None:
    visitor.sign_in(make_account(role=Role.ADMIN))


Visitor = Callable[[Pages, Goods], None]
VISITORS: list[Visitor] = [
    newcomer,
    with_cart,
    with_wishes,
    who_looked_around,
    signed_in,
    unverified,
    reviewer,
    voter,
    customer_with_everything,
    staff,
]


@pytest.mark.parametrize("become", VISITORS, ids=lambda visitor: visitor.__name__)
def test_every_visitor_gets_the_page_that_would_have_been_rendered_for_them(
    shop: Flask, goods: Goods, become: Visitor
) -> None:
    visitor, others = Pages(shop), Pages(shop)
    become(visitor, goods)
    paths = ["/", "/category/home-living?sort=newest", "/products?q=lamp", path_of(goods.lamp), path_of(goods.vase)]
    paths.append(f"{path_of(goods.lamp)}?stars=5")
    if become is newcomer:
        paths = [path for path in paths if "/product/" not in path]  # the page cache before Flask has their products
    others.sign_in(make_account(name="Somebody Else"))
    for path in paths:
        get(others, path, 3)  # who makes the page that is kept
        answers = [get(visitor, path) for _ in range(2)]
        alone = get_unshared(visitor, path)
        assert [answer.status_code for answer in answers] == [200, 200]
        assert {TOKEN.sub("a token", answer.text) for answer in answers} == {alone}
        assert "Somebody" not in alone


def test_a_notice_is_shown_once(shop: Flask) -> None:
    visitor = Pages(shop)
    visitor.begin_session()
    get(visitor, "/", 3)
    with visitor.client.session_transaction() as session:
        session["_flashes"] = [("notice", "It worked")]
    assert "It worked" in get(visitor, "/").text
    assert "It worked" not in get(visitor, "/").text


def test_each_visitor_has_a_token_that_counts(shop: Flask, goods: Goods) -> None:
    first, second = Pages(shop), Pages(shop)
    tokens = []
    for visitor in (first, second):
        visitor.begin_session()
        get(visitor, path_of(goods.lamp), 3)
        page = visitor.get(path_of(goods.lamp))
        tokens.append({str(field["value"]) for field in page.all("input[name=csrf_token]")})
        visitor.client.post("/cart/lines", data={"csrf_token": min(tokens[-1]), "sku": goods.lamp.sku, "quantity": "1"})
        assert visitor.get("/").one("#cart-badge .badge").text == "1"
    assert all(len(of_one) == 1 and "" not in of_one for of_one in tokens)
    assert tokens[0] != tokens[1]


# ------------------------------------------------------------------------------------------- what is kept


@pytest.fixture
def rendered(shop: Flask, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses of the pages that were made to be kept."""
    made: list[str] = []
    make = SharedPages._make

    def note(*arguments: object) -> object:
        made.append("made")
        return make(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(SharedPages, "_make", note)
    return made


@pytest.fixture
def visitor(shop: Flask) -> Pages:
    visitor = Pages(shop)
    visitor.begin_session()
    return visitor


@pytest.mark.parametrize("path", ["/", "/products", "/category/books"])
def test_a_page_is_made_for_all_when_it_is_asked_for_again(shop: Flask, rendered: list[str], path: str) -> None:
    for number in range(4):
        visitor = Pages(shop)
        visitor.begin_session()
        get(visitor, path)
        assert len(rendered) == min(number, 1)


def test_it_takes_no_select_but_for_the_visitor(visitor: Pages, goods: Goods) -> None:
    with_cart(visitor, goods)
    for path in ("/category/books", path_of(goods.lamp)):
        get(visitor, path, 3)
        with counted_selects() as selects:
            get(visitor, path)
        assert selects["selects"] == 1  # the units in the cart


def test_the_next_request_after_a_change_shows_it(visitor: Pages, goods: Goods) -> None:
    path = path_of(goods.lamp)
    get(visitor, path, 3)
    change(goods.lamp.id, variants=variants(record_of(goods.lamp.id), only=priced("777.77")))
    assert "777.77" in get(visitor, path).text


def test_the_next_day_and_a_minute_later_it_is_made_anew(
    visitor: Pages, goods: Goods, rendered: list[str], now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = path_of(goods.lamp)
    get(visitor, path, 3)
    now.advance(days=1)
    get(visitor, path, 2)
    assert len(rendered) == 2
    monkeypatch.setattr(page_store, "MAX_AGE_SECONDS", 0)
    get(visitor, path)
    assert len(rendered) == 3


@pytest.mark.parametrize(
    ("path", "status"), [("/product/999999999-none", 404), ("/category/none", 404), ("/products?category=books", 302)]
)
def test_what_is_no_page_is_not_kept(visitor: Pages, path: str, status: int) -> None:
    assert {get(visitor, path).status_code for _ in range(4)} == {status}
    assert kept(visitor)._pages.size == 0


def test_an_outdated_address_leads_on(visitor: Pages, goods: Goods) -> None:
    for _ in range(3):
        answer = get(visitor, f"/product/{goods.lamp.id}-old-name?sku={goods.lamp.sku}")
        assert answer.status_code == 301
        assert answer.headers["Location"] == f"{path_of(goods.lamp)}?sku={goods.lamp.sku}"


def test_an_endless_address_is_not_kept(visitor: Pages) -> None:
    get(visitor, "/products?q=" + "lamp+" * (MAX_KEY_LENGTH // 5), 3)
    assert kept(visitor)._pages.size == 0


def test_without_a_version_pages_are_rendered_for_each(
    visitor: Pages, rendered: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(version_reader(), "read", lambda: None)
    assert get(visitor, "/products", 3).status_code == 200
    assert rendered == []


def test_memory_is_bounded(visitor: Pages) -> None:
    kept(visitor)._pages._kept._max_size = 300_000
    for number in range(1, 20):
        get(visitor, f"/products?sort=newest&page={number}", 2)
    assert 0 < kept(visitor)._pages.size <= 300_000


def test_another_host_is_another_page(visitor: Pages, rendered: list[str]) -> None:
    get(visitor, "/products", 3)
    for _ in range(3):
        visitor.client.get("/products", headers={"Host": "127.0.0.1", "Cookie": "storefront=none"})
    assert len(rendered) == 2
