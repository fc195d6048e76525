"""`wavelift release`: a completed machine is handed over: our tags come off, the state forgets it, with who and why."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from planner.plan.released import is_released
from planner.ports import ResourceRef
from planner.release import Handover, effects, obstacle, owned, undone
from planner.state import MachineState, Recorded
from planner.wording import did_you_mean
from replication.model.record import Record
from wavelift.applying.commanding import who
from wavelift.planning.look import refreshed
from wavelift.problems import UserProblem
from wavelift.state.care import changing

if TYPE_CHECKING:
    from wavelift.wiring import Wiring

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Chosen:
    """Machines to release, and those that are released already; both by name."""

    going: tuple[MachineState, ...]
    already: tuple[MachineState, ...]
    recorded: dict[str, list[Recorded]]
    """What the state has of each machine, by its name."""


def choose(wiring: Wiring, names: Sequence[str], wave: str | None) -> Chosen:
    """The machines that are meant. `UserProblem` with every one that cannot be released and what to do; then none is."""
    state, records = refreshed(wiring.engine, wiring.workspace.view().state)
    known = {m.name: m for m in state.machines.values()}
    found = [known[name] for name in _meant(wiring, known, names, wave)]
    already = tuple(m for m in found if is_released(m))
    going = tuple(m for m in found if not is_released(m))
    recorded = owned(state)
    _refuse(wiring, recorded, records, going)
    return Chosen(going, already, recorded)


def release(wiring: Wiring, names: Sequence[str], why: str, say: Say) -> None:
    """Under the lock: tags first, then the state in one go per machine, so that a cut-off release is begun again."""
    workspace = wiring.workspace
    with changing(workspace, "release", machines=" ".join(names), why=why) as session:
        state, records = refreshed(wiring.engine, session.state)
        session.replace(state, "refresh")
        known = state.by_name()
        going = [known[name] for name in names if not is_released(known[name])]
        recorded = owned(state)
        _refuse(wiring, recorded, records, going)
        for machine in going:
            count, gone = _tags(wiring, recorded[machine.name])
            asked = workspace.estate.machines.get(machine.name)
            wave = asked.wave if asked is not None else ""
            by = Handover(who(), time.time(), why, workspace.source_of(machine.name), wave)
            session.do(effects(recorded[machine.name], machine, by), f"release.{machine.name}")
            missing = f"; gone already: {', '.join(gone)}" if gone else ""
            say(f"{machine.name}: released; {count} resources are yours, without our tags{missing}")


def take_back(wiring: Wiring, name: str, why: str) -> str:
    """A released machine may replicate once more; nothing in Azure is taken back."""
    with changing(wiring.workspace, "release undone", machine=name, why=why) as session:
        machine = session.state.by_name().get(name)
        if machine is None or not is_released(machine):
            raise UserProblem(f"{name} is not released: there is nothing to undo. Nothing was changed.")
        session.do(undone(machine), f"release.{name}")
    return f"{name} may replicate once more, from the beginning. What it has in Azure stays yours: the new VM needs another name."


def _meant(wiring: Wiring, known: dict[str, MachineState], names: Sequence[str], wave: str | None) -> list[str]:
    estate = wiring.workspace.estate
    if bool(names) == (wave is not None):
        raise UserProblem("Say what is released: machines by name, or `--wave W`. Nothing was changed.")
    if wave is not None:
        if wave not in estate.waves:
            raise UserProblem(f"There is no wave `{wave}`.{did_you_mean(wave, estate.waves)} Nothing was changed.")
        names = tuple(estate.waves[wave].machines)
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known)
            raise UserProblem(f"The state has no machine `{name}`.{hint} Nothing was changed.")
    return list(dict.fromkeys(names))


def _refuse(
    wiring: Wiring, recorded: dict[str, list[Recorded]], records: dict[str, Record], machines: Sequence[MachineState]
) -> None:
    asked = wiring.workspace.estate.machines
    found = [obstacle(recorded[m.name], m, records.get(m.uuid), asked.get(m.name)) for m in machines]
    lines = [f"- {one}" for one in found if one]
    if lines:
        raise UserProblem("\n".join(["Not released:", *lines, "Nothing was changed."]))


def _tags(wiring: Wiring, recorded: list[Recorded]) -> tuple[int, list[str]]:
    """(how many resources are there, names of those that are not). What does not carry our tags any more is left alone."""
    from providers.azure.release import hand_over

    seen = wiring.artifacts.observe([ResourceRef(r.address, r.kind, r.id) for r in recorded if r.kind.value in _RESOURCES])
    said = f"{wiring.workspace.estate.name} {datetime.now(UTC):%Y-%m-%d}"
    there, gone = 0, []
    for address, found in seen.items():
        if found is None:
            gone.append(address)
            continue
        there += 1
        if found.ours:
            hand_over(wiring.azure, found.id, found.tags, said)
    return there, gone


_RESOURCES = frozenset({"vm", "disk", "nic"})
