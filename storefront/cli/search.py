"""`flask --app wsgi search …`: the search index."""

from __future__ import annotations

import click
from flask.cli import AppGroup, with_appcontext

from storefront.catalog.listing import search_index

search = AppGroup("search", help="Maintain the search index.")


@search.command("reindex")
@with_appcontext
def reindex() -> None:
    """Rewrite the search index of all products; the shop may stay open. The worker does so after an upgrade."""
    with click.progressbar(length=search_index.count_products(), label="Indexing products") as bar:
        count = search_index.rebuild(bar.update)
    click.echo(f"{count} products indexed")
