"""Errors that every domain builds on."""

from __future__ import annotations


class DomainError(Exception):
    """A rule of the shop said no. Subclasses are named for the fact and carry it; wording belongs to the views."""

    status = 409


class NotFoundError(DomainError):
    """There is no such thing, or none that the asker may know of. Pages answer 404 where no view catches it."""

    status = 404


class RetryLater(DomainError):
    """It was asked for too often.

    :ivar seconds: until it may be asked for again
    """

    status = 429

    def __init__(self, seconds: int) -> None:
        super().__init__(f"again in {seconds} s")
        self.seconds = seconds

    @property
    def wait(self) -> str:
        """How long to wait, in words."""
        return wait_in_words(self.seconds)


def wait_in_words(seconds: int) -> str:
    """40 seconds, 1 minute, 5 minutes; never less than is meant."""
    count, noun = (seconds, "second") if seconds < 60 else (-(-seconds // 60), "minute")
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
