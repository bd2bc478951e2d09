"""After a live shop was used: secrets that lie where they should not, in its databases, logs, queue and letters."""

from __future__ import annotations

import re
from collections.abc import Iterator

import sqlalchemy as sa

from config import SCHEMAS
from tests.live_server import LiveShop

PASSWORDS = ("teapot on the lawn", "kettle in the orchard")  # what the journeys choose
CARD = re.compile(r"4242[ -]?4242[ -]?4242[ -]?4242")
CODE = re.compile(r"^(\d{6})$", re.MULTILINE)
SESSION = re.compile(r"eyJ[\w-]+\.eyJ[\w-]+\.[\w-]{20,}")  # a bearer token


def leaks_of(shop: LiveShop) -> Iterator[str]:
    """Each place where a password, a card number, a bearer token or a code that was sent can be read."""
    codes = {code for letter in shop.folder.glob("mail/*") for code in CODE.findall(letter.read_text(errors="replace"))}
    for place, text in [*_cells_of(shop), *_files_of(shop)]:
        if any(password in text for password in PASSWORDS) or CARD.search(text) or SESSION.search(text):
            yield place
        elif place.startswith("table") and text.strip('"') in codes:
            yield f"{place}: a code"


def _cells_of(shop: LiveShop) -> Iterator[tuple[str, str]]:
    """Every text of every table of all six schemas."""
    for schema in SCHEMAS:
        engine = sa.create_engine(shop.database_url.format(schema=schema))
        with engine.connect() as connection:
            for table in sa.inspect(engine).get_table_names():
                for row in connection.execute(sa.text(f"SELECT * FROM {table}")).mappings():
                    for column, value in row.items():
                        if isinstance(value, str):
                            yield f"table {schema}.{table}.{column}", value
        engine.dispose()


def _files_of(shop: LiveShop) -> Iterator[tuple[str, str]]:
    """The logs, the queue and the letters; letters may hold codes, and nothing else of this."""
    for pattern in ("*.log", "queue.db*", "mail/*"):
        for path in shop.folder.glob(pattern):
            yield f"file {path.name}", path.read_bytes().decode("utf-8", "replace")
