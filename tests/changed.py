"""Which tests a change touches: those beside it, and those that import what was changed.

It is a first look, for the minutes between two edits: what a change touches from afar is found by the whole run.
"""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
EVERYTHING = ("tests",)
# A change of these may touch any test.
FOUNDATIONS = (
    "config.py",
    "pyproject.toml",
    "requirements",
    "tests/conftest.py",
    "tests/fixtures/",
    "tests/run.py",
    "migrations/",
)
LOOKS = ("templates/", "static/")
DEPLOYMENT = ("deploy/", "Dockerfile", ".dockerignore")
HOUSE_RULES = "tests/test_conventions.py"  # opens every page


def changed_since(revision: str) -> list[str]:
    """Paths that differ from a revision, and those that git does not know yet."""
    listed = _git("diff", "--name-only", revision), _git("ls-files", "--others", "--exclude-standard")
    return sorted({path for paths in listed for path in paths})


def _git(*arguments: str) -> list[str]:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def touched_by(paths: list[str]) -> list[str]:
    """Files and folders of tests to run after a change of these paths."""
    if any(path.startswith(FOUNDATIONS) for path in paths):
        return list(EVERYTHING)
    found = {test for path in paths for test in _touched(path)}
    return sorted(test for test in found if (ROOT / test).exists())


def _touched(path: str) -> Iterator[str]:
    file = Path(path)
    if path.startswith(LOOKS):
        yield HOUSE_RULES
        yield from (f"tests/{file.parts[1]}", f"tests/pages/{file.parts[1]}")
    elif path.startswith(DEPLOYMENT):
        yield from ("tests/deploy", "tests/web/test_deploy.py")
    elif file.name == "conftest.py":
        yield str(file.parent)
    elif file.suffix == ".py" and file.parts[0] == "storefront":
        yield from _beside(file)
        yield from (test for test in _importers_of(_name_of(file)) if _is_test(test))
    elif file.suffix == ".py" and file.parts[0] == "tests":
        yield from ([path] if _is_test(path) else _users_of(_name_of(file)))


def _is_test(path: str) -> bool:
    return Path(path).name.startswith("test_")


def _name_of(file: Path) -> str:
    return ".".join(file.with_suffix("").parts).removesuffix(".__init__")


def _beside(file: Path) -> Iterator[str]:
    """The tests that mirror a module, and the folder that mirrors its package."""
    mirror = Path("tests", *file.parts[1:-1])
    yield str(mirror / f"test_{file.name}")
    if mirror != Path("tests"):
        yield str(mirror)


def _importers_of(module: str) -> Iterator[str]:
    """Files of the tests that import a module."""
    return (path for path, imported in _imports().items() if module in imported)


def _users_of(helper: str) -> Iterator[str]:
    """Test files that import a helper of the tests, or another helper that does."""
    waiting, seen = [helper], {helper, "tests.conftest"}
    while waiting:
        for path in _importers_of(waiting.pop()):
            if _is_test(path):
                yield path
            elif (name := _name_of(Path(path))) not in seen:
                seen.add(name)
                waiting.append(name)


@cache
def _imports() -> dict[str, set[str]]:
    """What each file of the tests imports, by its path."""
    files = sorted((ROOT / "tests").rglob("*.py"))
    return {str(file.relative_to(ROOT)): set(_imported_by(ast.parse(file.read_text()))) for file in files}


def _imported_by(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
