"""README and the documents name only files that exist."""

from __future__ import annotations

import fnmatch
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
CODE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
FILE = re.compile(r"[\w*][\w./*-]*\.(?:conf|css|html|js|json|mako|md|png|py|service|sh|toml|txt|typ|yaml)")
MODULE = re.compile(r"storefront(?:\.\w+)+")
LOGGERS = {"storefront.requests", "storefront.security_events"}  # dotted names that are no module


@pytest.fixture(scope="module")
def project_files() -> list[str]:
    """Paths from the root, each with a slash before it."""
    tops = [top for top in ROOT.iterdir() if not top.name.startswith(".") and top.name != "instance"]
    return [f"/{path.relative_to(ROOT)}" for top in tops for path in (top, *top.rglob("*"))]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_documents_name_files_that_exist(document: Path, project_files: list[str]) -> None:
    text = document.read_text()
    missing = [link for link in LINK.findall(text) if "://" not in link and not (document.parent / link).exists()]
    for code in CODE.findall(text):
        missing += [name for name in code.split() if _names_no_file(name, project_files)]
    assert not missing


def _names_no_file(name: str, project_files: list[str]) -> bool:
    """Whether a word of code looks like a file, folder or module of the project that is not there.

    A file may be named from the root or by the end of its path: `catalog/models.py`, `test_cart.py`. What begins with
    a slash is an address of the shop, or of the machine it runs on.
    """
    if MODULE.fullmatch(name):
        return name not in LOGGERS and not _is_module(name)
    top_level, _, below = name.partition("/")
    if below and top_level and (ROOT / top_level).is_dir() and re.fullmatch(r"[\w./-]+", below):
        return not (ROOT / name).exists()
    return FILE.fullmatch(name) is not None and not fnmatch.filter(project_files, f"*/{name}")


def _is_module(name: str) -> bool:
    """Whether a dotted name is a module, or something in one."""
    path = ROOT.joinpath(*name.split("."))
    package = path.parent / "__init__.py"
    is_exported = package.is_file() and path.name in re.findall(r"\w+", package.read_text())
    return path.is_dir() or path.with_suffix(".py").is_file() or path.parent.with_suffix(".py").is_file() or is_exported


@pytest.mark.parametrize(
    ("name", "is_missing"),
    [
        ("storefront/core/cache.py", False),
        ("core/cache.py", False),
        ("tests/proofs/", False),
        ("proofs/test_interle*.py", False),
        ("storefront.db.session.transaction", False),
        ("storefront.create_app", False),
        ("/staff/stock", False),
        ("storefront/core/gone.py", True),
        ("gone.py", True),
        ("tests/gone/", True),
        ("proofs/test_gone*.py", True),
        ("storefront.core.gone", True),
        ("storefront.gone", True),
    ],
)
def test_a_name_of_a_file_that_is_gone_is_noticed(name: str, is_missing: bool, project_files: list[str]) -> None:
    assert _names_no_file(name, project_files) is is_missing
