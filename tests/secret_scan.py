"""Scan a live shop's databases, logs, queue and e-mails for secrets that were stored in plain text."""

from __future__ import annotations

import re
from collections.abc import Iterator

import sqlalchemy as sa

from config import SCHEMAS
from tests.live_server import LiveShop

PASSWORDS = ("teapot on the lawn", "kettle in the orchard")  # those used by the journeys
CARD = re.compile(r"4242[ -]?4242[ -]?4242[ -]?4242")
CODE = re.compile(r"^(\d{6})$", re.MULTILINE)
SESSION = re.compile(r"eyJ[\w-]+\.eyJ[\w-]+\.[\w-]{20,}")  # a bearer token


def leaks_of(shop: LiveShop) -> Iterator[str]:
    """Yield each place where a password, a card number, a bearer token or a code that was sent is readable."""
    codes = {code for email in shop.folder.glob("mail/*") for code in CODE.findall(email.read_text(errors="replace"))}
    for place, text in [*_cells_of(shop), *_files_of(shop)]:
        if any(password in text for password in PASSWORDS) or CARD.search(text) or SESSION.search(text):
            yield place
        elif place.startswith("table") and text.strip('"') in codes:
            yield f"{place}: a code"


def _cells_of(shop: LiveShop) -> Iterator[tuple[str, str]]:
    """Yield every text value of all schemas with its table and column."""
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
    """Yield the logs, the queue and the e-mails with their names. E-mails may contain codes, but no other secrets."""
    for pattern in ("*.log", "queue.db*", "mail/*"):
        for path in shop.folder.glob(pattern):
            yield f"file {path.name}", path.read_bytes().decode("utf-8", "replace")
