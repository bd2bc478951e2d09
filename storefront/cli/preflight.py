"""`flask --app wsgi preflight`: check before opening that all services the shop needs can be reached.

Invalid settings are refused at start-up (`config.py`); this checks the servers that valid settings name.
"""

from __future__ import annotations

import shutil
import smtplib
import time
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import click
import redis
import sqlalchemy as sa
from flask import current_app
from flask.cli import with_appcontext
from sqlalchemy.exc import SQLAlchemyError

from config import SCHEMAS
from storefront.accounts import service as accounts
from storefront.accounts.values import Role
from storefront.cli.backup.archive import generated_key
from storefront.db import migrations
from storefront.db.replicas import MEASURE_EVERY_SECONDS, catalog_replica
from storefront.messaging import mail
from storefront.web.health_checks import MIN_FREE_BYTES

ANSWER_SECONDS = 5
THIS_MACHINE = {"localhost", "127.0.0.1", "::1"}


def problems() -> Iterator[str]:
    """Everything that must be fixed before the shop opens, in words."""
    unreachable = list(_databases())
    yield from unreachable
    if not unreachable:
        yield from _staff()
    yield from _replica()
    yield from _mail()
    yield from _redis()
    yield from _payments()
    yield from _origin()
    yield from _disk_space()
    if current_app.config["HAS_SEVERAL_MACHINES"]:
        yield from several_machines()


def _databases() -> Iterator[str]:
    for schema in SCHEMAS:
        try:
            revision = migrations.revision_of(schema)
        except SQLAlchemyError as error:
            yield f"{schema}: the database does not answer: {getattr(error, 'orig', None) or error}"
            continue
        if revision != migrations.head_of(schema):
            yield f"{schema}: the tables are of another version: run flask --app wsgi db upgrade"


def _replica() -> Iterator[str]:
    replica = catalog_replica()
    if replica is None:
        return
    give_up_at = time.monotonic() + ANSWER_SECONDS
    while time.monotonic() < give_up_at:
        try:
            replica.measure()
        except SQLAlchemyError as error:
            yield f"CATALOG_REPLICA_URL: it or the primary does not answer: {getattr(error, 'orig', None) or error}"
            return
        if replica.lag < ANSWER_SECONDS:
            return
        time.sleep(MEASURE_EVERY_SECONDS)
    yield (
        f"CATALOG_REPLICA_URL: no MariaDB replica of the catalogue's database, or more than {ANSWER_SECONDS} s behind: "
        "it would not be read"
    )


def _staff() -> Iterator[str]:
    if not any(member.role is Role.ADMIN for member in accounts.staff_members()):
        yield "there is no admin: run flask --app wsgi staff create --role admin --email … --name …"


def _mail() -> Iterator[str]:
    try:
        mail.check_connection()
    except (OSError, smtplib.SMTPException) as error:
        yield f"MAIL_URL: the mail server cannot be used: {error}"
    if _is_production() and current_app.config["SHOP_MAIL"].endswith("@localhost"):
        yield "SHOP_MAIL is not set: other mail servers refuse e-mails from shop@localhost"


def _redis() -> Iterator[str]:
    url = current_app.config["REDIS_URL"]
    if not url:
        return
    try:
        with redis.Redis.from_url(url, socket_connect_timeout=ANSWER_SECONDS, socket_timeout=ANSWER_SECONDS) as server:
            server.ping()
    except redis.RedisError as error:
        yield f"REDIS_URL: Redis does not answer: {error}"


def warnings() -> Iterator[str]:
    """What works, but less well than it seems, in words."""
    processes = current_app.config["WEB_PROCESSES"]
    if processes > 1 and not current_app.config["REDIS_URL"]:
        yield (
            f"REDIS_URL is not set: each of the {processes} server processes counts tries at passwords and codes by "
            f"itself, so that up to {processes} times as many are allowed as docs/security.md says"
        )
    images = current_app.config["IMAGE_STORAGE"]
    if current_app.config["HAS_SEVERAL_MACHINES"] and images.startswith("file:"):
        yield f"IMAGE_STORAGE is the folder {images}: every machine must have the same one mounted there"
    host, token = current_app.config["METRICS_HOST"], current_app.config["METRICS_TOKEN"]
    if current_app.config["METRICS_PORT"] and not ip_address(host).is_loopback and not token:
        yield f"METRICS_HOST is {host} and METRICS_TOKEN is not set: whoever reaches the port reads the shop's figures"
    yield from _mixed_databases()


