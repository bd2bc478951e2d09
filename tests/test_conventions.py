"""Conventions that hold for every module, template and page."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from storefront.web import responses
from tests import page_openers
from tests.page_client import Pages
from tests.routes import PAGES

ROOT = Path(__file__).parent.parent
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))


def test_import_contracts_hold() -> None:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


# -------------------------------------------------------------------------------------- templates


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT / "templates")))
def test_a_template_declares_its_context_or_title(template: Path) -> None:
    text = template.read_text()
    if template.name.startswith("_"):
        assert text.startswith("{# "), "a partial begins with a comment on its context"
        assert "{% extends" not in text or template.parent.name == "email"
    else:
        assert text.startswith(("{# ", "{% extends", "<!doctype html>"))
        assert "{% block title %}" in text or "<title>" in text or "{% set heading" in text


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT / "templates")))
def test_a_template_uses_no_unsafe_or_inherited_htmx_feature(template: Path) -> None:
    text = template.read_text()
    for word in ("|tojson", "hx-boost", "hx-on", "hx-vals", "hx-disabled-elt", "autoescape false", ":inherited"):
        assert word not in text


# -------------------------------------------------------------------------------------- pages


@pytest.mark.parametrize("endpoint", PAGES)
def test_every_page_is_a_whole_document_when_opened_directly(pages: Pages, endpoint: str) -> None:
    url = PAGES[endpoint](pages)
    page = pages.get(url.rstrip("/") or "/")  # also checks the rules of every page
    assert page.response.text.lstrip().startswith("<!doctype html>")
    assert page.all("main")


@pytest.mark.parametrize("endpoint", PAGES)
def test_a_page_that_differs_for_htmx_sends_vary(pages: Pages, endpoint: str) -> None:
    url = (PAGES[endpoint](pages)).rstrip("/") or "/"
    page = pages.get(url, htmx=True)
    is_fragment = not page.response.text.lstrip().startswith("<!doctype html>")
    assert is_fragment <= (set(responses.VARY) <= set(page.response.vary))


def test_an_email_is_shown_as_its_bare_html(pages: Pages) -> None:
    response = pages.client.get(f"{page_openers.email_page(pages)}/html")
    assert (response.status_code, response.text.strip()) == (200, "<p>Text</p>")
