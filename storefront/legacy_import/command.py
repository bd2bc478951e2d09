"""`flask --app wsgi import-legacy mysql+pymysql://…`: import the old system's data; safe to repeat."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click
from flask import current_app
from flask.cli import with_appcontext

from storefront.legacy_import import accounts, carts, orders, products
from storefront.legacy_import.column_names import GROUPS
from storefront.legacy_import.import_run import Run
from storefront.legacy_import.report import Report
from storefront.legacy_import.source import OldSystem, UnreadableSource


@contextmanager
def _bar(kind: str, length: int) -> Iterator[Callable[[int], None]]:
    with click.progressbar(length=length, label=f"{kind:16}") as bar:
        yield bar.update


def _schemas(context: click.Context, option: click.Parameter, given: Sequence[str]) -> dict[str, str]:
    schemas = {}
    for each in given:
        group, separator, url = each.partition("=")
        if group not in GROUPS or not separator:
            raise click.BadParameter(f"expected {' or '.join(GROUPS)}, = and a database URL")
        schemas[group] = url
    return schemas


def _zone(context: click.Context, option: click.Parameter, name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise click.BadParameter("unknown time zone; an example is Asia/Kolkata") from error


@click.command("import-legacy")
@click.argument("urls", nargs=-1)
@click.option(
    "--schema",
    "schemas",
    multiple=True,
    callback=_schemas,
    help="Separate database of a service: users=…, products=… and so on.",
)
@click.option("--time-zone", "zone", default="UTC", callback=_zone, help="Time zone of the old servers.")
@click.option(
    "--report", "path", type=click.Path(dir_okay=False, path_type=Path), help="Write skipped rows to this CSV file."
)
@with_appcontext
def import_legacy(urls: Sequence[str], schemas: Mapping[str, str], zone: ZoneInfo, path: Path | None) -> None:
    """Import the old system's databases at URLS. It may be interrupted and run again."""
    if not urls and not schemas:
        raise click.UsageError("give the database of the old system: mysql+pymysql://user:password@host/name")
    with Report(path) as report:
        try:
            system = OldSystem(urls, schemas)
            run(Run(system, report, zone, current_app.config["CURRENCY"], _bar))
        except UnreadableSource as error:
            raise click.ClickException(f"the old data cannot be read: {error.what}") from error
    if not report.tallies:
        raise click.ClickException("no table of the old system was found there")
    for line in report.lines():
        click.echo(line)


def run(run: Run) -> None:
    """Import everything, in the order of references."""
    accounts.import_users(run)
    accounts.import_addresses(run)
    accounts.import_methods(run)
    slugs = products.import_categories(run)
    products.import_products(run, slugs)
    products.import_pictures(run)
    orders.import_orders(run)
    products.import_reviews(run)
    accounts.import_wishlists(run)
    carts.import_carts(run)
    run.system.close()
