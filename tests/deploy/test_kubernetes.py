"""deploy/kubernetes/: both overlays are built by kustomize, valid, and every name in them leads somewhere."""

from __future__ import annotations

import functools
import re
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any, NamedTuple

import kubernetes_validate
import pytest
import yaml
from flask import Flask
from werkzeug.exceptions import HTTPException

from tests.deploy.settings import DEPLOY, is_pinned, known_settings, settings_in

OVERLAYS = DEPLOY / "kubernetes" / "overlays"
NAMES = ("development", "production")
VERSION = "1.34"  # the oldest that the manifests are written for
WORKLOADS = {"Deployment", "StatefulSet", "Job"}
OUR_IMAGE = re.compile(r"(.*/)?storefront:[\w.-]+")

Object = dict[str, Any]


class Container(NamedTuple):
    """A container and the pod and workload it is in."""

    workload: Object
    pod: Object
    spec: Object

    @property
    def is_ours(self) -> bool:
        return bool(OUR_IMAGE.fullmatch(self.spec["image"]))

    @property
    def name(self) -> str:
        return str(self.spec["name"])


@functools.cache
def built(overlay: str) -> tuple[Object, ...]:
    """The objects of an overlay."""
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed")
    done = subprocess.run(
        ["kubectl", "kustomize", str(OVERLAYS / overlay)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return tuple(yaml.safe_load_all(done.stdout))


def of_kind(overlay: str, *kinds: str) -> list[Object]:
    return [each for each in built(overlay) if each["kind"] in kinds]


def name_of(each: Object) -> str:
    return str(each["metadata"]["name"])


def containers(overlay: str) -> Iterator[Container]:
    for workload in of_kind(overlay, *WORKLOADS):
        pod = workload["spec"]["template"]["spec"]
        for spec in [*pod.get("initContainers", ()), *pod["containers"]]:
            yield Container(workload, pod, spec)


def labels_of_pods(overlay: str) -> list[dict[str, str]]:
    return [each["spec"]["template"]["metadata"]["labels"] for each in of_kind(overlay, *WORKLOADS)]


def select(overlay: str, selector: dict[str, str]) -> list[Object]:
    """The workloads whose pods have all labels of a selector."""
    return [
        each
        for each in of_kind(overlay, *WORKLOADS)
        if selector.items() <= each["spec"]["template"]["metadata"]["labels"].items()
    ]


def ports_of(workloads: list[Object]) -> set[str]:
    return {
        port["name"]
        for each in workloads
        for container in each["spec"]["template"]["spec"]["containers"]
        for port in container.get("ports", ())
    }


pytestmark = pytest.mark.parametrize("overlay", NAMES)


def test_every_object_is_valid(overlay: str) -> None:
    for each in built(overlay):
        kubernetes_validate.validate(each, VERSION, strict=True)


def test_the_objects_of_a_shop_are_there(overlay: str) -> None:
    found = {(each["kind"], name_of(each)) for each in built(overlay)}
    assert {
        ("Deployment", "storefront-web"),
        ("Deployment", "storefront-worker"),
        ("Job", "storefront-migration"),
        ("Service", "storefront-web"),
        ("Ingress", "storefront"),
        ("HorizontalPodAutoscaler", "storefront-web"),
        ("PodDisruptionBudget", "storefront-web"),
        ("PodDisruptionBudget", "storefront-worker"),
        ("NetworkPolicy", "storefront-web"),
        ("NetworkPolicy", "storefront-worker"),
        ("NetworkPolicy", "storefront-outgoing"),
    } <= found
    assert len({each["metadata"].get("namespace") for each in built(overlay)}) == 1


def test_no_secret_is_written_down(overlay: str) -> None:
    assert of_kind(overlay, "Secret") == []
    example = settings_in(OVERLAYS / overlay / "secrets.env.example")
    for config in of_kind(overlay, "ConfigMap"):
        assert not set(example) & set(config["data"])
        assert not any(
            "PASSWORD" in key or "SECRET" in key or ("://" in value and "@" in value)
            for key, value in config["data"].items()
        )


def test_pods_run_with_the_least_rights(overlay: str) -> None:
    for container in containers(overlay):
        pod, own = container.pod["securityContext"], container.spec["securityContext"]
        assert pod["runAsNonRoot"] is True
        assert pod["runAsUser"] > 0
        assert pod["seccompProfile"] == {"type": "RuntimeDefault"}
        assert own["allowPrivilegeEscalation"] is False
        assert own["readOnlyRootFilesystem"] is True
        assert own["capabilities"] == {"drop": ["ALL"]}
        assert container.pod["automountServiceAccountToken"] is False


def test_the_shop_runs_as_the_user_of_its_image(overlay: str) -> None:
    (user,) = re.findall(r"^USER (\d+):(\d+)$", (DEPLOY.parent / "Dockerfile").read_text(), re.MULTILINE)
    for container in containers(overlay):
        if container.is_ours:
            security = container.pod["securityContext"]
            assert (str(security["runAsUser"]), str(security["runAsGroup"])) == user
            assert security["fsGroup"] == security["runAsGroup"]


def test_every_container_has_resources_and_a_pinned_image(overlay: str) -> None:
    for container in containers(overlay):
        resources = container.spec["resources"]
        assert set(resources["requests"]) == {"cpu", "memory"}
        assert "memory" in resources["limits"]
        image = container.spec["image"]
        assert is_pinned(image) or (overlay == "development" and image == "storefront:local")


def test_every_server_has_three_probes(overlay: str) -> None:
    for container in containers(overlay):
        if container.workload["kind"] != "Job" and container.spec in container.pod["containers"]:
            assert {"startupProbe", "livenessProbe", "readinessProbe"} <= set(container.spec)


def test_probes_ask_routes_and_ports_that_exist(overlay: str, app: Flask) -> None:
    routes = app.url_map.bind("shop.example")
    asked = 0
    for container in containers(overlay):
        ports = {port["name"] for port in container.spec.get("ports", ())}
        for kind in ("startupProbe", "livenessProbe", "readinessProbe"):
            probe = container.spec.get(kind, {})
            for how in ("httpGet", "tcpSocket"):
                assert how not in probe or probe[how]["port"] in ports
            if "httpGet" in probe:
                try:
                    routes.match(probe["httpGet"]["path"])
                except HTTPException:
                    pytest.fail(f"{container.name}: no route {probe['httpGet']['path']}")
                asked += 1
    assert asked == 3


def test_every_mount_has_its_volume(overlay: str) -> None:
    for container in containers(overlay):
        claims = container.workload["spec"].get("volumeClaimTemplates", ())
        volumes = {each["name"] for each in container.pod["volumes"]} | {name_of(each) for each in claims}
        assert {mount["name"] for mount in container.spec["volumeMounts"]} <= volumes


def test_settings_come_from_what_exists_and_mean_something(overlay: str) -> None:
    configs = {name_of(each): each["data"] for each in of_kind(overlay, "ConfigMap")}
    secrets = {"storefront": settings_in(OVERLAYS / overlay / "secrets.env.example")}
    known = known_settings()
    for container in containers(overlay):
        named = {each["name"] for each in container.spec.get("env", ())}
        for source in container.spec.get("envFrom", ()):
            named |= set(
                configs[source["configMapRef"]["name"]]
                if "configMapRef" in source
                else secrets[source["secretRef"]["name"]]
            )
        for each in container.spec.get("env", ()):
            reference = each.get("valueFrom", {}).get("secretKeyRef")
            assert reference is None or reference["key"] in secrets[reference["name"]]
        if container.is_ours:
            assert named - known <= {"MARIADB_PASSWORD"}  # of the database in the same development secret


def test_the_settings_are_accepted(overlay: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    from config import MIN_KEY_LENGTH, Config

    (config,) = of_kind(overlay, "ConfigMap")
    settings = config["data"] | settings_in(OVERLAYS / overlay / "secrets.env.example")
    settings |= {"SECRET_KEY": "k" * MIN_KEY_LENGTH, "STOREFRONT_DATA": str(tmp_path)}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    read = Config()
    assert read.HAS_SEVERAL_MACHINES
    assert read.is_production is (overlay == "production")
    hosts = {rule["host"] for ingress in of_kind(overlay, "Ingress") for rule in ingress["spec"]["rules"]}
    assert hosts == {read.PUBLIC_ORIGIN.partition("://")[2]}


def test_service_accounts_exist(overlay: str) -> None:
    accounts = {name_of(each) for each in of_kind(overlay, "ServiceAccount")}
    assert {c.pod["serviceAccountName"] for c in containers(overlay) if c.is_ours} == accounts


def test_selectors_choose_their_own_pods_only(overlay: str) -> None:
    for workload in of_kind(overlay, "Deployment", "StatefulSet"):
        assert select(overlay, workload["spec"]["selector"]["matchLabels"]) == [workload]
        constraints = workload["spec"]["template"]["spec"].get("topologySpreadConstraints", ())
        for constraint in constraints:
            assert select(overlay, constraint["labelSelector"]["matchLabels"]) == [workload]
        assert constraints or not name_of(workload).startswith("storefront")
    for budget in of_kind(overlay, "PodDisruptionBudget"):
        assert [name_of(each) for each in select(overlay, budget["spec"]["selector"]["matchLabels"])] == [
            name_of(budget)
        ]


def test_services_lead_to_ports_of_pods(overlay: str) -> None:
    for service in of_kind(overlay, "Service"):
        chosen = select(overlay, service["spec"]["selector"])
        assert len(chosen) == 1
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports_of(chosen)


def test_the_ingress_leads_to_a_service(overlay: str) -> None:
    services = {name_of(each): {port["name"] for port in each["spec"]["ports"]} for each in of_kind(overlay, "Service")}
    for ingress in of_kind(overlay, "Ingress"):
        for rule in ingress["spec"]["rules"]:
            for path in rule["http"]["paths"]:
                backend = path["backend"]["service"]
                assert backend["port"]["name"] in services[backend["name"]]


def test_network_policies_choose_pods_and_ports_that_exist(overlay: str) -> None:
    for policy in of_kind(overlay, "NetworkPolicy"):
        chosen = select(overlay, policy["spec"]["podSelector"]["matchLabels"])
        assert chosen
        for rule in policy["spec"].get("ingress", ()):
            assert {port["port"] for port in rule["ports"]} <= ports_of(chosen)


def test_the_autoscaler_scales_a_deployment_that_leaves_the_number_to_it(overlay: str) -> None:
    deployments = {name_of(each): each["spec"] for each in of_kind(overlay, "Deployment")}
    for scaler in of_kind(overlay, "HorizontalPodAutoscaler"):
        spec = scaler["spec"]
        assert "replicas" not in deployments[spec["scaleTargetRef"]["name"]]
        assert spec["minReplicas"] < spec["maxReplicas"]


def test_the_web_pod_outlives_the_requests_in_its_hands(overlay: str) -> None:
    from runpy import run_path

    graceful = run_path(str(DEPLOY / "gunicorn.conf.py"))["graceful_timeout"]
    for container in containers(overlay):
        if container.name == "web":
            pause = container.spec["lifecycle"]["preStop"]["sleep"]["seconds"]
            assert container.pod["terminationGracePeriodSeconds"] > pause + graceful
