"""Metrics of several server processes: the files they share, and the port on which any of them answers.

Not in the package `storefront`: gunicorn's first process loads it, and must not load the whole shop. `config.py` checks
the settings.
"""

from __future__ import annotations

import os
import shutil
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any

FILES_SETTING = "PROMETHEUS_MULTIPROC_DIR"  # read by prometheus-client
PREFIX = "storefront-metrics-"
CANNOT_START = 3  # as in wsgi.py
SHARED_MEMORY = "/dev/shm"  # noqa: S108 - so that counting writes to no disk


def on_starting(server: Any) -> None:
    """Open the port, and make a new folder for the files, before the first process is started."""
    if not _text("METRICS_PORT") and not _text("METRICS_TOKEN"):
        os.environ.pop(FILES_SETTING, None)
        return
    port = _text("METRICS_PORT")
    if port.isdigit() and int(port):
        server.metrics_listener = _listen(_text("METRICS_HOST") or "127.0.0.1", int(port))
    parent = SHARED_MEMORY if os.access(SHARED_MEMORY, os.W_OK | os.X_OK) else tempfile.gettempdir()
    _remove_abandoned(Path(parent))
    server.metrics_folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=parent))
    os.environ[FILES_SETTING] = str(server.metrics_folder)


def post_fork(server: Any, worker: Any) -> None:
    """Hand the port to a new process."""
    worker.metrics_listener = getattr(server, "metrics_listener", None)


def post_worker_init(worker: Any) -> None:
    """Answer on the port in a thread of a process that has loaded the shop."""
    if worker.metrics_listener is not None:
        from storefront.web import metrics_server

        metrics_server.serve(worker.wsgi, worker.metrics_listener)


def child_exit(server: Any, worker: Any) -> None:
    """Remove the files of a process that ended; what it counted is added to a sum, since counters must not shrink."""
    if os.environ.get(FILES_SETTING):
        from prometheus_client.multiprocess import mark_process_dead

        mark_process_dead(worker.pid)
        for kind in ("counter", "histogram"):
            _add_to_sum(Path(os.environ[FILES_SETTING]), kind, worker.pid)


def on_exit(server: Any) -> None:
    """Remove the files."""
    if (folder := getattr(server, "metrics_folder", None)) is not None:
        shutil.rmtree(folder, ignore_errors=True)


def _add_to_sum(folder: Path, kind: str, pid: int) -> None:
    """Add a file to that of all processes that ended, so that their number does not fill the folder.

    Whoever reads just in between may see it twice, or not at all and fail: some microseconds for each that ends.
    """
    from prometheus_client.mmap_dict import MmapedDict

    ended, total, draft = folder / f"{kind}_{pid}.db", folder / f"{kind}_0.db", folder / f"{kind}.draft"
    if not ended.exists():
        return
    draft.unlink(missing_ok=True)
    if total.exists():
        shutil.copyfile(total, draft)
    merged = MmapedDict(str(draft))
    for key, value, _, _ in MmapedDict.read_all_values_from_file(str(ended)):
        merged.write_value(key, merged.read_value(key)[0] + value, 0.0)
    merged.close()
    draft.replace(total)
    ended.unlink()


def _text(name: str) -> str:
    return os.environ.get(name, "").strip()


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        sys.stderr.write(f"storefront: METRICS_PORT: cannot listen on {host} port {port}: {error.strerror}\n")
        sys.exit(CANNOT_START)


def _remove_abandoned(parent: Path) -> None:
    """Remove the files of servers that were killed and could not do it themselves."""
    for folder in parent.glob(f"{PREFIX}*"):
        pid = folder.name.removeprefix(PREFIX).partition("-")[0]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists():
            shutil.rmtree(folder, ignore_errors=True)
