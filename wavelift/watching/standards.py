"""`status --check lag=4h`: what must hold of the machines, for a scheduler that only looks at an exit code."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from planner.config.forms import seconds
from planner.wording import some
from replication.schedule import words
from wavelift.problems import UserProblem
from wavelift.watching.overview import Row, heartbeats, replicates

FORMS = "lag=4h, heartbeat=10m, needs=0"


@dataclass(frozen=True, slots=True)
class Standard:
    """`name` must stay at or below `limit` (seconds; of `needs` a number)."""

    name: str
    limit: float


def parsed(written: Sequence[str]) -> list[Standard]:
    """`lag=4h` and the like. Raises `UserProblem`, which names all forms."""
    return [_one(text) for text in written]


def _one(text: str) -> Standard:
    name, _, limit = text.partition("=")
    if name not in _CHECKS or not limit:
        raise UserProblem(f"--check {text}: it is written like {FORMS}")
    try:
        return Standard(name, float(int(limit)) if name == "needs" else seconds(limit))
    except ValueError as error:
        raise UserProblem(f"--check {text}: {limit!r} is {error}; it is written like {FORMS}") from error


def failures(standards: Sequence[Standard], rows: Sequence[Row]) -> list[str]:
    """A line for each machine or appliance that does not hold; empty: all hold."""
    return [line for one in standards for line in _CHECKS[one.name](rows, one.limit)]


def held(standards: Sequence[Standard], rows: Sequence[Row]) -> str:
    """What was looked at, where all hold."""
    limits = [f"{s.name} within {f'{s.limit:g}' if s.name == 'needs' else words.span(s.limit)}" for s in standards]
    return f"ok: {', '.join(limits)}; {sum(replicates(row) for row in rows)} machines replicate"


def _lag(rows: Sequence[Row], limit: float) -> Iterator[str]:
    for row in rows:
        if replicates(row) and row.get("lag") is not None and row["lag"] > limit:
            why = row.get("problem") or row.get("held") or row.get("hold") or ""
            yield f"lag: {row['machine']} is {words.span(row['lag'])} behind (limit {words.span(limit)})" + (
                f": {why}" if why else ""
            )


def _heartbeat(rows: Sequence[Row], limit: float) -> Iterator[str]:
    for beat in heartbeats(rows):
        if beat.seconds is None or beat.seconds > limit:
            names = some(beat.machines)
            since = "no engine has been there yet" if beat.seconds is None else f"silent for {words.span(beat.seconds)}"
            yield f"heartbeat: {beat.appliance} {since} (limit {words.span(limit)}): nothing replicates {names}"


def _needs(rows: Sequence[Row], limit: float) -> Iterator[str]:
    waiting = [row["needs"] for row in rows if row.get("needs")]
    if len(waiting) > limit:
        yield from (f"needs: {one}" for one in waiting)


_CHECKS: dict[str, Callable[[Sequence[Row], float], Iterator[str]]] = {
    "lag": _lag,
    "heartbeat": _heartbeat,
    "needs": _needs,
}
