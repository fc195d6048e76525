"""Put the plan together: renames, shared artifacts, machines, what left; then one order that respects every need."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import replace

from planner.desired import Desired
from planner.estate import Diagnostic
from planner.plan.artifacts import Differ
from planner.plan.leaving import plan_leaving
from planner.plan.machines import Machines, Notes
from planner.plan.model import Plan, World
from planner.state import State
from planner.steps import Delete, Rename, Step


def plan(desired: Desired, recorded: State, observed: World, allow_destroy: int | None = None) -> Plan:
    """The plan. `recorded` must have been refreshed (`planner.refresh.absorb`) with `observed.machines`.

    `allow_destroy`: how many data-bearing artifacts may go; another number than the planned one is an error.
    """
    state, renames = _renamed(desired, recorded)
    differ = Differ(state.artifacts, observed)
    notes = Notes()
    for step in renames:
        differ.add(step)
    for artifact in desired.shared:
        differ.want(artifact)
    Machines(desired, state, observed, differ, notes).plan_all()
    wanted = {a.address for a in desired.shared}
    plan_leaving(desired, state, observed, differ, notes, allow_destroy is not None, wanted)
    errors = [*desired.diagnostics, *differ.errors, *(d for d in observed.issues if d.severity == "error")]
    out = Plan(
        estate=desired.estate.name,
        lineage=recorded.lineage,
        serial=recorded.serial,
        steps=tuple(in_order(differ.steps)),
        deferred=tuple(notes.deferred),
        in_progress=tuple(notes.in_progress),
        kept=tuple(notes.kept),
        drift=tuple(differ.drift),
        warnings=tuple(d for d in observed.issues if d.severity == "warning"),
        errors=tuple(errors),
        inputs=desired.estate.digest,
    )
    if allow_destroy is not None and out.destroys != allow_destroy:
        return replace(out, errors=(*out.errors, _wrong_number(out, allow_destroy)))
    return out


def _renamed(desired: Desired, state: State) -> tuple[State, list[Rename]]:
    """The state as if renamed machines had always had their new names, and the steps that make it so."""
    artifacts, machines = dict(state.artifacts), dict(state.machines)
    steps = []
    for name, wanted in desired.machines.items():
        known = machines.get(wanted.uuid)
        if known is None or known.name == name:
            continue
        steps.append(
            Rename(
                f"rename.{name}",
                name,
                known.name,
                wanted.uuid,
                (),
                f"{known.name} is called {name} now",
                wanted.machine.wave,
            )
        )
        machines[wanted.uuid] = replace(known, name=name)
        for address in [a for a, r in artifacts.items() if r.machine == known.name]:
            moved = rename_address(address, known.name, name)
            artifacts[moved] = replace(artifacts.pop(address), address=moved, machine=name)
    return replace(state, artifacts=artifacts, machines=machines), steps


def rename_address(address: str, old: str, new: str) -> str:
    """`seed_disk.old/2000` -> `seed_disk.new/2000`."""
    kind, _, rest = address.partition(".")
    name, slash, key = rest.partition("/")
    return f"{kind}.{new}{slash}{key}" if name == old else address


def in_order(steps: Sequence[Step]) -> list[Step]:
    """Every step after those it needs; among the free ones shared before machines, then as the files have them.

    A heap over (position) keeps this linear-ish: n log n for 100,000 steps, and the same input gives the same order.
    Deletes run against the grain: what depends on a thing goes before it.
    """
    position = {s.address: i for i, s in enumerate(steps)}
    deleting = {s.address: s for s in steps if isinstance(s, Delete)}
    waits: list[int] = [0] * len(steps)
    feeds: list[list[int]] = [[] for _ in steps]
    for i, step in enumerate(steps):
        for need in step.needs:
            if need not in position:
                continue
            before, after = (i, position[need]) if need in deleting and step.address in deleting else (position[need], i)
            waits[after] += 1
            feeds[before].append(after)
    ready = [i for i, n in enumerate(waits) if n == 0]
    heapq.heapify(ready)
    out: list[Step] = []
    while ready:
        i = heapq.heappop(ready)
        out.append(steps[i])
        for j in feeds[i]:
            waits[j] -= 1
            if waits[j] == 0:
                heapq.heappush(ready, j)
    if len(out) != len(steps):
        stuck = sorted(s.address for i, s in enumerate(steps) if waits[i])
        raise AssertionError(f"steps need each other in a circle: {', '.join(stuck[:5])}")
    return out


def _wrong_number(plan: Plan, allowed: int) -> Diagnostic:
    detail = (
        f"--allow-destroy {allowed} was given, and this plan destroys {plan.destroys} data-bearing artifacts. "
        "Name the planned number."
    )
    return Diagnostic("WL330", "the number of destroyed artifacts differs", detail)
