"""The top of `status`: which engine is alive, who needs somebody, each wave in one line. All from the machines' rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from textwrap import shorten
from typing import Any

from planner.estate import Estate, Wave
from planner.wording import without_arm_ids
from replication.model.status import State
from replication.schedule import words

Row = Mapping[str, Any]
"""One machine as `status --json` shows it."""

SILENT = 60.0
"""An engine that has written nothing for so long is called silent: it writes every half minute at least."""

SHORT = 240
"""Characters of a reason under NEEDS YOU; `status MACHINE` has all of a longer one."""

COLUMNS = ("wave", "asked", "queued", "initial", "delta", "test", "cutting", "done", "worst lag", "next gate")

_QUEUED = (State.INITIAL_QUEUED.value, "waiting for the engine")
_CUTTING = (State.MIGRATION_QUEUED.value, State.MIGRATION.value)


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """An appliance and the seconds since its engine last wrote about one of the machines that it replicates; None: never."""

    appliance: str
    seconds: float | None
    machines: tuple[str, ...]
    line: str = ""
    """What the appliance has on the line: "WAN 196 of 200 Mbps"."""

    @property
    def silent(self) -> bool:
        return self.seconds is None or self.seconds > SILENT

    def __str__(self) -> str:
        if self.seconds is None:
            return f"{self.appliance} NO ENGINE YET"
        if self.silent:
            return f"{self.appliance} SILENT {words.span(self.seconds)}"
        return f"{self.appliance} ok {words.span(self.seconds)}" + (f" · {self.line}" if self.line else "")


def replicates(row: Row) -> bool:
    """Whether an engine has to write about this machine: it replicates, or should begin to."""
    return bool(row["state"] != State.NOT_APPLICABLE.value)


def heartbeats(rows: Sequence[Row]) -> list[Heartbeat]:
    """Of every appliance that has something to replicate."""
    machines: dict[str, list[str]] = {}
    beats: dict[str, float] = {}
    lines: dict[str, str] = {}
    for row in rows:
        if replicates(row):
            appliance = row.get("appliance") or "engine"
            machines.setdefault(appliance, []).append(row["machine"])
            if "heartbeat" in row and row["heartbeat"] <= beats.get(appliance, row["heartbeat"]):
                beats[appliance], lines[appliance] = row["heartbeat"], _line(row)
    return [Heartbeat(name, beats.get(name), tuple(of), lines.get(name, "")) for name, of in machines.items()]


def _line(row: Row) -> str:
    """As of the newest word of its engine."""
    line, limit = row.get("line"), row.get("line_limit")
    if line is None:
        return ""
    return f"WAN {line / 1e6:.0f}" + (f" of {limit / 1e6:.0f}" if limit is not None else "") + " Mbps"


def head(rows: Sequence[Row]) -> Iterator[str]:
    """`gw-1 ok 4 s · gw-2 SILENT 11 min`, then what needs somebody; nothing where nothing replicates."""
    beats = heartbeats(rows)
    if beats:
        yield " · ".join(str(beat) for beat in beats)
    needs = [f"{b.appliance} silent: `wavelift engine run` on its host starts one" for b in beats if b.silent]
    needs += [_need(row) for row in rows if row.get("needs")]
    if needs:
        yield f"NEEDS YOU {len(needs)}:"
        yield from (f"  {one}" for one in needs)


def _need(row: Row) -> str:
    """The one place for its reason: the machine's own line says that it stands here."""
    problem = without_arm_ids(row.get("problem") or "").removeprefix(f"{row['machine']}: ")
    why = shorten(" · ".join(text for text in (row.get("hold"), problem) if text), SHORT, placeholder=" …")
    return f"{row['machine']}: {why} -> wavelift status {row['machine']}" if why else str(row["needs"])


def waves(estate: Estate, rows: Sequence[Row], now: float) -> list[tuple[str, ...]]:
    """A line of `COLUMNS` for each wave."""
    by_wave: dict[str, list[Row]] = {}
    for row in rows:
        by_wave.setdefault(row["wave"], []).append(row)
    stages = {row["machine"]: _stage(row) for row in rows}
    return [_wave(estate, estate.waves[name], mine, stages, now) for name, mine in by_wave.items()]


def _stage(row: Row) -> str:
    if row.get("life") in ("migrated", "completed", "released"):
        return "done"
    if row["state"] in _QUEUED:
        return "queued"
    if row["state"] in _CUTTING:
        return "cutting"
    if row["state"] == State.INITIAL.value:
        return "initial"
    if row["state"] == State.TEST_PENDING.value:
        return "test" if row.get("tested") else "delta"
    # Its engine does not list it any more and the state has not been told: migrated since the last apply.
    return "done" if row.get("cycle") and row.get("life") == "replicating" else ""


def _wave(
    estate: Estate, wave: Wave, rows: Sequence[Row], stages: Mapping[str, str], now: float
) -> tuple[str, ...]:
    counts: dict[str, int] = dict.fromkeys(COLUMNS[2:8], 0)
    held: dict[str, int] = dict.fromkeys(COLUMNS[2:8], 0)
    for row in rows:
        stage = stages[row["machine"]]
        if stage:
            machine = estate.machines[row["machine"]]
            (held if machine.hold is not None or row.get("hold") else counts)[stage] += 1
    shown = [f"{counts[s]}" + (f"+{held[s]}h" if held[s] else "") for s in counts]
    lags = [(row["lag"], row["machine"]) for row in rows if replicates(row) and row.get("lag") is not None]
    worst = f"{max(lags)[1]} {words.span(max(lags)[0])}" if lags else ""
    return (wave.name, wave.phase.value, *shown, worst, _gate(estate, wave, stages, now))


def _gate(estate: Estate, wave: Wave, stages: Mapping[str, str], now: float) -> str:
    """What the wave's cut-over waits for next: another wave, or its window."""
    left = [name for name in wave.machines if stages.get(name) != "done"]
    for other, awaited in wave.after.items():
        if left and any(stages.get(name) != "done" for name in estate.waves[other].machines):
            return f"{other} {awaited}"
    opens = [at for name in left if (at := estate.machines[name].cutover.opens) is not None and at > now]
    return words.clock(min(opens), now, estate.time_zone) if opens else ""
