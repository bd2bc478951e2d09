"""What deploy/ has for Prometheus and Grafana: rules that work, names that exist, runbook entries for all."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from storefront.core import metrics
from storefront.db import worker_heartbeat
from storefront.web.shop_collector import ShopCollector
from tests.isolated_shop import own_shop

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"
RULES = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())
ALERTS: list[dict[str, Any]] = [rule for group in RULES["groups"] for rule in group["rules"]]
DASHBOARD = json.loads((ROOT / "deploy" / "grafana" / "storefront.json").read_text())
METRIC = re.compile(r"\bstorefront_\w+")
NOT_WITH_SQLITE_ALONE = {"storefront_redis_up", "storefront_replica_lag_seconds"}


def promtool(*arguments: str) -> None:
    if shutil.which("promtool") is None:
        pytest.skip("no promtool: apt-get install prometheus")
    done = subprocess.run(["promtool", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_rules_are_valid() -> None:
    promtool("check", "rules", "deploy/prometheus/alerts.yml")


def test_the_scrape_configuration_is_valid() -> None:
    promtool("check", "config", "deploy/prometheus/prometheus.yml")


def test_each_alert_fires_when_it_should_and_not_otherwise() -> None:
    promtool("test", "rules", "tests/deploy/alert_rules.yml")


def test_the_rule_tests_have_a_case_for_every_alert() -> None:
    cases = (ROOT / "tests" / "deploy" / "alert_rules.yml").read_text()
    assert [alert["alert"] for alert in ALERTS if f'alertname="{alert["alert"]}"' not in cases] == []


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names of all samples that the shop exports."""
    with own_shop("sqlite", tmp_path_factory.mktemp("shop")) as app, app.app_context():
        worker_heartbeat.beat("here:1")
        read_now = {family.name for family in ShopCollector(app).collect()} | NOT_WITH_SQLITE_ALONE
    endings = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_count", "_sum")}
    counted = {family.name + end for family in metrics.REGISTRY.collect() for end in endings[family.type]}
    return counted | read_now


def test_alerts_name_metrics_that_the_shop_exports(exported: set[str]) -> None:
    named = {name for alert in ALERTS for name in METRIC.findall(alert["expr"])}
    assert len(named) > 10
    assert named - exported == set()


def test_the_dashboard_names_metrics_that_the_shop_exports(exported: set[str]) -> None:
    named = {
        name for panel in DASHBOARD["panels"] for target in panel["targets"] for name in METRIC.findall(target["expr"])
    }
    assert len(named) > 20
    assert named - exported == set()


def test_every_metric_is_documented(exported: set[str]) -> None:
    documented = set(METRIC.findall((ROOT / "docs" / "monitoring.md").read_text()))
    bases = {re.sub(r"_(bucket|count|sum)$", "", name) for name in exported}
    assert documented == bases


def test_every_alert_has_a_runbook_entry_and_every_entry_its_alert() -> None:
    entries = re.findall(r"^## (Storefront\w+)$", (ROOT / "docs" / "runbook.md").read_text(), re.MULTILINE)
    assert entries == [alert["alert"] for alert in ALERTS]
    for alert in ALERTS:
        assert alert["annotations"]["runbook"] == f"docs/runbook.md#{alert['alert'].lower()}"
        assert alert["labels"]["severity"] in {"critical", "warning"}