def _mixed_databases() -> Iterator[str]:
    """A schema that was added after a shop had named a server for each of the others is a file of this machine."""
    urls = {schema: sa.make_url(current_app.config["SQLALCHEMY_BINDS"][schema]["url"]) for schema in SCHEMAS}
    files = [schema for schema, url in urls.items() if url.get_backend_name() == "sqlite"]
    if 0 < len(files) < len(SCHEMAS):
        settings = ", ".join(f"{schema.upper()}_DATABASE_URL" for schema in files)
        yield (
            f"{', '.join(files)}: in a SQLite file of this machine, while other schemas are on a server. Other "
            f"machines do not see it, and `backup` refuses the mixture: set DATABASE_URL or {settings}"
        )


def _payments() -> Iterator[str]:
    key, provider = current_app.config["STRIPE_SECRET_KEY"], current_app.config["PAYMENT_PROVIDER"]
    if key and provider != "stripe":
        yield f"STRIPE_SECRET_KEY is set, but PAYMENT_PROVIDER is {provider}: no card is charged"
    elif _is_production() and "_test_" in key:
        yield "STRIPE_SECRET_KEY is a test key: no card is charged"


def _origin() -> Iterator[str]:
    """Request the home page as customers do, through the proxy; in production only."""
    if not _is_production():
        return
    origin = current_app.config["PUBLIC_ORIGIN"]
    if not current_app.config["PROXY_COUNT"] and not current_app.config["HAS_SEVERAL_MACHINES"]:
        yield "PROXY_COUNT is 0: behind a proxy all customers share one IP address and its rate limits"
    import requests

    try:
        status = requests.get(f"{origin}/", timeout=ANSWER_SECONDS, allow_redirects=False).status_code
    except requests.RequestException as error:
        why = getattr(error.args[0], "reason", error) if error.args else error
        yield f"PUBLIC_ORIGIN: {origin} does not answer: {why}"
        return
    if status != requests.codes.ok:
        yield f"PUBLIC_ORIGIN: {origin} answers {status}: the proxy must pass on Host and X-Forwarded-Proto"


def _disk_space() -> Iterator[str]:
    folders = {current_app.config["DATA_DIR"]}
    for schema in SCHEMAS:
        url = sa.make_url(current_app.config["SQLALCHEMY_BINDS"][schema]["url"])
        if url.get_backend_name() == "sqlite":
            folders.add(Path(str(url.database)).parent)
    for folder in sorted(folders):
        if folder.exists() and shutil.disk_usage(folder).free < MIN_FREE_BYTES:
            yield f"{folder}: less than {MIN_FREE_BYTES // 1024**3} GiB is free"


def several_machines() -> Iterator[str]:
    """What would be another thing on each machine, where the shop needs one for all."""
    yield from _servers_of_one_machine()
    config = current_app.config
    if generated_key():
        yield "SECRET_KEY is not set: each machine makes one of its own and accepts no session of another"
    if not config["MAIL_URL"]:
        yield "MAIL_URL is not set: e-mails are written to a folder of whichever machine sends them"
    if not config["PROXY_COUNT"]:
        yield "PROXY_COUNT is 0: behind a load balancer all customers share one IP address and its rate limits"
    if urlsplit(config["PUBLIC_ORIGIN"]).hostname in THIS_MACHINE:
        yield "PUBLIC_ORIGIN names this machine: links in e-mails would lead customers nowhere"
    if config["DEV_CLIENT"]:
        yield "DEV_CLIENT stores its cookies in a file of one machine"


def _servers_of_one_machine() -> Iterator[str]:
    config = current_app.config
    for schema in SCHEMAS:
        url = sa.make_url(config["SQLALCHEMY_BINDS"][schema]["url"])
        if url.get_backend_name() == "sqlite":
            yield f"{schema}: SQLite is a file of one machine: DATABASE_URL must name a MariaDB or MySQL server"
        elif url.host in THIS_MACHINE:
            yield f"{schema}: DATABASE_URL names {url.host}, which is another server on each machine"
    if not config["REDIS_URL"]:
        yield "REDIS_URL is not set: each machine would have a queue, rate limits and cached sums of its own"
    elif urlsplit(config["REDIS_URL"]).hostname in THIS_MACHINE:
        yield "REDIS_URL names this machine, which is another server on each machine"


def _is_production() -> bool:
    return bool(current_app.config["ENVIRONMENT"] == "production")


@click.command("preflight")
@with_appcontext
def preflight() -> None:
    """Check databases, mail server, Redis, payments, the public address and free disk space."""
    is_ready = True
    for warning in warnings():
        click.echo(f"Warning: {warning}", err=True)
    for problem in problems():
        click.echo(problem)
        is_ready = False
    if not is_ready:
        raise click.ClickException("the shop is not ready to open")
    click.echo("The shop is ready to open")
