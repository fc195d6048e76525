"""Conditional headers, evaluated at the moment at which a request takes effect (under the blob's lock)."""

from __future__ import annotations

from collections.abc import Callable
from email.utils import parsedate_to_datetime
from operator import eq, le, lt
from typing import Protocol

from lab.azure.blob.errors import BlobError, condition_not_met, invalid_header
from lab.http import Headers

_SEQUENCE_TESTS: dict[str, Callable[[int, int], bool]] = {"le": le, "lt": lt, "eq": eq}


class Versioned(Protocol):
    """What conditions are about."""

    @property
    def etag(self) -> str: ...
    @property
    def modified(self) -> float: ...


def check(headers: Headers, target: Versioned | None, *, write: bool, creates: bool = False) -> None:
    """If-Match, If-None-Match, If-Modified-Since, If-Unmodified-Since. Raises BlobError 304, 409 or 412.

    `creates`: the operation makes the blob, so that `If-None-Match: *` means "only if there is none" (409 otherwise).
    """
    if "x-ms-if-tags" in headers:
        raise BlobError(
            400, "UnsupportedHeader", "The lab keeps no blob tags, so x-ms-if-tags cannot be checked."
        )
    wanted = headers.get("if-match")
    if wanted is not None and (target is None or not _same_tag(wanted, target.etag)):
        raise condition_not_met()
    if target is None:
        return
    unwanted = headers.get("if-none-match")
    if unwanted == "*" and creates:
        raise BlobError(409, "BlobAlreadyExists", "The specified blob already exists.")
    if unwanted is not None and _same_tag(unwanted, target.etag):
        raise condition_not_met() if write else _not_modified()
    modified = int(target.modified)
    since = _date(headers, "if-modified-since")
    if since is not None and unwanted is None and modified <= since:
        raise condition_not_met() if write else _not_modified()
    until = _date(headers, "if-unmodified-since")
    if until is not None and wanted is None and modified > until:
        raise condition_not_met()


def check_source(headers: Headers, source: Versioned) -> None:
    """The x-ms-source-if-… headers of a copy. Raises BlobError 412 SourceConditionNotMet."""
    prefix = "x-ms-source-"
    wanted = headers.get(prefix + "if-match")
    unwanted = headers.get(prefix + "if-none-match")
    since = _date(headers, prefix + "if-modified-since")
    until = _date(headers, prefix + "if-unmodified-since")
    modified = int(source.modified)
    if (
        (wanted is not None and not _same_tag(wanted, source.etag))
        or (unwanted is not None and _same_tag(unwanted, source.etag))
        or (since is not None and modified <= since)
        or (until is not None and modified > until)
    ):
        raise BlobError(
            412,
            "SourceConditionNotMet",
            "The source condition specified using HTTP conditional header(s) is not met.",
        )


def check_sequence(headers: Headers, sequence: int) -> None:
    """x-ms-if-sequence-number-le, -lt, -eq: what keeps a late page write out. Raises BlobError 412."""
    for name, holds in _SEQUENCE_TESTS.items():
        header = f"x-ms-if-sequence-number-{name}"
        text = headers.get(header)
        if text is None:
            continue
        if not text.isdigit():
            raise invalid_header(header, text)
        if not holds(sequence, int(text)):
            raise BlobError(
                412,
                "SequenceNumberConditionNotMet",
                "The sequence number condition specified was not met.",
            )


def _same_tag(given: str, etag: str) -> bool:
    return given == "*" or given.strip('"') == etag.strip('"')


def _date(headers: Headers, name: str) -> float | None:
    text = headers.get(name)
    if text is None:
        return None
    try:
        return parsedate_to_datetime(text).timestamp()
    except ValueError:
        raise invalid_header(name, text) from None


def _not_modified() -> BlobError:
    return BlobError(
        304, "ConditionNotMet", "The condition specified using HTTP conditional header(s) is not met."
    )
