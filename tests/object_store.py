"""A local S3 server for tests: moto on a port of this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import boto3
from moto.server import ThreadedMotoServer

KEYS = {"AWS_ACCESS_KEY_ID": "nobody", "AWS_SECRET_ACCESS_KEY": "nothing"}  # moto takes any
BUCKET = "pictures"


@contextmanager
def object_store() -> Iterator[str]:
    """Run an S3 server with an empty bucket.

    :return: value for the setting IMAGE_STORAGE
    """
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        endpoint = f"http://{host}:{port}"
        names = {"aws_access_key_id": "nobody", "aws_secret_access_key": "nothing"}
        boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", **names).create_bucket(Bucket=BUCKET)
        yield f"s3://{BUCKET}/shop?endpoint={endpoint}"
    finally:
        server.stop()
