"""A backup as a folder: made whole or not at all, and restored only into a shop that is empty and closed."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlsplit

import sqlalchemy as sa
from flask import current_app
from sqlalchemy.exc import SQLAlchemyError

from config import SCHEMAS
from storefront.catalog.service import gallery
from storefront.cli.backup import mariadb_copy, sqlite_copy
from storefront.cli.backup.values import FILE, BackupRefused, Manifest
from storefront.core.clock import utc_now
from storefront.db import migrations

KEY = "secret-key"  # also what it is called in the data folder
PICTURES = "pictures"


def make(folder: Path) -> Manifest:
    """Copy the shop, open or closed.

    :param folder: is made; one that is there must be empty
    :raise BackupRefused: nothing is left behind
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BackupRefused(f"{folder} is there already: a backup goes into a folder of its own")
    with _told_as_refusal():
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        with _told_as_refusal():
            manifest = _fill(draft)
            draft.rename(folder)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return manifest


def _fill(folder: Path) -> Manifest:
    urls, made_at = _urls(), utc_now()
    engine = _engine_of(urls)
    revisions = {schema: migrations.revision_of(schema) for schema in SCHEMAS}
    if not all(revisions.values()):
        raise BackupRefused("there is nothing to copy yet: flask --app wsgi db upgrade makes the tables")
    if engine == "sqlite":
        sqlite_copy.copy(_paths(urls), folder)
    else:
        mariadb_copy.copy(urls, folder)
    # After the databases: a picture's file is there before the row that names it, and stays longer.
    pictures = _copy_pictures(folder)
    key = _own_key()
    if key is not None:
        shutil.copy(key, folder / KEY)
    databases = {schema: str(url.database) for schema, url in urls.items()}
    told = {schema: str(revision) for schema, revision in revisions.items()}
    manifest = Manifest(made_at, engine, databases, told, pictures, key is not None, dict(_checksums(folder)))
    manifest.write(folder)
    return manifest


def restore(folder: Path) -> Manifest:
    """Fill an empty, closed shop from a backup and bring its tables to the newest revision.

    :raise BackupRefused: the backup is not whole, not for this shop, or the shop is open or not empty; unless it says
        "half-way" nothing was written
    """
    manifest, urls = Manifest.read(folder), _urls()
    _need_fitting(folder, manifest, urls)
    with _told_as_refusal():
        if manifest.engine == "sqlite":
            sqlite_copy.restore(folder, _paths(urls))
        else:
            mariadb_copy.restore(folder, urls, manifest.databases)
        if manifest.has_key and (key := _own_key()) is not None:
            key.write_bytes((folder / KEY).read_bytes())
        if manifest.pictures is not None:
            here = gallery.open_store(current_app.config["IMAGE_STORAGE"])
            for _ in gallery.migrate(gallery.open_store(_pictures_in(folder)), here, keeps=True):
                pass
        migrations.upgrade()
    return manifest


def _need_fitting(folder: Path, manifest: Manifest, urls: dict[str, sa.URL]) -> None:
    if dict(_checksums(folder)) != manifest.checksums:
        raise BackupRefused(f"{folder} is not as it was made: a file is missing, new or changed")
    if _engine_of(urls) != manifest.engine:
        raise BackupRefused(f"the backup is of {manifest.engine} databases: DATABASE_URL names others")
    for schema, revision in manifest.revisions.items():
        if not migrations.is_known(schema, revision):
            raise BackupRefused("the backup was made by a newer version of the shop: install that one first")


def _own_key() -> Path | None:
    """Where the key lies that the shop made for itself; None where SECRET_KEY names another."""
    path: Path = current_app.config["DATA_DIR"] / KEY
    return path if path.exists() and path.read_text() == current_app.config["SECRET_KEY"] else None


def _urls() -> dict[str, sa.URL]:
    return {schema: sa.make_url(current_app.config["SQLALCHEMY_BINDS"][schema]["url"]) for schema in SCHEMAS}


def _paths(urls: dict[str, sa.URL]) -> dict[str, Path]:
    return {schema: Path(str(url.database)) for schema, url in urls.items()}


def _engine_of(urls: dict[str, sa.URL]) -> str:
    engines = {"sqlite" if url.get_backend_name() == "sqlite" else "mysql" for url in urls.values()}
    if len(engines) > 1:
        raise BackupRefused(
            "some schemas lie in SQLite and some on a server, whose copies are never of one moment: "
            "close the shop and its worker, and copy each with its own tool"
        )
    return engines.pop()


def _copy_pictures(folder: Path) -> int | None:
    if urlsplit(current_app.config["IMAGE_STORAGE"]).scheme != "file":
        return None
    here = gallery.open_store(current_app.config["IMAGE_STORAGE"])
    return sum(1 for _ in gallery.migrate(here, gallery.open_store(_pictures_in(folder)), keeps=True))


def _pictures_in(folder: Path) -> str:
    return f"file://{quote(str((folder / PICTURES).resolve()))}"


def _checksums(folder: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path != folder / FILE:
            with path.open("rb") as file:
                yield str(path.relative_to(folder)), hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _told_as_refusal() -> Iterator[None]:
    """A full disk or a database that is away is told in words."""
    try:
        yield
    except (OSError, sqlite3.Error, gallery.StorageUnavailable) as error:
        raise BackupRefused(str(error)) from error
    except SQLAlchemyError as error:
        raise BackupRefused(str(getattr(error, "orig", error))) from error
