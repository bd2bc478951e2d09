"""The manifest of a backup."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

FILE = "backup.json"
FORMAT = 1


class BackupRefused(RuntimeError):
    """A backup could not be made or restored; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """The description of a backup, stored with it.

    :ivar made_at: the moment of the snapshot
    :ivar engine: "sqlite" or "mysql"
    :ivar databases: the name of each database, by schema
    :ivar revisions: the revision of the tables, by schema
    :ivar pictures: the number of image files; None if the images are in the database or a bucket
    :ivar has_key: whether the generated key is included
    :ivar checksums: SHA-256 of each file, by its path within the folder
    """

    made_at: datetime
    engine: str
    databases: Mapping[str, str]
    revisions: Mapping[str, str]
    pictures: int | None
    has_key: bool
    checksums: Mapping[str, str]

    def write(self, folder: Path) -> None:
        """Write the manifest into the folder of its backup."""
        content = {"format": FORMAT, **asdict(self), "made_at": self.made_at.isoformat()}
        (folder / FILE).write_text(json.dumps(content, indent=1) + "\n")

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Read the manifest of a backup.

        :raise BackupRefused: the folder contains no complete backup
        """
        try:
            content = json.loads((folder / FILE).read_text())
            if content.pop("format") != FORMAT:
                raise BackupRefused(f"{folder} was made by another version of the shop")
            return cls(**{**content, "made_at": datetime.fromisoformat(content["made_at"])})
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise BackupRefused(f"{folder} contains no backup: {FILE} cannot be read") from error
