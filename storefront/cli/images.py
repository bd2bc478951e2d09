"""`flask --app wsgi pictures …`: where the files of the pictures lie."""

from __future__ import annotations

import click
from flask.cli import AppGroup, with_appcontext

from config import ConfigurationError
from storefront.catalog.service import gallery

pictures = AppGroup("pictures", help="The files of the products' pictures.")


@pictures.command("move")
@click.argument("source")
@click.argument("target")
@click.option("--keep", is_flag=True, help="Leave the files where they are, too.")
@with_appcontext
def migrate(source: str, target: str, keep: bool) -> None:
    """Carry every file from SOURCE to TARGET: each is "database" or what PICTURE_STORE may be.

    An open shop moves in three steps: carry with --keep, set PICTURE_STORE, carry again without.
    """
    try:
        stores = gallery.open_store(source), gallery.open_store(target)
    except ConfigurationError as error:
        raise click.ClickException(str(error)) from error
    if source == target:
        raise click.ClickException("these are the same store")
    try:
        count = sum(1 for _ in gallery.migrate(*stores, keeps=keep))
    except gallery.StorageUnavailable as error:
        raise click.ClickException(f"a store cannot be reached: {error}. Run it again: it goes on") from error
    click.echo(f"Files carried: {count:,}")


@pictures.command("renew")
@with_appcontext
def regenerate() -> None:
    """Give pictures from before there were several widths their files; may be run again."""
    count = sum(1 for _ in gallery.regenerate())
    click.echo(f"Pictures given their widths: {count:,}")
