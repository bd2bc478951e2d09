"""The files that server processes share for metrics."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

DEPLOY = Path(__file__).parents[2] / "deploy"

# A server process: it counts, and ends.
COUNTING = """
from prometheus_client import Counter, Gauge, Histogram
Counter("orders", "", ("way",)).labels("page").inc({count})
Histogram("seconds", "", buckets=(1,)).observe({count})
Gauge("open", "", multiprocess_mode="livesum").set(1)
import os; print(os.getpid())
"""
READING = """
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
registry = CollectorRegistry()
MultiProcessCollector(registry)
print(generate_latest(registry).decode())
"""


@pytest.fixture
def hooks() -> ModuleType:
    spec = importlib.util.spec_from_file_location("gunicorn_metrics", DEPLOY / "gunicorn_metrics.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(program: str, folder: Path) -> str:
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(folder)}
    return subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    ).stdout


def test_what_processes_counted_is_kept_in_one_file_when_they_end(
    hooks: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    for count in (1, 2, 4):
        pid = int(run(COUNTING.format(count=count), tmp_path))
        hooks.child_exit(None, SimpleNamespace(pid=pid))
    hooks.child_exit(None, SimpleNamespace(pid=1))  # one that counted nothing
    assert sorted(path.name for path in tmp_path.iterdir()) == ["counter_0.db", "histogram_0.db"]
    lines = run(READING, tmp_path).splitlines()
    assert 'orders_total{way="page"} 7.0' in lines
    assert {'seconds_bucket{le="1.0"} 1.0', "seconds_count 3.0", "seconds_sum 7.0"} <= set(lines)
    assert not any(line.startswith("open ") for line in lines)


def test_without_a_setting_nothing_is_shared_and_no_port_opened(
    hooks: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("METRICS_PORT", "METRICS_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "/of/somebody/else")
    server = SimpleNamespace()
    hooks.on_starting(server)
    assert vars(server) == {}
    assert "PROMETHEUS_MULTIPROC_DIR" not in os.environ


def test_a_port_that_is_taken_ends_the_start_with_its_setting(
    hooks: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with hooks._listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setenv("METRICS_PORT", str(port))
        monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "")
        server = SimpleNamespace()
        with pytest.raises(SystemExit) as end:
            hooks.on_starting(server)
    assert vars(server) == {}
    assert end.value.code == 3
    assert f"METRICS_PORT: cannot listen on 127.0.0.1 port {port}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("environment", "is_json"),
    [
        ({}, False),
        ({"STOREFRONT_ENV": "production"}, True),
        ({"STOREFRONT_ENV": "production", "LOG_FORMAT": "text"}, False),
        ({"LOG_FORMAT": "json"}, True),
    ],
)
def test_gunicorn_writes_its_log_as_the_shop_does(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], is_json: bool
) -> None:
    spec = importlib.util.spec_from_file_location("gunicorn_logging", DEPLOY / "gunicorn_logging.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name in ("STOREFRONT_ENV", "LOG_FORMAT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert module.writes_json() is is_json
