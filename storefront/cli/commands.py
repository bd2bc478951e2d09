"""The command line: `flask --app wsgi …`."""

from __future__ import annotations

import click
from flask import Flask, current_app
from flask.cli import AppGroup, with_appcontext

from storefront.catalog import service as catalog
from storefront.cli.backup.commands import backup, restore
from storefront.cli.consistency import doctor
from storefront.cli.demo import catalogue, generator
from storefront.cli.images import pictures
from storefront.cli.preflight import check
from storefront.cli.staff import staff
from storefront.db import migrations
from storefront.legacy_import.command import import_legacy

demo = AppGroup("demo", help="The demo shop.")


def init_app(app: Flask) -> None:
    """Make the commands known."""
    app.cli.add_command(migrations.cli)
    app.cli.add_command(demo)
    app.cli.add_command(worker)
    app.cli.add_command(doctor)
    app.cli.add_command(check)
    app.cli.add_command(backup)
    app.cli.add_command(restore)
    app.cli.add_command(pictures)
    app.cli.add_command(staff)
    app.cli.add_command(import_legacy)


@demo.command("load")
@click.option("--if-empty", is_flag=True, help="Do nothing in a shop that has products.")
@click.option("--products", "count", type=click.IntRange(0), default=0, help="Add this many generated products.")
@with_appcontext
def load(if_empty: bool, count: int) -> None:
    """Open the demo shop, and with --products make it large."""
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
    """Deliver mail, resume checkouts, let go of holds; runs until it is stopped."""
    current_app.extensions["sweep"]()  # whatever the last one left lying
    current_app.extensions["huey"].create_consumer(
        workers=2, worker_type="thread", max_delay=2.0, graceful_signal="TERM"
    ).run()
