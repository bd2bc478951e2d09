"""The command line: `flask --app wsgi …`."""

from __future__ import annotations

import click
from flask import Flask, current_app
from flask.cli import AppGroup, with_appcontext

from storefront.catalog import service as catalog
from storefront.cli.backup.commands import backup, restore
from storefront.cli.consistency import doctor
from storefront.cli.demo import catalogue, generator
from storefront.cli.deprecated_names import check, pictures
from storefront.cli.eureka import eureka
from storefront.cli.images import images
from storefront.cli.preflight import preflight
from storefront.cli.search import search
from storefront.cli.staff import staff
from storefront.core.environment import ConfigurationError
from storefront.db import migrations
from storefront.legacy_import.command import import_legacy
from storefront.web import metrics_server
from storefront.worker import heartbeat
from storefront.worker.consumer import ShopConsumer

CANNOT_START = 3  # as in wsgi.py: systemd does not start it again

demo = AppGroup("demo", help="Load demo data.")


def init_app(app: Flask) -> None:
    """Register all commands with the application."""
    app.cli.add_command(migrations.cli)
    app.cli.add_command(demo)
    app.cli.add_command(worker)
    app.cli.add_command(doctor)
    app.cli.add_command(preflight)
    app.cli.add_command(backup)
    app.cli.add_command(restore)
    app.cli.add_command(images)
    app.cli.add_command(staff)
    app.cli.add_command(search)
    app.cli.add_command(import_legacy)
    app.cli.add_command(eureka)
    app.cli.add_command(check)
    app.cli.add_command(pictures)


@demo.command("load")
@click.option("--if-empty", is_flag=True, help="Do nothing if the shop has products.")
@click.option("--products", "count", type=click.IntRange(0), default=0, help="Add this many generated products.")
@with_appcontext
def load(if_empty: bool, count: int) -> None:
    """Load the demo catalogue, and with --products generated products as well."""
    is_empty = catalog.is_empty()
    if is_empty:
        click.echo("Loading the demo shop …")
        click.echo(f"{catalogue.load()} products loaded")
    elif if_empty:
        click.echo("The shop has products: nothing loaded")
        return
    elif not count:
        raise click.ClickException("the shop is not empty; --products N adds generated ones")
    if count:
        with click.progressbar(length=count, label="Generating products") as bar:
            for added in generator.load(count):
                bar.update(added)


@click.command("worker")
@with_appcontext
def worker() -> None:
    """Run the worker: deliver messages, resume checkouts, release expired reservations. Runs until it is stopped."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    _serve_metrics(app)
    current_app.extensions["sweep"]()  # work left over from the last run
    consumer = ShopConsumer(
        current_app.extensions["huey"],
        alive_file=current_app.config["WORKER_ALIVE_FILE"],
        workers=2,
        worker_type="thread",
        max_delay=2.0,
        graceful_signal="TERM",
    )
    with heartbeat.beating(app):
        consumer.run()


def _serve_metrics(app: Flask) -> None:
    """Answer on the worker's own port for metrics, if there is one."""
    port = app.config["WORKER_METRICS_PORT"]
    if not port:
        return
    try:
        listener = metrics_server.listen(app.config["METRICS_HOST"], port, "WORKER_METRICS_PORT")
    except ConfigurationError as error:
        click.echo(f"storefront: {error}", err=True)
        raise SystemExit(CANNOT_START) from error
    metrics_server.serve(app, listener)
