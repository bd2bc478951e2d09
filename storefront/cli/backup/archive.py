"""Backups as folders: written completely or not at all, and restored only into an empty, closed shop."""

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
from storefront.catalog.media import gallery
from storefront.cli.backup import mariadb_copy, sqlite_copy
from storefront.cli.backup.values import FILE, BackupRefused, Manifest
from storefront.core.clock import utc_now
from storefront.db import migrations

KEY = "secret-key"  # file name, also in the data folder
PICTURES = "pictures"


def make(folder: Path) -> Manifest:
    """Make a backup; the shop may be open.

    :param folder: is created; an existing one must be empty
    :raise BackupRefused: the backup failed; no files are left behind
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BackupRefused(f"{folder} already exists: a backup needs a new or empty folder")
    with _errors_as_refusals():
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        with _errors_as_refusals():
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
        raise BackupRefused("there are no tables yet: run flask --app wsgi db upgrade")
    if engine == "sqlite":
        sqlite_copy.copy(_paths(urls), folder)
    else:
        mariadb_copy.copy(urls, folder)
    # After the databases: image files are written before the rows that name them, and deleted later.
    pictures = _copy_pictures(folder)
    key = generated_key()
    if key is not None:
        shutil.copy(key, folder / KEY)
    databases = {schema: str(url.database) for schema, url in urls.items()}
    applied = {schema: str(revision) for schema, revision in revisions.items()}
    manifest = Manifest(made_at, engine, databases, applied, pictures, key is not None, dict(_checksums(folder)))
    manifest.write(folder)
    return manifest


def restore(folder: Path) -> Manifest:
    """Restore a backup into an empty, closed shop and upgrade its tables to the newest revision.

    :raise BackupRefused: the backup is damaged or does not fit, or the shop is open or not empty; unless the message
        says "half-way", nothing was written
    """
    manifest, urls = Manifest.read(folder), _urls()
    _check_compatible(folder, manifest, urls)
    with _errors_as_refusals():
        if manifest.engine == "sqlite":
            sqlite_copy.restore(folder, _paths(urls), set(manifest.databases))
        else:
            mariadb_copy.restore(folder, urls, manifest.databases)
        if manifest.has_key and (key := generated_key()) is not None:
            key.write_bytes((folder / KEY).read_bytes())
        if manifest.pictures is not None:
            storage = gallery.open_store(current_app.config["IMAGE_STORAGE"])
            for _ in gallery.migrate(gallery.open_store(_pictures_in(folder)), storage, keeps=True):
                pass
        migrations.upgrade()
    return manifest


def _check_compatible(folder: Path, manifest: Manifest, urls: dict[str, sa.URL]) -> None:
    if dict(_checksums(folder)) != manifest.checksums:
        raise BackupRefused(f"{folder} was changed: a file is missing, new or different")
    if _engine_of(urls) != manifest.engine:
        raise BackupRefused(f"the backup is of {manifest.engine} databases, DATABASE_URL names others")
    for schema, revision in manifest.revisions.items():
        if schema not in SCHEMAS or not migrations.is_known(schema, revision):
            raise BackupRefused("the backup was made by a newer version of the shop: install that one first")


def generated_key() -> Path | None:
    """The path of the generated key; None if SECRET_KEY is set otherwise."""
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
            "some schemas are in SQLite and some on a server, which cannot be copied at one moment: "
            "close the shop and its worker, and copy each with its own tool"
        )
    return engines.pop()


def _copy_pictures(folder: Path) -> int | None:
    if urlsplit(current_app.config["IMAGE_STORAGE"]).scheme != "file":
        return None
    storage = gallery.open_store(current_app.config["IMAGE_STORAGE"])
    return sum(1 for _ in gallery.migrate(storage, gallery.open_store(_pictures_in(folder)), keeps=True))


def _pictures_in(folder: Path) -> str:
    return f"file://{quote(str((folder / PICTURES).resolve()))}"


def _checksums(folder: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path != folder / FILE:
            with path.open("rb") as file:
                yield str(path.relative_to(folder)), hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _errors_as_refusals() -> Iterator[None]:
    """Raise errors of disk and databases as `BackupRefused`."""
    try:
        yield
    except (OSError, sqlite3.Error, gallery.StorageUnavailable) as error:
        raise BackupRefused(str(error)) from error
    except SQLAlchemyError as error:
        raise BackupRefused(str(getattr(error, "orig", error))) from error
