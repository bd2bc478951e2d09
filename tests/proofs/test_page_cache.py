"""Whole pages from the cache are never wrong: the next request sees whatever changed, in each of two processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import requests

from storefront.catalog import products, reviews
from storefront.catalog.products.admin import CategoryDraft
from storefront.catalog.reviews import ReviewDraft
from storefront.catalog.values import ProductCard
from tests.factories.catalog import make_product
from tests.factories.products import change, priced, record_of, variants
from tests.factories.stock import receive
from tests.proofs.live_shop import LoadShop

pytestmark = pytest.mark.usefixtures("leaves_all_in_order")
ASKED = 6  # each by a connection of its own: both processes answer some of them
CLERK = "clerk@example.com"


@pytest.fixture
def leaves_all_in_order(load_shop: LoadShop) -> Iterator[None]:
    """The shop is shared with other proofs."""
    yield
    load_shop.settle()


def look(shop: LoadShop, path: str, **headers: str) -> requests.Response:
    return requests.get(f"{shop.live.origin}{path}", headers={"Connection": "close", **headers}, timeout=30)


def look_at_kept(shop: LoadShop, path: str, **headers: str) -> requests.Response:
    """The page from the cache; a process whose database was busy a moment ago answers without it."""
    for _ in range(60):
        answer = look(shop, path, **headers)
        if "ETag" in answer.headers:
            return answer
    raise AssertionError("it is not cached")


def looks(shop: LoadShop, path: str) -> set[str]:
    """The page, as visitors without a session get it until both processes have it in their caches, and from these."""
    answers: list[requests.Response] = []
    while not all("ETag" in answer.headers for answer in answers[-ASKED:]) or len(answers) < ASKED:
        answers.append(look(shop, path))
        assert len(answers) < 60, "it is not cached"
    assert {answer.status_code for answer in answers} == {200}
    assert not any("Set-Cookie" in answer.headers for answer in answers)
    return {answer.text for answer in answers}


def page_of(product: ProductCard) -> str:
    return f"/product/{product.id}-{record_of(product.id).draft.slug}"


def raise_price(product: ProductCard) -> None:
    change(product.id, variants=variants(record_of(product.id), only=priced("777.77")))


def rename(product: ProductCard) -> None:
    change(product.id, name="Blue Enamel Mug")


def sell_out(product: ProductCard) -> None:
    receive(product.sku, -10)


def sell_all_but_two(product: ProductCard) -> None:
    receive(product.sku, -8)


def review(product: ProductCard) -> None:
    draft = ReviewDraft(3, "Holds tea", "Every morning.")
    reviews.write_review(product.id, reviews.Author(1, "Asha Rao"), draft, is_verified=False)


def rename_category(product: ProductCard) -> None:
    known = next(each for each in products.admin.list_categories() if each.slug == "home-living")
    draft = CategoryDraft(f"{known.name} too", known.slug, known.description, known.hue, known.position)
    products.admin.change_category(known.id, draft, seen=known.digest, actor=CLERK)
    products.admin.reindex_category(known.id)  # the worker's part, of which this shop's worker was not woken


CHANGES: dict[str, tuple[Callable[[ProductCard], None], str, tuple[str, ...]]] = {
    "a price": (raise_price, "777.77", ("product", "category", "products")),
    "a name": (rename, "Blue Enamel Mug", ("product", "category", "products")),
    "stock": (sell_out, "Sold out", ("product",)),
    "little stock": (sell_all_but_two, "Only 2 left", ("product",)),
    "a review": (review, "Holds tea", ("product",)),
    "a category": (rename_category, "too</a>", ("product", "category", "products", "home")),
}


@pytest.mark.parametrize("name", CHANGES)
def test_the_next_request_of_each_process_shows_a_change(load_shop: LoadShop, name: str) -> None:
    make, shown, places = CHANGES[name]
    product = make_product(name="White Mug")
    paths = {
        "product": page_of(product),
        "category": "/category/home-living?sort=newest",
        "products": "/products?sort=newest",
        "home": "/",
    }
    before = {place: looks(load_shop, paths[place]) for place in places}
    assert all(shown not in page for pages in before.values() for page in pages)
    make(product)
    for place in places:
        assert all(shown in page for page in looks(load_shop, paths[place])), f"{name} on {place}"


def test_a_new_product_and_one_that_is_gone_are_seen_at_once(load_shop: LoadShop) -> None:
    looks(load_shop, "/products?sort=newest")
    product = make_product(name="Copper Kettle")
    assert all("Copper Kettle" in page for page in looks(load_shop, "/products?sort=newest"))
    path = page_of(product)
    looks(load_shop, path)
    products.admin.set_published([product.id], False, actor=CLERK)
    assert all("Copper Kettle" not in page for page in looks(load_shop, "/products?sort=newest"))
    assert {look(load_shop, path).status_code for _ in range(ASKED)} == {404}


def shopper(shop: LoadShop, product: ProductCard) -> requests.Session:
    """A browser with three units in its cart."""
    browser = requests.Session()
    browser.headers["Connection"] = "close"  # both processes answer
    sent = {"sku": product.sku, "quantity": "3", "csrf_token": ""}
    added = browser.post(
        f"{shop.live.origin}/cart/lines", data=sent, headers={"Sec-Fetch-Site": "same-origin"}, timeout=30
    )
    assert added.status_code == 200
    return browser


def test_a_visitor_with_a_session_gets_a_page_of_their_own(load_shop: LoadShop) -> None:
    product = make_product()
    path = page_of(product)
    looks(load_shop, path)
    own = shopper(load_shop, product).get(f"{load_shop.live.origin}{path}", timeout=30)
    assert ">3</span>" in own.text
    assert "ETag" not in own.headers
    assert not any(">3</span>" in page for page in looks(load_shop, path))


@pytest.mark.parametrize("name", [name for name in CHANGES if name != "a category"])  # which stays renamed
def test_the_next_request_by_a_shopper_shows_a_change(load_shop: LoadShop, name: str) -> None:
    make, shown, _ = CHANGES[name]
    product = make_product(name="White Mug")
    path = page_of(product)
    browser = shopper(load_shop, product)

    def see() -> set[bool]:
        pages = [browser.get(f"{load_shop.live.origin}{path}", timeout=30).text for _ in range(2 * ASKED)]
        assert all(">3</span>" in page for page in pages)
        return {shown in page for page in pages}

    assert see() == {False}
    make(product)
    assert see() == {True}


def test_a_page_is_sent_again_only_if_it_changed(load_shop: LoadShop) -> None:
    product = make_product()
    path, etag, statuses = page_of(product), "", [200]
    while statuses[-ASKED:] != [304] * ASKED:  # until both processes have it, and the worker changes nothing on it
        answer = look(load_shop, path, **{"If-None-Match": etag})
        etag = answer.headers.get("ETag", etag)
        statuses.append(answer.status_code)
        assert len(statuses) < 60
    receive(product.sku, -9)
    assert {look(load_shop, path, **{"If-None-Match": etag}).status_code for _ in range(ASKED)} == {200}


@pytest.mark.parametrize("encoding", ["zstd", "br", "gzip", "identity"])
def test_every_form_of_a_page_is_the_same_page(load_shop: LoadShop, encoding: str) -> None:
    looks(load_shop, "/products")
    plain = look_at_kept(load_shop, "/products", **{"Accept-Encoding": "identity"})
    packed = look_at_kept(load_shop, "/products", **{"Accept-Encoding": encoding})
    assert packed.headers.get("Content-Encoding", "identity") == encoding
    assert packed.headers["ETag"] == plain.headers["ETag"]
    if encoding != "zstd":  # requests reads it only with a package of its own
        assert packed.text == plain.text
    head = requests.head(f"{load_shop.live.origin}/products", headers={"Accept-Encoding": encoding}, timeout=30)
    assert head.headers["Content-Length"] == packed.headers["Content-Length"]
    assert head.content == b""
