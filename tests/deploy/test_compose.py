"""deploy/compose.yaml: valid, and true of the files, settings and routes that it names."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from flask import Flask

from config import MIN_KEY_LENGTH
from tests.deploy.settings import DEPLOY, ROOT, is_pinned, known_settings, settings_in

FILE = DEPLOY / "compose.yaml"
COMPOSE: dict[str, Any] = yaml.safe_load(FILE.read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OUR_IMAGE = "${STOREFRONT_IMAGE:-storefront:local}"
OURS = {name: service for name, service in SERVICES.items() if service["image"] == OUR_IMAGE}
# Made by the operator, from the examples or by openssl.
MADE_BY_THE_OPERATOR = {"compose/certificates"}


def test_it_is_valid_by_the_compose_specification() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(FILE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_invalid_file_is_refused_by_the_schema(tmp_path: Path) -> None:
    broken = tmp_path / "compose.yaml"
    broken.write_text("services: {web: {replicas: 3}}")
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(broken)]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 1


def test_every_part_of_the_shop_is_there() -> None:
    parts = {"nginx", "web", "worker", "migrate", "mariadb", "redis", "mail", "prometheus", "grafana", "jaeger"}
    assert {*parts, "otel-collector"} == set(SERVICES)
    assert (SERVICES["web"]["deploy"]["replicas"], SERVICES["worker"]["deploy"]["replicas"]) == (3, 2)
    assert set(OURS) == {"migrate", "web", "worker"}


@pytest.mark.parametrize("name", SERVICES)
def test_no_service_can_gain_rights_or_write_to_its_image(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["image"] == OUR_IMAGE or is_pinned(service["image"])


@pytest.mark.parametrize("name", SERVICES)
def test_what_a_service_waits_for_exists_and_can_come_true(name: str) -> None:
    for other, how in SERVICES[name].get("depends_on", {}).items():
        waited_for = SERVICES[other]
        if how["condition"] == "service_healthy":
            assert "healthcheck" in waited_for or waited_for["image"] == OUR_IMAGE
        if how["condition"] == "service_completed_successfully":
            assert waited_for["restart"] == "no"


def test_web_and_worker_start_after_the_migration() -> None:
    for name in ("web", "worker"):
        assert SERVICES[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}


@pytest.mark.parametrize("name", SERVICES)
def test_every_file_and_volume_exists(name: str) -> None:
    for volume in SERVICES[name].get("volumes", ()):
        source = volume.partition(":")[0]
        if not source.startswith("."):
            assert source in COMPOSE["volumes"]
        elif source.removeprefix("./") not in MADE_BY_THE_OPERATOR:
            assert (DEPLOY / source).exists(), source
    for file in SERVICES[name].get("env_file", ()):
        assert (DEPLOY / f"{file}.example").is_file(), file
    for network in SERVICES[name].get("networks", ()):
        assert network in COMPOSE["networks"]


def test_secrets_are_in_files_that_git_ignores() -> None:
    written = [str(DEPLOY / file) for service in SERVICES.values() for file in service.get("env_file", ())]
    ignored = subprocess.run(["git", "check-ignore", *written], cwd=ROOT, capture_output=True, text=True, check=False)
    assert set(ignored.stdout.split()) == set(written)
    assert not any(
        "PASSWORD" in key or "SECRET" in key for each in SERVICES.values() for key in each.get("environment", ())
    )


@pytest.mark.parametrize("name", OURS)
def test_every_setting_is_one_that_the_shop_reads(name: str) -> None:
    example = settings_in(DEPLOY / "compose" / "shop.env.example")
    assert not {*OURS[name]["environment"], *example} - known_settings()


def test_the_settings_are_those_of_a_shop_on_several_machines(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As given to the containers, with the blanks of the example filled in, no setting is refused."""
    from config import Config

    settings = settings_in(DEPLOY / "compose" / "shop.env.example") | OURS["web"]["environment"]
    assert settings["SECRET_KEY"] == ""
    for key, value in (settings | {"SECRET_KEY": "k" * MIN_KEY_LENGTH, "STOREFRONT_DATA": str(tmp_path)}).items():
        monkeypatch.setenv(key, value)
    config = Config()
    assert config.is_production
    assert config.HAS_SEVERAL_MACHINES
    named = [config.REDIS_URL, config.MAIL_URL, *config.SQLALCHEMY_BINDS.values()]
    assert {urlsplit(url).hostname for url in named} <= set(SERVICES)


def test_the_check_of_nginx_asks_for_a_route(app: Flask) -> None:
    asked = urlsplit(SERVICES["nginx"]["healthcheck"]["test"][-1]).path
    assert app.url_map.bind("shop.example").match(asked)


def test_nginx_sends_to_the_web_containers() -> None:
    upstream = (DEPLOY / "compose" / "nginx-upstream.conf").read_text()
    assert "upstream storefront {" in upstream
    assert "server web:9090 resolve;" in upstream


def test_prometheus_asks_the_containers_at_their_ports() -> None:
    jobs = yaml.safe_load((DEPLOY / "compose" / "prometheus.yml").read_text())["scrape_configs"]
    asked = {(job["dns_sd_configs"][0]["names"][0], job["dns_sd_configs"][0]["port"]) for job in jobs}
    port = int(OURS["web"]["environment"]["METRICS_PORT"])
    assert asked == {("web", port), ("worker", port + 1)}


def test_the_database_accepts_the_connections_of_all_processes() -> None:
    (limit,) = SERVICES["mariadb"]["command"]
    web, worker = SERVICES["web"]["deploy"]["replicas"], SERVICES["worker"]["deploy"]["replicas"]
    assert int(limit.rpartition("=")[2]) > web * 2 * 8 * 6 + worker * 2 * 6
