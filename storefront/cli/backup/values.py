"""What a backup says of itself, and why one is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

FILE = "backup.json"
FORMAT = 1


class BackupRefused(RuntimeError):
    """A backup could not be made or restored; its words say what to do."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """:ivar made_at: the moment that the databases show
    :ivar engine: "sqlite" or "mysql"
    :ivar databases: by schema, what each was called
    :ivar revisions: by schema, the revision of its tables
    :ivar pictures: how many files of pictures lie beside them; None when the database or a bucket keeps them
    :ivar has_key: whether the key is among the files
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
        told = {"format": FORMAT, **asdict(self), "made_at": self.made_at.isoformat()}
        (folder / FILE).write_text(json.dumps(told, indent=1) + "\n")

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """:raise BackupRefused: the folder holds no whole backup"""
        try:
            told = json.loads((folder / FILE).read_text())
            if told.pop("format") != FORMAT:
                raise BackupRefused(f"{folder} was made by another version of the shop")
            return cls(**{**told, "made_at": datetime.fromisoformat(told["made_at"])})
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise BackupRefused(f"{folder} holds no backup: its {FILE} cannot be read") from error
