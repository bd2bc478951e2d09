"""The API's documentation: the OpenAPI document and the page."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from storefront.api.openapi import document
from storefront.api.operations import OPERATIONS
from tests.api.client import Api
from tests.page_client import Pages


@pytest.mark.parametrize("path", ["/api/openapi.json", "/api/openapi.json/"])
def test_the_openapi_document_is_served(api: Api, path: str) -> None:
    response = api.get(path)
    assert response.json["openapi"] == "3.1.0"
    assert response.json["servers"] == [{"url": "http://localhost:9090"}]
    assert api.get(path, headers={"If-None-Match": response.headers["ETag"]}).status_code == 304


def test_every_reference_in_the_document_resolves(api: Api) -> None:
    text = api.get("/api/openapi.json").text
    described = api.get("/api/openapi.json").json
    references = set(re.findall(r'"\$ref": ?"#/components/(\w+)/(\w+)"', text))
    assert references
    assert len(re.findall(r'"\$ref"', text)) == len(re.findall(r'"#/components/\w+/\w+"', text))
    for kind, name in references:
        assert name in described["components"][kind]


def test_operation_ids_are_unique(app: Flask) -> None:
    names = [declared.id for declared in OPERATIONS]
    assert len(names) == len(set(names))


def test_every_operation_has_a_summary(app: Flask) -> None:
    for methods in document()["paths"].values():
        for operation in methods.values():
            assert operation["summary"].endswith((".", ")", "?")), operation["operationId"]


def test_the_page_shows_every_operation_with_parameters_and_responses(pages: Pages) -> None:
    page = pages.get("/api/docs")
    shown = {str(box["id"]) for box in page.all("details.endpoint")}
    assert shown == {declared.id for declared in OPERATIONS} | {"health", "issueClientToken"}
    listing = page.one("#listProducts")
    words = " ".join(listing.get_text(" ").split())
    assert words.startswith("GET /api/products All products on sale")
    for part in ("search", "minPrice", "list of Product", "VALIDATION_ERROR", "No authentication required."):
        assert part in words
    assert "Authentication required." in page.one("#createProduct").get_text()


def test_every_link_within_the_page_has_a_target(pages: Pages) -> None:
    page = pages.get("/api/docs")
    links = {str(link["href"]) for link in page.all(".api-docs a")}
    assert "#schema-Product" in links
    for link in links:
        assert page.all(f'[id="{link.removeprefix("#")}"]'), link
