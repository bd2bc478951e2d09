"""The image store: the database, a folder, or an S3-compatible bucket."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

import obstore
from flask import Flask, current_app
from obstore.exceptions import BaseError, GenericError, JoinError
from obstore.store import LocalStore, S3Store
from sqlalchemy import Index, LargeBinary, String, delete, exists, select, update
from sqlalchemy.dialects.mysql import MEDIUMBLOB
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from storefront.catalog.models import CatalogModel
from storefront.core.clock import utc_now
from storefront.core.environment import ConfigurationError
from storefront.core.errors import DomainError, NotFoundError
from storefront.core.outside_calls import OutsideService, ServiceUnavailable
from storefront.db.column_types import UtcDateTime
from storefront.db.session import read_session, retry_on_deadlock, rows_changed, transaction

DATABASE = "database"  # the default store, where a command needs its name
TIMEOUT = timedelta(seconds=5)  # the same as for a database
RETRIES = 1

NAME = re.compile(r"[0-9a-f]{32}(?:-[0-9]{1,4}\.webp|\.(?:png|jpeg|webp))")  # of our files; other files are ignored

# Whatever else the library raises is an answer: no such file, or not for these credentials.
BUCKET = OutsideService("object-store", lambda error: isinstance(error, (GenericError, JoinError)), pause_seconds=10)

R = TypeVar("R")

_USAGE = "IMAGE_STORAGE must be empty, file:///a/folder or s3://bucket?endpoint=https://host&region=name"


class UnknownPicture(NotFoundError):
    """No image or image file has this id or name."""


class StorageUnavailable(DomainError):
    """The image store does not answer, or refuses our credentials."""

    status = 503


class ImageStorage(Protocol):
    """Files by name. Names are content hashes: a file never changes, so putting it again is safe.

    Every method raises `StorageUnavailable` when the store cannot be reached.
    """

    def put(self, name: str, content: bytes) -> None:
        """Store a file atomically."""

    def get(self, name: str) -> bytes:
        """Return the content of a file.

        :raise UnknownPicture: no file has this name
        """

    def exists(self, name: str) -> bool:
        """Tell whether the file exists."""

    def delete(self, name: str, *, put_before: datetime | None = None) -> None:
        """Delete a file, if it exists.

        :param put_before: delete it only if it was last put before this time
        """

    def names(self) -> Iterator[tuple[str, datetime]]:
        """Yield name and time of the last put of every file."""


class PictureFile(CatalogModel):
    """An image file, when the database is the image store.

    :cvar size: of the content, in bytes
    :cvar written_at: time of the last put
    """

    __tablename__ = "picture_files"
    __table_args__ = (Index("ix_picture_files_written_at", "written_at"),)

    name: Mapped[str] = mapped_column(String(48), primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary().with_variant(MEDIUMBLOB(), "mysql", "mariadb"))
    size: Mapped[int] = mapped_column()
    written_at: Mapped[datetime] = mapped_column(UtcDateTime)


class DatabaseStore:
    """The default store: no setup, and images are part of the database backup."""

    def put(self, name: str, content: bytes) -> None:
        try:
            self._put(name, content)
        except IntegrityError:  # a concurrent request put the same file
            if not self.exists(name):
                raise

    @retry_on_deadlock
    def _put(self, name: str, content: bytes) -> None:
        with transaction("catalog") as session:
            existing = update(PictureFile).where(PictureFile.name == name).values(written_at=utc_now())
            if not rows_changed(session.execute(existing)):
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
        named = delete(PictureFile).where(PictureFile.name == name)
        with transaction("catalog") as session:
            session.execute(named if put_before is None else named.where(PictureFile.written_at < put_before))

    def names(self) -> Iterator[tuple[str, datetime]]:
        files = read_session().execute(select(PictureFile.name, PictureFile.written_at)).all()
        yield from ((row.name, row.written_at) for row in files)


class ObjectStore:
    """A folder or an S3 bucket: several machines can share it, and the database stays small."""

    def __init__(self, store: LocalStore | S3Store) -> None:
        self._store = store

    def put(self, name: str, content: bytes) -> None:
        self._ask_for_all("put", lambda: obstore.put(self._store, name, content))

    def get(self, name: str) -> bytes:
        try:
            return self._ask("get", lambda: bytes(obstore.get(self._store, name).bytes()))
        except FileNotFoundError as error:
            raise UnknownPicture(name) from error

    def exists(self, name: str) -> bool:
        try:
            self._head(name)
        except FileNotFoundError:
            return False
        return True

    def delete(self, name: str, *, put_before: datetime | None = None) -> None:
        try:
            if put_before is None or self._head(name)["last_modified"] < put_before:
                self._ask("delete", lambda: obstore.delete(self._store, name))
        except FileNotFoundError:
            return

    def names(self) -> Iterator[tuple[str, datetime]]:
        batches = iter(obstore.list(self._store))  # each asks when it is needed
        while (batch := self._ask_for_all("list", lambda: next(batches, None))) is not None:
            yield from ((file["path"], file["last_modified"]) for file in batch if NAME.fullmatch(file["path"]))

    def _head(self, name: str) -> Any:
        return self._ask("head", lambda: obstore.head(self._store, name))

    def _ask_for_all(self, operation: str, ask: Callable[[], R]) -> R:
        """Ask what every store can answer; nothing is missing but the bucket or the folder itself."""
        try:
            return self._ask(operation, ask)
        except FileNotFoundError as error:
            raise StorageUnavailable(str(error).partition("\n")[0]) from error

    def _ask(self, operation: str, ask: Callable[[], R]) -> R:
        """Ask the store; the library repeats a request to a bucket itself.

        :raise FileNotFoundError: there is no such file
        """
        try:
            return ask() if isinstance(self._store, LocalStore) else BUCKET.call(operation, ask)
        except FileNotFoundError:
            raise
        except (BaseError, OSError, ServiceUnavailable) as error:
            raise StorageUnavailable(str(error).partition("\n")[0]) from error


def init_app(app: Flask) -> None:
    """Open the image store of the setting IMAGE_STORAGE.

    :raise ConfigurationError: the setting is invalid, or its folder is not writable
    """
    app.extensions["picture_store"] = open_store(app.config["IMAGE_STORAGE"])


def store() -> ImageStorage:
    """Return the image store of the current application."""
    return cast("ImageStorage", current_app.extensions["picture_store"])


def open_store(setting: str) -> ImageStorage:
    """Open an image store. A bucket is not contacted, so that the shop also starts while it is unavailable.

    :param setting: a value of IMAGE_STORAGE; `DATABASE` is the same as an empty one
    :raise ConfigurationError: the setting is invalid, or its folder is not writable
    """
    if setting in {"", DATABASE}:
        return DatabaseStore()
    parts = urlsplit(setting)
    if parts.scheme == "file" and not parts.netloc and parts.path.strip("/") and not parts.query:
        return ObjectStore(_folder(Path(unquote(parts.path))))
    if parts.scheme == "s3" and parts.hostname:
        return ObjectStore(_bucket(parts))
    raise ConfigurationError(_USAGE)


def _folder(path: Path) -> LocalStore:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"IMAGE_STORAGE: {path} cannot be made: {error.strerror}") from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise ConfigurationError(f"IMAGE_STORAGE: {path} cannot be written to")
    return LocalStore(path)


def _bucket(parts: SplitResult) -> S3Store:
    """Open a bucket; credentials come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or from the machine's role."""
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    endpoint, region = options.pop("endpoint", ""), options.pop("region", os.environ.get("AWS_REGION", "us-east-1"))
    if options or (endpoint and urlsplit(endpoint).scheme not in {"http", "https"}):
        raise ConfigurationError(_USAGE)
    return S3Store(
        parts.netloc,
        prefix=parts.path.strip("/") or None,
        region=region,
        client_options={"timeout": TIMEOUT, "allow_http": endpoint.startswith("http://")},
        retry_config={"max_retries": RETRIES, "retry_timeout": TIMEOUT},
        config={"endpoint": endpoint} if endpoint else None,
    )
