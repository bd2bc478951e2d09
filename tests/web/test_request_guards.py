"""Checks of every request: card numbers, host names, HTTPS."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from storefront.core.card_numbers import CardNumberRejected
from storefront.db.session import db, read_session
from storefront.web.request_guards import reject_card_numbers
from storefront.worker import tasks
from tests.forms import PLACES, forms_at
from tests.isolated_shop import THROUGH_PROXY, real_shop_in
from tests.page_client import SAME_ORIGIN, Pages

TYPED = "4242 4242 4242 4242"
NUMBER = TYPED.replace(" ", "")
BOTH_WAYS = pytest.mark.parametrize("htmx", [False, True], ids=["page", "htmx"])


def contains_number(text: str) -> bool:
    return NUMBER in re.sub(r"[\s+-]|%20", "", text)


def places_stored(app: Flask) -> Iterator[str]:
    """Every place of the databases and of the data folder that holds the number."""
    read_session().rollback()
    for schema in db.engines:
        for table in db.metadatas[schema].tables.values():
            for row in read_session().execute(sa.select(table)):
                if contains_number(str(row)):
                    yield f"{schema}.{table.name}: {row}"
    for path in Path(app.config["DATA_DIR"]).rglob("*"):
        if path.is_file() and contains_number(path.read_bytes().decode("latin-1")):
            yield str(path)


# ------------------------------------------------------------------------------------------ card numbers


@pytest.mark.parametrize("place", PLACES)
def test_a_card_number_in_any_field_of_any_form_is_refused_and_stored_nowhere(
    pages: Pages, caplog: pytest.LogCaptureFixture, place: str
) -> None:
    caplog.set_level(logging.DEBUG)
    forms = forms_at(pages, place)
    for form in forms:
        for name in form.names:
            response = form.send(**{name: TYPED})
            assert response.status_code == 422, f"{form.action}: {name}"
            assert "Card numbers are only entered on the page of the payment provider" in response.text
            assert not contains_number(response.text + str(response.headers)), f"{form.action}: {name}"
    with pages.client.session_transaction() as session:
        assert not contains_number(str(dict(session)))
    tasks.deliver_outboxes()  # letters are files in the data folder
    assert not contains_number(caplog.text)
    assert list(places_stored(pages.app)) == []


def test_all_forms_are_covered(pages: Pages) -> None:
    assert sum(len(form.names) for place in PLACES for form in forms_at(Pages(pages.app), place)) > 60


@BOTH_WAYS
@pytest.mark.parametrize(
    "url",
    [
        f"/products?q={NUMBER}",
        "/products?q=4242+4242+4242+4242",
        f"/products?{NUMBER}=1",
        f"/{NUMBER}",
        f"/orders/{NUMBER}",
    ],
)
def test_a_card_number_in_a_url_is_refused_without_repeating_it(pages: Pages, url: str, htmx: bool) -> None:
    page = pages.get(url, htmx=htmx, status=422)
    assert "Do not enter card numbers" in page.words
    assert bool(page.all("h1")) is not htmx
    assert page.response.headers.get("HX-Retarget") == ("#notices" if htmx else None)
    assert not contains_number(page.response.text)


def test_a_upi_id_that_is_a_card_number_is_refused(pages: Pages) -> None:
    (form,) = [form for form in forms_at(pages, "checkout.payment") if "upi_id" in form.names]
    assert form.send(option="upi", upi_id=f"{NUMBER}@bank").status_code == 422
    assert form.send(option="upi", upi_id="9876543210@bank").status_code == 303


def test_a_card_number_in_a_file_name_is_refused(pages: Pages) -> None:
    data = {"file": (io.BytesIO(b"x"), f"{NUMBER}.png")}
    assert pages.client.post("/track", data=data, headers=SAME_ORIGIN).status_code == 422


@pytest.mark.parametrize(
    "sent",
    [
        {"note": TYPED},
        {"items": [{"deep": [{"deeper": NUMBER}]}]},
        {NUMBER: True},
        [int(NUMBER)],
        float(NUMBER),
        TYPED,
        {"paymentMethod": {"cardHolder": TYPED}},
    ],
)
@pytest.mark.parametrize("path", ["/auth/login", "/users/1/addresses", "/cart/1/items", "/checkout", "/api/orders"])
def test_json_with_a_card_number_is_refused_in_json(pages: Pages, path: str, sent: object) -> None:
    response = pages.client.post(path, json=sent, headers=SAME_ORIGIN)
    assert (response.status_code, response.json["error"]["code"]) == (422, "VALIDATION_ERROR")
    assert not contains_number(response.text)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ('{"a": "\\u0034242424242424242"}', "application/json"),
        (f'{{"a": "{NUMBER}", "a": 1}}', "application/json"),
        ("[" * 60 + f'"{NUMBER}"' + "]" * 60, "application/json"),
        ("[" * 5000 + f'"{NUMBER}"' + "]" * 5000, "text/plain"),
        (f'{{"a": "{NUMBER}"', "application/json"),
        (f'{{"a": "{NUMBER}"}}'.encode("utf-16"), "application/json"),
        (NUMBER, "text/plain"),
        (NUMBER, ""),
    ],
    ids=["escaped", "twice", "deep", "deeper", "broken", "utf-16", "text", "unnamed"],
)
def test_a_card_number_is_found_however_json_is_written(pages: Pages, body: Any, kind: str) -> None:
    response = pages.client.post("/auth/login", data=body, headers={**SAME_ORIGIN, "Content-Type": kind})
    assert response.status_code == 422


@pytest.mark.parametrize("path", [f"/api/{NUMBER}", f"/users/1/{NUMBER}", "/api/orders/4242.4242.4242.4242"])
def test_a_card_number_in_a_path_of_the_api_is_not_echoed(pages: Pages, path: str) -> None:
    """B7: the error object names the path."""
    response = pages.client.get(path)
    assert response.status_code == 422
    assert "[card number]" in response.json["path"]
    assert not contains_number(response.text.replace(".", ""))


def test_a_card_number_as_idempotency_key_is_refused(pages: Pages) -> None:
    """B7: it would be stored with the order."""
    response = pages.client.post("/api/orders", json={}, headers={**SAME_ORIGIN, "Idempotency-Key": TYPED})
    assert response.status_code == 422


def test_the_way_back_after_a_sign_in_has_no_card_number(pages: Pages) -> None:
    """B7: an upload is refused before its form is read."""
    shown = {"Referer": f"http://localhost/products?q={NUMBER}"}
    response = pages.client.post(
        "/account/avatar", data={"picture": (io.BytesIO(b"x"), "a.png")}, headers=SAME_ORIGIN | shown
    )
    assert response.status_code == 303
    assert not contains_number(response.headers["Location"])


@pytest.mark.parametrize("path", ["/api/orders", "/api/orders/"])
def test_the_angular_clients_order_may_contain_one_in_its_own_field_only(app: Flask, path: str) -> None:
    def bring(**order: object) -> None:
        with app.test_request_context(path, method="POST", json=order):
            reject_card_numbers()

    bring(paymentMethod={"type": "card", "cardNumber": TYPED})
    for order in ({"paymentMethod": {"cardHolder": TYPED}}, {"cardNumber": TYPED}, {"x": {"paymentMethod": TYPED}}):
        with pytest.raises(CardNumberRejected):
            bring(**order)


@pytest.mark.parametrize("path", ["/api/orders/7", "/users/1/payments", "/checkout"])
def test_other_paths_refuse_one_in_that_field(app: Flask, path: str) -> None:
    body = {"paymentMethod": {"cardNumber": TYPED}}
    with app.test_request_context(path, method="POST", json=body), pytest.raises(CardNumberRejected):
        reject_card_numbers()


@pytest.mark.parametrize(
    "sent",
    [
        {"token": "card_1705314600000_4242"},
        {"id": "ORD-1705314600000", "phone": "+4917612345674", "sku": "4000000000006"},
        {"total": 134999.82, "numbers": [1705314600000, 1705314600001, 4242, 4242, 4242, 4242]},
    ],
)
def test_ordinary_requests_of_the_angular_client_pass(app: Flask, sent: object) -> None:
    with app.test_request_context("/users/1/payments", method="POST", json=sent):
        reject_card_numbers()


def test_a_barcode_may_be_searched_for(pages: Pages) -> None:
    assert pages.client.get("/products?q=4000000000006").status_code == 200


# ----------------------------------------------------------------------------------------- whose name


@pytest.fixture(scope="module")
def real_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with real_shop_in(tmp_path_factory.mktemp("real")) as app:
        yield app


@pytest.mark.parametrize("url", ["/", "/cart", "/no-such-page", "/product/6-wrong-name", "/products/", "/api/products"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "shop.example.evil.example"},
        {"Host": "evil.example:443"},
        {"Host": "shop.example", "X-Forwarded-Host": "evil.example"},
        {"Host": "evil.example/?"},
    ],
)
def test_production_refuses_other_host_names(real_shop: Flask, url: str, headers: dict[str, str]) -> None:
    response = real_shop.test_client().get(url, headers={**THROUGH_PROXY, **headers})
    assert response.status_code == 400
    assert "evil" not in response.text + str(response.headers)


@pytest.mark.parametrize("host", ["shop.example", "shop.example:443", "SHOP.example"])
def test_production_answers_to_its_own_host_name(real_shop: Flask, host: str) -> None:
    response = real_shop.test_client().get("/", headers={**THROUGH_PROXY, "Host": host})
    assert response.status_code == 200


@pytest.mark.parametrize("url", ["/health", "/health/ready"])
def test_health_checks_answer_under_any_host_name(real_shop: Flask, url: str) -> None:
    assert real_shop.test_client().get(url, headers={"Host": "10.0.0.7:9090"}).status_code == 200


def test_plain_http_is_redirected_to_https(real_shop: Flask) -> None:
    client = real_shop.test_client()
    by_http = {"Host": "shop.example", "X-Forwarded-Proto": "http"}
    response = client.get("/products?q=tea+pot&page=2", headers=by_http)
    assert response.status_code == 308
    assert response.headers["Location"] == "https://shop.example/products?q=tea+pot&page=2"
    odd = client.get("/", headers=by_http, environ_overrides={"PATH_INFO": "//evil.example/\r\na%b"})
    assert odd.headers["Location"] == "https://shop.example/evil.example/%0D%0Aa%25b"
    assert client.get("/api/products", headers=by_http).status_code == 200  # a program should be mended, not led
    assert client.get("/health", headers=by_http).status_code == 200


def test_without_x_forwarded_proto_there_is_no_redirect(real_shop: Flask) -> None:
    assert real_shop.test_client().get("/", headers={"Host": "shop.example"}).status_code == 200
