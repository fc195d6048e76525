"""The allow-list: drift that somebody has accepted until a day (pure). An entry that has ended is a finding itself."""

from __future__ import annotations

import datetime
import fnmatch
from collections.abc import Iterable
from zoneinfo import ZoneInfo

from planner.drift.model import Finding, Severity
from planner.estate import AllowedDrift, Estate


def sort_out(
    estate: Estate, findings: Iterable[Finding], now: float
) -> tuple[list[Finding], list[Finding], str | None]:
    """(findings that count, those that are allowed, the day when the first entry in use ends).

    The last day of an entry is the one that it names, in the estate's time zone.
    """
    today = datetime.datetime.fromtimestamp(now, ZoneInfo(estate.time_zone)).date().isoformat()
    valid = [one for one in estate.drift.allow if one.until >= today]
    count: list[Finding] = [_ended(one) for one in estate.drift.allow if one.until < today]
    allowed: list[Finding] = []
    ends: list[str] = []
    for finding in findings:
        entries = [one for one in valid if covers(one, finding)]
        (allowed if entries else count).append(finding)
        ends += [max(one.until for one in entries)] if entries else []
    return count, allowed, min(ends, default=None)


def covers(entry: AllowedDrift, finding: Finding) -> bool:
    """Both globs match; a property of `tags.*` covers all tags, one that is missing everything but that it is gone."""
    if not fnmatch.fnmatchcase(finding.address.casefold(), entry.address.casefold()):
        return False
    if entry.property is None:
        return finding.property != ""
    return fnmatch.fnmatchcase(finding.property.casefold(), entry.property.casefold())


def _ended(entry: AllowedDrift) -> Finding:
    what = f"its allow-list entry ended on {entry.until} ({entry.why})"
    then = "remove the entry, or set it right; another date needs another review"
    return Finding(Severity.OURS, entry.address, entry.property or "*", what, then, origin=entry.span)
