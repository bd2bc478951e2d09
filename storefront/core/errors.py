"""Base classes of the errors of all domains."""

from __future__ import annotations


class DomainError(Exception):
    """A business rule was violated. Subclasses are named for the fact and carry its data; views word the message.

    :cvar status: HTTP status of the answer where no view catches the error
    """

    status = 409


class NotFoundError(DomainError):
    """The thing does not exist, or the caller may not know that it does."""

    status = 404


class RetryLater(DomainError):
    """A rate limit was exceeded.

    :ivar seconds: until the next attempt is allowed
    """

    status = 429

    def __init__(self, seconds: int) -> None:
        super().__init__(f"again in {seconds} s")
        self.seconds = seconds

    @property
    def wait(self) -> str:
        """The waiting time in words."""
        return wait_in_words(self.seconds)


def wait_in_words(seconds: int) -> str:
    """Format a duration, rounded up: 40 seconds, 1 minute, 5 minutes."""
    count, noun = (seconds, "second") if seconds < 60 else (-(-seconds // 60), "minute")
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
