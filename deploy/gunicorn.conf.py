"""Settings of the web server: `gunicorn --config deploy/gunicorn.conf.py wsgi:app`, as bin/shop and systemd start it.

WEB_CONCURRENCY and WEB_THREADS of the environment shape it.
"""

import gc
import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))  # of the modules beside it

import gunicorn_logging
import gunicorn_metrics

worker_class = "gunicorn_worker.ShopWorker"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = int(os.environ.get("WEB_THREADS", "8"))
graceful_timeout = 20  # seconds
loglevel = "warning"
control_socket_disable = True  # it would be written into the home folder, where nothing of ours belongs
# A worker's sign of life is a file; on a slow disk writing it can block the worker.
SHARED_MEMORY = "/dev/shm"  # noqa: S108
if os.access(SHARED_MEMORY, os.W_OK | os.X_OK):
    worker_tmp_dir = SHARED_MEMORY

# No header sets SCRIPT_NAME or PATH_INFO, not even one of a peer on this machine.
forwarder_headers = ""
limit_request_line = 8190  # bytes, gunicorn's largest; longer ones are answered 414 in JSON

logger_class = gunicorn_logging.ShopLogger
on_starting = gunicorn_metrics.on_starting
post_fork = gunicorn_metrics.post_fork
child_exit = gunicorn_metrics.child_exit
on_exit = gunicorn_metrics.on_exit


def post_worker_init(worker: Any) -> None:
    """Called in each process once it has loaded the shop."""
    gunicorn_logging.post_worker_init(worker)
    gunicorn_metrics.post_worker_init(worker)
    freeze_objects()


def freeze_objects() -> None:
    """Leave what start-up made out of garbage collection: a full one over it holds all threads for 0.1 s."""
    gc.collect()
    gc.freeze()
