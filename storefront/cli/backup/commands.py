"""`flask --app wsgi backup FOLDER`, and `restore`."""

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
    """Copy the shop into FOLDER, which is made; the shop may be open.

    All six databases are copied as they were at one moment.
    """
    try:
        manifest = archive.make(folder)
    except BackupRefused as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{folder}: the databases as of {manifest.made_at:%d %b %Y %H:%M:%S} UTC")
    if manifest.pictures is not None:
        click.echo(f"Files of pictures copied: {manifest.pictures:,}")
    elif store := current_app.config["IMAGE_STORAGE"]:
        click.echo(f"The pictures lie in {urlsplit(store).netloc}: they are not part of it")
    if not manifest.has_key:
        click.echo("SECRET_KEY is not part of it: keep it where nobody finds both")


@click.command("restore")
@_FOLDER
@with_appcontext
def restore(folder: Path) -> None:
    """Fill an empty shop from FOLDER. The shop must be closed; the doctor looks at it in the end.

    The doctor looks as of the moment of the backup: what was under way then is no fault, and the worker finishes it.
    """
    try:
        manifest = archive.restore(folder)
    except BackupRefused as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"The shop is as it was on {manifest.made_at:%d %b %Y at %H:%M:%S} UTC")
    if not manifest.has_key:
        click.echo("Give it the SECRET_KEY it had: another signs everybody out, and codes sent are void")
    with at_time(manifest.made_at):
        report_violations()
