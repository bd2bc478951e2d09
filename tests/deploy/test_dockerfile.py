"""The Dockerfile: linted, and its commands carried out by an ordinary user in an empty folder."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from flask import Flask

from tests.deploy.image_build import Builder, Stage, as_ordinary_user, files_below, lines_of
from tests.deploy.settings import DEPLOY, ROOT, is_pinned
from tests.isolated_shop import PRODUCTION
from tests.live_server import eventually
from tests.run import free_port

LINES = lines_of((ROOT / "Dockerfile").read_text())


def rests_of(instruction: str) -> list[str]:
    return [line.rest for line in LINES if line.instruction == instruction]


def test_hadolint_finds_nothing() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert done.stdout + done.stderr == ""
    assert done.returncode == 0


def test_every_stage_begins_with_the_same_pinned_image() -> None:
    images = {rest.partition(" AS ")[0] for rest in rests_of("FROM")}
    assert len(images) == 1
    (image,) = images
    assert is_pinned(image)
    minor = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert image.startswith(f"python:{minor}."), "the image has another Python than the tests"


def test_the_last_stage_runs_as_nobody_who_exists() -> None:
    (user,) = rests_of("USER")
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user)
    last = [line.instruction for line in LINES[max(i for i, line in enumerate(LINES) if line.instruction == "FROM") :]]
    assert last.index("USER") < last.index("CMD")


def test_packages_are_installed_by_their_hashes_and_never_built() -> None:
    (install,) = [rest for rest in rests_of("RUN") if "pip install" in rest]
    assert "--require-hashes --requirement requirements.txt" in install
    assert "--only-binary :all:" in install


def test_the_builder_is_sent_what_is_copied_and_nothing_else() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    sent = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    assert "*" in ignored
    copied = [rest.split()[:-1] for rest in rests_of("COPY") if "--from" not in rest]
    assert {source.removeprefix("./") for sources in copied for source in sources} == sent
    assert all(list(ROOT.glob(path)) for path in sent)


def test_the_health_check_asks_for_a_route(app: Flask) -> None:
    (check,) = rests_of("HEALTHCHECK")
    (asked,) = re.findall(r"http://[^'\"]+", check)
    assert app.url_map.bind("shop.example").match(urlsplit(asked).path)


def test_image_and_service_start_the_server_by_the_same_settings() -> None:
    (command,) = rests_of("CMD")
    start = " ".join(json.loads(command))
    service = (DEPLOY / "storefront-web.service").read_text()
    assert re.sub(r"--bind \S+:", "--bind 127.0.0.1:", start).removeprefix("python") in service


# ------------------------------------------------------------------------------------- its commands, carried out


@pytest.fixture(scope="module")
def image() -> Iterator[Stage]:
    """The last stage; its files cannot be changed but in the volume and in /tmp."""
    place = Path(tempfile.mkdtemp(prefix="storefront-image-"))
    place.chmod(0o755)
    try:
        stage = Builder(ROOT, place).build(LINES)
        writable = [*stage.volumes, stage.root / "tmp"]
        for path in (stage.root, *stage.root.rglob("*")):
            if not path.is_symlink() and not any(each == path or each in path.parents for each in writable):
                path.chmod(path.stat().st_mode & ~0o222)
        yield stage
    finally:
        subprocess.run(["chmod", "-R", "u+w", str(place)], check=False)
        shutil.rmtree(place)


def environment_of(image: Stage) -> dict[str, str]:
    return {**image.environment, **PRODUCTION}


@contextmanager
def process(image: Stage, command: list[str], **settings: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process of the image, asked to stop at the end."""
    started = subprocess.Popen(
        command, cwd=image.folder, env=environment_of(image) | settings, start_new_session=True, **as_ordinary_user()
    )
    try:
        yield started
        started.terminate()
        assert started.wait(30) == 0
    finally:
        started.kill()
        started.wait()


def memory_of(group: int) -> int:
    """Memory of a process and its children, in MiB, each page shared by several counted in part."""
    pids = subprocess.run(["pgrep", "-g", str(group)], capture_output=True, text=True, check=True).stdout.split()
    rollups = [Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in pids]
    return sum(int(re.findall(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)[0]) for text in rollups) // 1024


@pytest.mark.long
def test_the_image_serves_a_shop_and_writes_to_its_volume_only(image: Stage) -> None:
    writable = [*image.volumes, image.root / "tmp"]
    before = list(files_below(image.root, writable))
    migration = subprocess.run(
        ["flask", "db", "upgrade"],
        cwd=image.folder,
        env=environment_of(image),
        capture_output=True,
        text=True,
        check=False,
        executable=shutil.which("flask", path=image.environment["PATH"]),
        **as_ordinary_user(),
    )
    assert migration.returncode == 0, migration.stderr
    port = free_port()
    here = f"127.0.0.1:{port}"
    server = json.loads(image.command.replace("0.0.0.0:9090", here))
    check = json.loads(image.healthcheck.replace("127.0.0.1:9090", here))
    server[0] = check[0] = str(shutil.which("python", path=image.environment["PATH"]))
    with process(image, server) as web:
        eventually(
            lambda: (
                subprocess.run(check, env=environment_of(image), stderr=subprocess.DEVNULL, check=False).returncode == 0
            ),
            "the health check of the image",
        )
        page = requests.get(f"http://{here}/", headers={"Host": "shop.example"}, timeout=20)
        assert page.status_code == 200
        print(f"two server processes take {memory_of(web.pid)} MiB")
    assert list(files_below(image.root, writable)) == before


@pytest.mark.long
def test_the_worker_of_the_image_shows_that_it_lives(image: Stage) -> None:
    alive = image.root / "tmp" / "worker-alive"
    flask = str(shutil.which("flask", path=image.environment["PATH"]))
    with process(image, [flask, "worker"], WORKER_ALIVE_FILE=str(alive)):
        eventually(alive.exists, "the worker's file")


@pytest.mark.long
def test_the_image_has_no_installer(image: Stage) -> None:
    for command in ("pip", "pip3", "gcc", "wheel"):
        found = shutil.which(command, path=image.environment["PATH"])
        assert found is None or not found.startswith(str(image.root)), found
    assert not os.access(image.folder, os.W_OK) or os.geteuid() == 0
