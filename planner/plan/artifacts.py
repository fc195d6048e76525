"""Steps for artifacts that apply makes: recorded against desired, with what was observed deciding what is really there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from planner.artifact import DATA_BEARING, Artifact, Json, Kind
from planner.compare import NOT_SET_BACK, POINT, outside, told
from planner.diff import Change, diff
from planner.estate import Diagnostic, Span
from planner.existing import WHY, is_existing, unfit
from planner.plan.model import World
from planner.ports import Observed
from planner.state import MachineState, Recorded
from planner.steps import Adopt, Create, Delete, Forget, Note, Step, Update

FIXED = frozenset({"location"})
"""Properties that Azure cannot change in place."""

_Kept = tuple[
    str, Kind, str, Mapping[str, Json], tuple[str, ...], tuple[str, ...], str, str | None, str | None, Span | None
]


class Differ:
    """Collects steps and drift; `stepped` are the addresses that have a step (later steps need those), with its place."""

    def __init__(self, recorded: Mapping[str, Recorded], world: World) -> None:
        self._recorded = recorded
        self._world = world
        self.any_gone = any(there is None for there in world.artifacts.values())
        self.steps: list[Step] = []
        self.drift: list[Note] = []
        self.errors: list[Diagnostic] = []
        self.warnings: list[Diagnostic] = []
        self.stepped: dict[str, int] = {}

    def add(self, step: Step) -> None:
        self.stepped[step.address] = len(self.steps)
        self.steps.append(step)

    def needs(self, deps: Iterable[str]) -> tuple[str, ...]:
        return tuple(d for d in deps if d in self.stepped)

    def want(self, artifact: Artifact, why: str = "") -> None:
        """Add the step that `artifact` needs, or none. Call in dependency order."""
        if self.settled(artifact.address, artifact.id, artifact.spec):
            return
        recorded = self._recorded.get(artifact.address)
        seen = self._world.artifacts.get(artifact.address)
        if is_existing(artifact.spec):
            self._use(artifact, recorded, seen)
        elif recorded is None:
            self._missing(artifact, seen, why)
        elif self.gone(artifact.address):
            self.note_gone(recorded, artifact.wave, artifact.origin)
            self._create(artifact, "recorded, and gone outside of wavelift: made again")
        else:
            self._existing(artifact, recorded, seen)

    def settled(self, address: str, arm_id: str, spec: Mapping[str, Json]) -> bool:
        """As nearly everything is: ours, made as it is asked for now, and not looked at. Then `want` has nothing to do."""
        recorded = self._recorded.get(address)
        same = recorded is not None and recorded.id == arm_id and recorded.spec == spec
        return same and address not in self._world.artifacts and not is_existing(spec)

    def enable(self, address: str, machine: MachineState) -> None:
        """Let the step that makes a replication item carry the machine's new entry in the state."""
        at = self.stepped.get(address)
        step = None if at is None else self.steps[at]
        if at is not None and isinstance(step, Create):
            self.steps[at] = replace(step, enables=machine)

    def drop(self, recorded: Recorded, why: str, users: Iterable[str] = (), wave: str | None = None) -> None:
        """Delete something recorded that is wanted no more, after the steps of its `users`. What others have made stays."""
        needs = self.needs(users)
        if is_existing(recorded.spec):
            self.add(Forget(recorded.address, recorded.kind, needs, f"{why}; it stays as it is: others have made it"))
            return
        self.add(Delete(recorded.address, recorded.kind, recorded.id, needs, why, recorded.machine, wave))

    def gone(self, address: str) -> bool:
        """It was looked for and is not there."""
        return address in self._world.artifacts and self._world.artifacts[address] is None

    def pointless(self, address: str) -> bool:
        """It is a seed disk whose newest recovery point somebody has deleted."""
        seen = self._world.artifacts.get(address)
        return seen is not None and POINT in seen.strayed

    def note_gone(self, recorded: Recorded, wave: str | None, origin: Span | None) -> None:
        self.drift.append(Note(recorded.address, "is gone", f"recorded as {recorded.id}, and no longer there", wave, origin))

    def note_changed(self, recorded: Recorded, wave: str | None, origin: Span | None) -> None:
        """What somebody changed on a thing that no step sets back (the engine made it, an order at a time)."""
        self._changed(recorded, self._world.artifacts.get(recorded.address), wave, origin)

    def _changed(self, recorded: Recorded, seen: Observed | None, wave: str | None, origin: Span | None) -> tuple[Change, ...]:
        if seen is not None and seen.readable and not seen.ours:
            note = Note(recorded.address, "does not carry our tags any more", "apply refuses to touch it", wave, origin)
            self.drift.append(note)
            return ()
        moved = outside(recorded, seen) if seen is not None and seen.readable else ()
        for change in moved:
            what, why = f"{'.'.join(change.path)} changed", f"set to {change.old!r}, now {change.new!r}"
            if change.path[0] in NOT_SET_BACK:
                what, why = told(change), NOT_SET_BACK[change.path[0]]
            self.drift.append(Note(recorded.address, what, why, wave, origin))
        return moved

    def _missing(self, artifact: Artifact, seen: Observed | None, why: str) -> None:
        if seen is None or not seen.readable:
            self._create(artifact, why or "in the estate, not there yet")
        elif seen.ours:
            again = "found with our tag: an earlier apply was cut off after making it"
            self.add(Adopt(*self._kept(replace(artifact, id=seen.id), again)))
        else:
            detail = (
                f"{artifact.address}: {artifact.id} exists and does not carry this estate's tags. "
                "wavelift does not take over what it did not make: choose another name or resource group, or remove it."
            )
            if "condition" in seen.strayed:
                detail = (
                    f"{artifact.address}: this role is assigned already, under a condition, so that it may not hold for what is "
                    f"asked of it: {seen.properties.get('assignment', artifact.id)}. Remove the condition or the assignment."
                )
            self.errors.append(Diagnostic("WL310", "exists and is not ours", detail, artifact.address, artifact.origin))

    def _use(self, artifact: Artifact, recorded: Recorded | None, seen: Observed | None) -> None:
        """Of others: looked at and recorded. No step ever changes it."""
        if self.gone(artifact.address):
            detail = f"{artifact.address}: {artifact.id} does not exist, though `azure.existing` names it. Correct it there."
            self.errors.append(Diagnostic("WL570", "the existing artifact is not there", detail, "azure.existing"))
            return
        reasons = list(unfit(artifact, seen)) if seen is not None and seen.readable else []
        if reasons:
            detail = f"{artifact.address}: {artifact.id} cannot be used: {'; '.join(reasons)}. Whoever owns it can change that."
            self.errors.append(Diagnostic("WL571", "the existing artifact cannot be used", detail, "azure.existing"))
        if seen is not None and seen.properties.get("public_network_access") == "Disabled":
            detail = (
                f"{artifact.address}: {artifact.id} is reached through a private endpoint alone. `wavelift doctor`, on each host "
                "that plans, applies or runs the engine, tries the way there."
            )
            self.warnings.append(
                Diagnostic("WL572", "reached through a private endpoint alone", detail, "azure.existing", severity="warning")
            )
        if recorded is not None and recorded.id.lower() != artifact.id.lower():
            self._existing(artifact, recorded, None)
        elif recorded is None or recorded.spec != artifact.spec:
            self.add(Adopt(*self._kept(artifact, WHY)))

    def _create(self, artifact: Artifact, why: str) -> None:
        self.add(Create(*self._kept(artifact, why)))

    def _kept(self, artifact: Artifact, why: str) -> _Kept:
        """What every step begins with that leaves an artifact in the state."""
        needs, at = self.needs(artifact.deps), (artifact.machine, artifact.wave, artifact.origin)
        return artifact.address, artifact.kind, artifact.id, artifact.spec, needs, artifact.deps, why, *at

    def _existing(self, artifact: Artifact, recorded: Recorded, seen: Observed | None) -> None:
        moved = self._changed(recorded, seen, artifact.wave, artifact.origin)
        moved = tuple(change for change in moved if change.path[0] not in NOT_SET_BACK)
        changes = tuple(diff(recorded.spec, artifact.spec))
        fixed = [c for c in (*changes, *moved) if c.path and c.path[0] in FIXED]
        if fixed or recorded.id.lower() != artifact.id.lower():
            what = ", ".join(f"{'.'.join(c.path)} {c.old!r} -> {c.new!r}" for c in fixed) or f"{recorded.id} -> {artifact.id}"
            remedy = "Put the old value back, or take what is there out of the estate first."
            detail = f"{artifact.address}: {what} would mean to make it anew. {remedy}"
            summary = "cannot be changed in place" + (" (it holds data)" if artifact.kind in DATA_BEARING else "")
            self.errors.append(Diagnostic("WL311", summary, detail, artifact.address, artifact.origin))
            return
        if changes or moved:
            why = "the estate asks for it" if changes else "changed outside of wavelift: set back"
            back = tuple(Change("change", c.path, c.new, c.old) for c in moved)
            self.add(Update(*self._kept(artifact, why), changes=changes or back))


def as_recorded(recorded: Mapping[str, Recorded], seen: Mapping[str, Observed | None]) -> bool:
    """Whether nothing of `seen` can change a plan that was made without looking: what is recorded is there as it was made,
    and nothing else is. By the same comparison as the plan's own."""
    for address, observed in seen.items():
        known = recorded.get(address)
        if observed is None:
            if known is not None:
                return False
        elif observed.readable and (known is None or not observed.ours or any(outside(known, observed))):
            return False
    return True
