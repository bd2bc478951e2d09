"""Where the files of pictures lie: in the database, in a folder, or in a store that speaks S3."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol, cast
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

import obstore
from flask import Flask, current_app
from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store
from sqlalchemy import Index, LargeBinary, String, delete, exists, select, update
from sqlalchemy.dialects.mysql import MEDIUMBLOB
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from config import ConfigurationError
from storefront.catalog.models import CatalogModel
from storefront.core.clock import utc_now
from storefront.core.errors import DomainError, NotFoundError
from storefront.db.column_types import UtcDateTime
from storefront.db.session import read_session, retry_on_deadlock, rows_changed, transaction

DATABASE = "database"  # what the default is called where a store must be named
ANSWER_WITHIN = timedelta(seconds=5)  # as long as a page waits for a database
RETRIES = 1

NAME = re.compile(r"[0-9a-f]{32}(?:-[0-9]{1,4}\.webp|\.(?:png|jpeg|webp))")  # of our files; others are not touched

_HOW = "IMAGE_STORAGE must be empty, file:///a/folder or s3://bucket?endpoint=https://host&region=name"


class UnknownPicture(NotFoundError):
    """There is no such picture."""


class StorageUnavailable(DomainError):
    """The store of the pictures does not answer, or will not have us."""

    status = 503


class ImageStorage(Protocol):
    """Files by name. What a name holds never changes, so putting it again is safe.

    Every method raises `StoreAway` when the store cannot be reached.
    """

    def put(self, name: str, content: bytes) -> None:
        """Keep a file; it is whole or not there."""

    def get(self, name: str) -> bytes:
        """:raise UnknownPicture: there is no such file"""

    def exists(self, name: str) -> bool:
        """Whether there is such a file."""

    def delete(self, name: str, *, put_before: datetime | None = None) -> None:
        """Let go of a file, if it is there.

        :param put_before: and if nobody put it there again since then
        """

    def names(self) -> Iterator[tuple[str, datetime]]:
        """Every file and when it was put there last."""


class PictureFile(CatalogModel):
    """A file of a picture, where the database is their store.

    :cvar size: of the content, in bytes
    """

    __tablename__ = "picture_files"
    __table_args__ = (Index("ix_picture_files_written_at", "written_at"),)

    name: Mapped[str] = mapped_column(String(48), primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary().with_variant(MEDIUMBLOB(), "mysql", "mariadb"))
    size: Mapped[int] = mapped_column()
    written_at: Mapped[datetime] = mapped_column(UtcDateTime)


class DatabaseStore:
    """The default: pictures are backed up with the rest, and there is nothing to set up."""

    def put(self, name: str, content: bytes) -> None:
        try:
            self._put(name, content)
        except IntegrityError:  # a twin put the same
            if not self.exists(name):
                raise

    @retry_on_deadlock
    def _put(self, name: str, content: bytes) -> None:
        with transaction("catalog") as session:
            kept = update(PictureFile).where(PictureFile.name == name).values(written_at=utc_now())
            if not rows_changed(session.execute(kept)):
                session.add(PictureFile(name=name, content=content, size=len(content), written_at=utc_now()))

    def get(self, name: str) -> bytes:
        content = read_session().scalar(select(PictureFile.content).where(PictureFile.name == name))
        if content is None:
            raise UnknownPicture(name)
        return content

    def exists(self, name: str) -> bool:
        return bool(read_session().scalar(select(exists().where(PictureFile.name == name))))

    @retry_on_deadlock
    def delete(self, name: str, *, put_before: datetime | None = None) -> None:
        gone = delete(PictureFile).where(PictureFile.name == name)
        with transaction("catalog") as session:
            session.execute(gone if put_before is None else gone.where(PictureFile.written_at < put_before))

    def names(self) -> Iterator[tuple[str, datetime]]:
        found = read_session().execute(select(PictureFile.name, PictureFile.written_at)).all()
        yield from ((row.name, row.written_at) for row in found)


class ObjectStore:
    """A folder or a bucket; several machines can share it, and the database stays small."""

    def __init__(self, store: LocalStore | S3Store) -> None:
        self._store = store

    def put(self, name: str, content: bytes) -> None:
        with _reached():
            obstore.put(self._store, name, content)

    def get(self, name: str) -> bytes:
        with _reached():
            try:
                return bytes(obstore.get(self._store, name).bytes())
            except FileNotFoundError as error:
                raise UnknownPicture(name) from error

    def exists(self, name: str) -> bool:
        with _reached():
            try:
                obstore.head(self._store, name)
            except FileNotFoundError:
                return False
        return True

    def delete(self, name: str, *, put_before: datetime | None = None) -> None:
        with _reached():
            try:
                if put_before is None or obstore.head(self._store, name)["last_modified"] < put_before:
                    obstore.delete(self._store, name)
            except FileNotFoundError:
                return

    def names(self) -> Iterator[tuple[str, datetime]]:
        with _reached():
            for some in obstore.list(self._store):
                yield from ((file["path"], file["last_modified"]) for file in some if NAME.fullmatch(file["path"]))


@contextmanager
def _reached() -> Iterator[None]:
    try:
        yield
    except (BaseError, OSError) as error:
        raise StorageUnavailable(str(error).partition("\n")[0]) from error


def init_app(app: Flask) -> None:
    """Open the store that IMAGE_STORAGE names.

    :raise ConfigurationError: it names none, or a folder that cannot be written to
    """
    app.extensions["picture_store"] = open_store(app.config["IMAGE_STORAGE"])


def store() -> ImageStorage:
    """The store of this shop."""
    return cast("ImageStorage", current_app.extensions["picture_store"])


def open_store(setting: str) -> ImageStorage:
    """A store by its name. A bucket is not looked for: the shop starts also while the store is away.

    :param setting: as IMAGE_STORAGE has it; `DATABASE` is another word for none
    :raise ConfigurationError: it names no store, or a folder that cannot be written to
    """
    if setting in {"", DATABASE}:
        return DatabaseStore()
    parts = urlsplit(setting)
    if parts.scheme == "file" and not parts.netloc and parts.path.strip("/") and not parts.query:
        return ObjectStore(_folder(Path(unquote(parts.path))))
    if parts.scheme == "s3" and parts.hostname:
        return ObjectStore(_bucket(parts))
    raise ConfigurationError(_HOW)


def _folder(path: Path) -> LocalStore:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"IMAGE_STORAGE: {path} cannot be made: {error.strerror}") from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise ConfigurationError(f"IMAGE_STORAGE: {path} cannot be written to")
    return LocalStore(path)


def _bucket(parts: SplitResult) -> S3Store:
    """Keys are found as AWS's own tools find them: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a machine's role."""
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    endpoint, region = options.pop("endpoint", ""), options.pop("region", os.environ.get("AWS_REGION", "us-east-1"))
    if options or (endpoint and urlsplit(endpoint).scheme not in {"http", "https"}):
        raise ConfigurationError(_HOW)
    return S3Store(
        parts.netloc,
        prefix=parts.path.strip("/") or None,
        region=region,
        client_options={"timeout": ANSWER_WITHIN, "allow_http": endpoint.startswith("http://")},
        retry_config={"max_retries": RETRIES, "retry_timeout": ANSWER_WITHIN},
        config={"endpoint": endpoint} if endpoint else None,
    )
