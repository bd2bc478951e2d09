"""The Dockerfile without a container engine: its lines are read, and carried out in folders by an ordinary user.

Where this differs from an engine:
- The base image is a virtual environment of this machine's Python. Other programs of the base image are this machine's.
- Absolute paths of ENV, COPY and WORKDIR are below a folder. A path within a RUN line must be relative.
- Every line runs as one ordinary user: owners (`--chown`) and USER are read, not applied. What the image may not write
  is made read-only by file modes.
- No network of its own, no limits of memory, no other process numbers.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

NOBODY = 65534  # user and group


class Line(NamedTuple):
    """An instruction of a Dockerfile, such as RUN, and what follows it."""

    instruction: str
    rest: str


def lines_of(text: str) -> list[Line]:
    """The instructions of a Dockerfile, each on one line, without comments."""
    without_comments = "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))
    joined = re.sub(r"\\\n\s*", "", without_comments)
    return [Line(*line.split(maxsplit=1)) for line in joined.splitlines() if line.strip()]


@dataclass
class Stage:
    """A stage under construction: a folder in place of a file system, and the settings of its processes."""

    root: Path
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    volumes: list[Path] = field(default_factory=list)
    healthcheck: str = ""
    command: str = ""

    def path(self, text: str) -> Path:
        """Where a path of the image is on this machine."""
        return self.root / text.lstrip("/") if text.startswith("/") else self.folder / text


def as_ordinary_user() -> dict[str, Any]:
    """Arguments of `subprocess` for a user without rights, if the tests run as root."""
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}


def _python() -> str:
    """A Python like that of the tests that an ordinary user can run; root's own may be in root's home."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    candidates = [getattr(sys, "_base_executable", sys.executable), f"/usr/local/bin/{name}", f"/usr/bin/{name}"]
    for path in candidates:
        with suppress(OSError):
            probe = [path, "-c", "import ensurepip, venv"]
            if subprocess.run(probe, capture_output=True, check=False, cwd="/", **as_ordinary_user()).returncode == 0:
                return path
    raise AssertionError(f"an ordinary user can run none of {candidates}: apt-get install {name}-venv")


class Builder:
    """Carries out a Dockerfile.

    :param context: the folder that is sent to an engine
    :param place: an empty folder; the file system of the image will be `place / "image"`
    """

    def __init__(self, context: Path, place: Path) -> None:
        self._context, self._place = context, place
        self._stages: dict[str, Stage] = {}

    def build(self, lines: list[Line]) -> Stage:
        """Carry out every line and return the last stage."""
        stage, name = None, ""
        for line in lines:
            if line.instruction == "FROM":
                self._set_aside(stage, name)
                name = line.rest.partition(" AS ")[2]
                stage = self._base()
                continue
            assert stage is not None, "the first line is no FROM"
            getattr(self, f"_{line.instruction.lower()}")(stage, line.rest)
        assert stage is not None
        return stage

    def _set_aside(self, stage: Stage | None, name: str) -> None:
        """Every stage is built at the same path, as in an engine: programs of a virtual environment know theirs."""
        if stage is not None:
            stage.root = stage.root.rename(self._place / f"stage-{name}")
            self._stages[name] = stage

    def _base(self) -> Stage:
        root = self._place / "image"
        python = root / "usr" / "local"
        root.mkdir()
        (root / "tmp").mkdir(mode=0o777)
        self._hand_over(root)
        self._execute([_python(), "-m", "venv", str(python)], cwd=root, env=dict(os.environ))
        path = f"{python / 'bin'}:/usr/bin:/bin"
        environment = {key: value for key, value in os.environ.items() if key.startswith(("PIP_", "SSL_", "LANG"))}
        return Stage(root, root, {**environment, "PATH": path, "HOME": str(root / "tmp")})

    def _hand_over(self, path: Path) -> None:
        if os.geteuid() == 0:
            for each in (path, *path.rglob("*")):
                os.chown(each, NOBODY, NOBODY, follow_symlinks=False)

    def _execute(self, command: list[str], *, cwd: Path, env: dict[str, str]) -> None:
        done = subprocess.run(
            command, cwd=cwd, env=env, capture_output=True, text=True, check=False, **as_ordinary_user()
        )
        assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"

    def _run(self, stage: Stage, rest: str) -> None:
        self._execute(["/bin/sh", "-c", rest], cwd=stage.folder, env=stage.environment)

    def _workdir(self, stage: Stage, rest: str) -> None:
        stage.folder = stage.path(rest)
        stage.folder.mkdir(parents=True, exist_ok=True)
        self._hand_over(stage.folder)

    def _copy(self, stage: Stage, rest: str) -> None:
        words = shlex.split(rest)
        options = dict(word.removeprefix("--").split("=") for word in words if word.startswith("--"))
        *sources, target = [word for word in words if not word.startswith("--")]
        origin = self._stages[options["from"]] if "from" in options else None
        base = origin.root if origin else self._context
        for path in [found for source in sources for found in sorted(base.glob(source.lstrip("/")))]:
            into = stage.path(target) / path.name if target.endswith("/") else stage.path(target)
            into.parent.mkdir(parents=True, exist_ok=True)
            if path.is_dir():
                ignored = None if origin else shutil.ignore_patterns("__pycache__", "*.pyc")
                shutil.copytree(path, into, symlinks=True, dirs_exist_ok=True, ignore=ignored)
            else:
                shutil.copy2(path, into)
        self._hand_over(stage.root)

    def _env(self, stage: Stage, rest: str) -> None:
        for word in shlex.split(rest):
            name, _, value = word.partition("=")
            parts = [part if part != f"${name}" else stage.environment[name] for part in value.split(":")]
            known = stage.environment.get(name)
            stage.environment[name] = ":".join(
                str(stage.path(part)) if part.startswith("/") and part != known else part for part in parts
            )

    def _volume(self, stage: Stage, rest: str) -> None:
        stage.volumes.append(stage.path(rest))

    def _healthcheck(self, stage: Stage, rest: str) -> None:
        stage.healthcheck = rest.partition("CMD ")[2]

    def _cmd(self, stage: Stage, rest: str) -> None:
        stage.command = rest

    def _label(self, stage: Stage, rest: str) -> None:
        """Of the image's description only."""

    _expose = _user = _label


def files_below(root: Path, without: list[Path]) -> Iterator[tuple[str, int, int]]:
    """Every file below a folder with its size and time, but for those below some folders."""
    for path in sorted(root.rglob("*")):
        if not any(each == path or each in path.parents for each in without):
            status = path.lstat()
            yield str(path.relative_to(root)), status.st_size, status.st_mtime_ns
