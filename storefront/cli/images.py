"""`flask --app wsgi images …`: manage the image files of the products."""

from __future__ import annotations

import click
from flask.cli import AppGroup, with_appcontext

from storefront.catalog.media import gallery
from storefront.core.environment import ConfigurationError

images = AppGroup("images", help="Manage the image files of the products.")


@images.command("migrate")
@click.argument("source")
@click.argument("target")
@click.option("--keep", is_flag=True, help="Keep the files in SOURCE.")
@with_appcontext
def migrate(source: str, target: str, keep: bool) -> None:
    """Move all image files from SOURCE to TARGET, each "database" or a value of IMAGE_STORAGE.

    While the shop is open, run it with --keep, change IMAGE_STORAGE, restart, and run it again without --keep.
    """
    try:
        stores = gallery.open_store(source), gallery.open_store(target)
    except ConfigurationError as error:
        raise click.ClickException(str(error)) from error
    if source == target:
        raise click.ClickException("SOURCE and TARGET are the same storage")
    try:
        count = sum(1 for _ in gallery.migrate(*stores, keeps=keep))
    except gallery.StorageUnavailable as error:
        raise click.ClickException(f"a storage cannot be reached: {error}. Run the command again to go on") from error
    click.echo(f"Files moved: {count:,}")


@images.command("regenerate")
@with_appcontext
def regenerate() -> None:
    """Make the missing widths of images that were uploaded before there were several; safe to repeat."""
    count = sum(1 for _ in gallery.regenerate())
    click.echo(f"Images regenerated: {count:,}")
