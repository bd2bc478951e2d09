"""`flask images`, and its old names."""

from __future__ import annotations

import pytest
from flask import Flask

NEW_NAMES = [(["images", "migrate", "database", "database"], 1), (["images", "regenerate"], 0)]
OLD_NAMES = [
    (["pictures", "move", "database", "database"], 1, "images migrate"),
    (["pictures", "renew"], 0, "images regenerate"),
]


@pytest.mark.parametrize(("command", "exit_code"), NEW_NAMES)
def test_the_commands_run_without_a_warning(app: Flask, command: list[str], exit_code: int) -> None:
    done = app.test_cli_runner().invoke(args=command)
    assert (done.exit_code, "deprecated" in done.stderr) == (exit_code, False)


@pytest.mark.parametrize(("command", "exit_code", "replacement"), OLD_NAMES)
def test_the_old_names_still_work_and_name_the_new_ones(
    app: Flask, command: list[str], exit_code: int, replacement: str
) -> None:
    done = app.test_cli_runner().invoke(args=command)
    assert (done.exit_code, f"is deprecated. Use “{replacement}” instead." in done.stderr) == (exit_code, True)


def test_the_help_lists_the_new_names_only(app: Flask) -> None:
    listed = app.test_cli_runner().invoke(args=["--help"]).output
    assert all(f"\n  {name} " in listed for name in ("images", "preflight"))
    assert not any(f"\n  {name} " in listed for name in ("pictures", "check"))
