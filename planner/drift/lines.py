"""Drift in lines, for text and Markdown alike: equal findings folded, times and names as people read them (pure)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from planner.drift.model import UNMANAGED, Drift, Finding, Severity
from replication.schedule import words

MANY = 5
"""So many addresses stand in a folded line; the JSON has all."""


@dataclass(frozen=True, slots=True)
class Line:
    """`who`: the addresses; `what`: the change; `then`: what follows; `where`: the places in the files."""

    severity: Severity
    who: str
    what: str
    then: str
    where: str

    def __str__(self) -> str:
        arrow = f" -> {self.then}" if self.then and self.then != "left alone" else f" ({self.then})" if self.then else ""
        return f"{self.who}: {self.what}{arrow}" + (f" [{self.where}]" if self.where else "")


def headline(drift: Drift) -> str:
    """`urgent 1 · ours 1 · foreign 2 · allowed 3 (next expiry 3 Dec) · unmanaged with our tag 0`."""
    parts = [f"{severity.value} {len(drift.of(severity))}" for severity in Severity]
    until = f" (next expiry {day(drift.expires, drift.at)})" if drift.expires else ""
    parts += [f"allowed {len(drift.allowed)}{until}", f"{UNMANAGED} with our tag {len(drift.unmanaged)}"]
    return " · ".join(parts)


def title(drift: Drift) -> str:
    """`seoul-exit 2027-01-14 06:00`, in the estate's time zone."""
    return f"{drift.estate} {datetime.fromtimestamp(drift.at, ZoneInfo(drift.time_zone)):%Y-%m-%d %H:%M %Z}"


def of(findings: tuple[Finding, ...], drift: Drift) -> Iterator[Line]:
    """A line for each finding; those that say the same of several things are one."""
    folded: dict[tuple[Severity, str, str], list[Finding]] = {}
    for finding in findings:
        folded.setdefault((finding.severity, _what(finding, drift), finding.then), []).append(finding)
    for (severity, what, then), same in folded.items():
        names = [name(f.address) for f in same]
        more = f" and {len(names) - MANY} more" if len(names) > MANY else ""
        places = {str(f.origin): None for f in same if f.origin}
        where = next(iter(places)) if len(places) == 1 else ""
        yield Line(severity, ", ".join(names[:MANY]) + more, what, then, where)


def foot(drift: Drift) -> Iterator[tuple[str, str]]:
    """(label, text) of what is told besides: lag, cost, what was not looked at."""
    lag, cycles = drift.lag, drift.cycles
    if lag is not None:
        limit = f" of {words.span(lag.limit)}" if lag.limit is not None else " (no limit set: `drift: {lag: 4h}`)"
        repaired = f"{cycles.repaired} of the last {cycles.kept} cycles failed at first and were repaired"
        worst = f"worst {lag.machine} {words.span(lag.seconds)}{limit}"
        yield "LAG", f"{worst} · {repaired} · {cycles.unexplained} sectors unexplained"
    yield from (("COST", line) for line in drift.cost)
    if drift.in_progress:
        yield "BUSY", f"{drift.in_progress} artifacts belong to orders under way and were not compared"
    yield from (("NOT CHECKED", line) for line in (*drift.blind, *drift.unchecked))


def unmanaged(drift: Drift) -> Iterator[str]:
    for one in drift.unmanaged:
        yield f"{one.id}" + (f" (tagged {one.address})" if one.address else "")


def day(date: str, now: float) -> str:
    """`3 Dec` of an ISO date within the next months, `3 Dec 2030` of a later one."""
    at = datetime.fromisoformat(date).replace(tzinfo=UTC)
    near = at.timestamp() - now < 300 * 86400
    return f"{at.day} {at:%b}" if near else f"{at.day} {at:%b} {at.year}"


def name(address: str) -> str:
    """An address as people say it: a machine by its name."""
    return address.removeprefix("machine.").removeprefix("appliance.")


def _what(finding: Finding, drift: Drift) -> str:
    if finding.property == "lag" and isinstance(finding.new, float | int):
        return f"{finding.what}: {words.span(finding.new)} of {words.span(finding.old)}"
    if finding.since is None:
        return finding.what
    return f"{finding.what} since {words.clock(finding.since, drift.at, drift.time_zone)}"
