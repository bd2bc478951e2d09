"""Which environment variables mean something to a process of the shop."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"

# Read by libraries.
OF_LIBRARIES = {
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_PROTOCOL",
}


def known_settings() -> set[str]:
    """Every setting that docs/running.md lists: tests/test_config.py compares the list with config.py."""
    table = (ROOT / "docs" / "running.md").read_text().partition("\n## Settings\n")[2]
    rows = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([A-Z][A-Z0-9_]+)`", row)} | OF_LIBRARIES


def settings_in(path: Path) -> dict[str, str]:
    """The settings of an environment file."""
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    return {name: value for name, _, value in (line.partition("=") for line in lines)}


def is_pinned(image: str) -> bool:
    """Whether an image is named with an exact version or digest."""
    return bool(re.search(r"(:v?\d+\.\d+(\.\d+)?[\w.-]*|@sha256:[0-9a-f]{64})$", image))
