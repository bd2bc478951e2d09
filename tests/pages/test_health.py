"""What load balancers and people read of the shop's health."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from config import SCHEMAS
from storefront.db import worker_heartbeat
from tests.isolated_shop import own_shop, shop_at

NOWHERE = "mysql+pymysql://shop@127.0.0.1:1/shop"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=10**12))
    with own_shop("sqlite", tmp_path) as app, app.app_context():
        worker_heartbeat.beat("here:1")
        yield tmp_path


def ready(folder: Path, *unreachable: str) -> tuple[int, Any]:
    urls = {f"{schema.upper()}_DATABASE_URL": NOWHERE for schema in unreachable}
    with shop_at(f"sqlite:///{folder}/{{schema}}.db", folder, **urls) as app:
        client = app.test_client()
        for path in ("/health", "/health/", "/health/live"):
            alive = client.get(path)
            assert (alive.status_code, alive.json) == (200, {"status": "UP"})
        answer = client.get("/health/ready")
        return answer.status_code, answer.json


def test_a_whole_shop_is_up(folder: Path) -> None:
    status, body = ready(folder)
    schemas = dict.fromkeys(SCHEMAS, "UP")
    assert (status, body) == (200, {"status": "UP", "schemas": schemas, "worker": "UP", "disk": "UP"})


def test_a_degraded_shop_stays_in_the_load_balancer_and_names_what_is_missing(folder: Path) -> None:
    status, body = ready(folder, "catalog", "cart")
    assert (status, body["status"]) == (200, "DEGRADED")
    assert {schema for schema, state in body["schemas"].items() if state == "DOWN"} == {"catalog", "cart"}


def test_a_process_that_reaches_no_schema_is_taken_out(folder: Path) -> None:
    status, body = ready(folder, *SCHEMAS)
    assert (status, body["status"], body["worker"]) == (503, "DOWN", "DOWN")
