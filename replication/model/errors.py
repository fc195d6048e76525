"""Errors that cross a port. A provider turns every vendor error into one of these, chained with `from`.

`Permanent`: doing it again will not help; a person must act (`remedy` says how).
`Temporary`: doing it again later may help; `retry_after` in seconds when the other side said so.
`Conflict`: somebody else changed the thing meanwhile (ETag, lease, sequence number): read again, never force.
`UnknownFate`: the request was sent and no answer came: it may have happened, or may still happen later.
"""

from __future__ import annotations


class PortError(Exception):
    """Base; refuses to be raised itself so that every error says what class it is of."""

    def __init__(self, message: str, *, subject: str = "", remedy: str = "", code: str = "") -> None:
        if type(self) is PortError:
            raise TypeError("raise Permanent, Temporary, Conflict or UnknownFate")
        super().__init__(message)
        self.message = message
        self.subject = subject
        self.remedy = remedy
        self.code = code

    def __str__(self) -> str:
        head = f"{self.subject}: {self.message}" if self.subject else self.message
        return f"{head} ({self.remedy})" if self.remedy else head


class Permanent(PortError):
    """Doing it again will not help."""


class NotFound(Permanent):
    """The thing is not there."""


class Denied(Permanent):
    """The other side knows us and says no (401, 403, NoPermission, InvalidLogin)."""


class Temporary(PortError):
    """Doing it again later may help."""

    def __init__(
        self, message: str, *, retry_after: float | None = None, subject: str = "", remedy: str = "", code: str = ""
    ) -> None:
        super().__init__(message, subject=subject, remedy=remedy, code=code)
        self.retry_after = retry_after


class UnknownFate(Temporary):
    """The connection broke after the request was sent: it may have happened or may happen later."""


class Leaving(PortError):
    """A wait was given up because the process is to stop: it may have happened, or may still happen."""


class Conflict(PortError):
    """A condition (ETag, If-None-Match, lease, sequence number) did not hold: somebody else was there."""


class ResyncRequired(PortError):
    """Changed block tracking cannot say what changed since the given change id (reset, restart, fault)."""


class Corrupt(PortError):
    """Bytes are not what was sealed: digest, tag, checksum or identity differ. Nothing of them may be used."""
