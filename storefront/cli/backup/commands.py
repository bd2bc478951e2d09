"""`flask --app wsgi backup FOLDER` and `restore FOLDER`."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import click
from flask import current_app
from flask.cli import with_appcontext

from storefront.cli.backup import archive
from storefront.cli.backup.values import BackupRefused
from storefront.cli.consistency import report_violations
from storefront.core.clock import at_time

_FOLDER = click.argument("folder", type=click.Path(path_type=Path))


@click.command("backup")
@_FOLDER
@with_appcontext
def backup(folder: Path) -> None:
    """Back up the shop into FOLDER, which is created; the shop may be open.

    All databases are copied as of one moment.
    """
    try:
        manifest = archive.make(folder)
    except BackupRefused as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{folder}: the databases as of {manifest.made_at:%d %b %Y %H:%M:%S} UTC")
    if manifest.pictures is not None:
        click.echo(f"Image files copied: {manifest.pictures:,}")
    elif store := current_app.config["IMAGE_STORAGE"]:
        click.echo(f"Not included: the images in {urlsplit(store).netloc}")
    if not manifest.has_key:
        click.echo("Not included: SECRET_KEY. Store it separately from the backup")


@click.command("restore")
@_FOLDER
@with_appcontext
def restore(folder: Path) -> None:
    """Restore the backup in FOLDER into an empty, closed shop, and check its consistency.

    The check is as of the moment of the backup: checkouts that were running then are finished by the worker.
    """
    try:
        manifest = archive.restore(folder)
    except BackupRefused as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"The shop was restored to {manifest.made_at:%d %b %Y %H:%M:%S} UTC")
    if not manifest.has_key:
        click.echo("Set the SECRET_KEY it had: another one signs everybody out and invalidates codes")
    with at_time(manifest.made_at):
        report_violations()
