"""What the import contracts in `pyproject.toml` cannot say about the packages."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

STOREFRONT = Path(__file__).parent.parent / "storefront"
FACES = {"api", "documents", "pages", "staff", "web"}
OF_A_REQUEST = {"flash", "g", "render_template", "render_template_string", "request", "session"}


def from_flask(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "flask":
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "flask":
            yield node.attr


def test_only_what_answers_requests_knows_the_request() -> None:
    offenders = {
        f"{path.relative_to(STOREFRONT)}: {name}"
        for path in STOREFRONT.rglob("*.py")
        if path.relative_to(STOREFRONT).parts[0] not in FACES
        for name in OF_A_REQUEST.intersection(from_flask(ast.parse(path.read_text())))
    }
    assert offenders == set()


def test_every_module_belongs_to_a_package() -> None:
    assert sorted(path.name for path in STOREFRONT.glob("*.py")) == ["__init__.py", "application.py"]
