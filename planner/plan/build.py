"""Put the plan together: renames, shared artifacts, machines, what left; then one order that respects every need."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import replace

from planner.desired import Desired
from planner.estate import Diagnostic, Estate
from planner.guards import broken_by_plan, broken_in_files
from planner.plan.artifacts import Differ
from planner.plan.leaving import Leaving
from planner.plan.machines import Machines, Notes
from planner.plan.model import Asked, Plan, World, destroyed
from planner.plan.narrow import Narrowed, narrow
from planner.plan.renaming import plan_renames
from planner.plan.scope import EVERYTHING, Scope
from planner.plan.within import Within
from planner.state import State
from planner.steps import Note, Rename, Step


def plan(
    desired: Desired, recorded: State, observed: World, allow_destroy: int | None = None, scope: Scope = EVERYTHING
) -> Plan:
    """The plan. `recorded` must have been refreshed (`planner.refresh.absorb`) with `observed.machines`.

    `allow_destroy`: how many data-bearing artifacts may go; another number than the planned one is an error.
    `scope`: which part of the plan is wanted.
    """
    state, renames, taken = plan_renames(desired, recorded)
    differ = Differ(state.artifacts, observed)
    notes = Notes()
    for step in renames:
        differ.add(step)
    for artifact in desired.shared:
        differ.want(artifact)
    Machines(desired, state, observed, differ, notes, allow_destroy is not None).plan_all()
    wanted = {a.address for a in desired.shared}
    Leaving(desired, state, observed, differ, notes, allow_destroy is not None, wanted).plan_all()
    within = Within(scope, desired.estate, state)
    errors = [e for e in (*desired.diagnostics, *taken, *differ.errors) if within.keeps(e)]
    steps = tuple(in_order(_behind_renames(differ.steps, renames)))
    narrowed = narrow(steps, within, desired) if scope else Narrowed(steps)
    errors += within.unmatched(s.address for s in steps)
    out = Plan(
        estate=desired.estate.name,
        lineage=recorded.lineage,
        serial=recorded.serial,
        steps=narrowed.steps,
        deferred=_about(notes.deferred, within),
        in_progress=_about(notes.in_progress, within),
        kept=_about(notes.kept, within),
        drift=_about(differ.drift, within),
        left_out=narrowed.left_out,
        pulled_in=narrowed.pulled_in,
        warnings=tuple(w for w in (*differ.warnings, *notes.warnings) if within.keeps(w)),
        errors=tuple(errors),
        inputs=desired.estate.digest,
        asked=Asked(allow_destroy, scope),
    )
    broken = (*broken_in_files(desired.estate), *broken_by_plan(desired.estate, out.steps, out.destroys))
    if broken:
        out = replace(out, errors=(*out.errors, *broken))
    counted = out.destroys - _reviewed(out.steps, desired.estate)
    if allow_destroy is not None and counted != allow_destroy:
        out = replace(out, errors=(*out.errors, _wrong_number(counted, allow_destroy)))
    return with_issues(out, observed.issues)


def with_issues(plan: Plan, issues: Sequence[Diagnostic]) -> Plan:
    """The plan with what the clouds say against it behind its own errors and warnings."""
    errors = tuple(d for d in issues if d.severity == "error")
    warnings = tuple(d for d in issues if d.severity == "warning")
    return replace(plan, errors=(*plan.errors, *errors), warnings=(*plan.warnings, *warnings))


def in_order(steps: Sequence[Step]) -> list[Step]:
    """Every step after those it needs; among the free ones shared before machines, then as the files have them.

    A heap over (position) keeps this linear-ish: n log n for 100,000 steps, and the same input gives the same order.
    """
    position = {s.address: i for i, s in enumerate(steps)}
    waits: list[int] = [0] * len(steps)
    feeds: list[list[int]] = [[] for _ in steps]
    for i, step in enumerate(steps):
        for need in step.needs:
            before = position.get(need)
            if before is not None:
                waits[i] += 1
                feeds[before].append(i)
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


def _about(notes: Sequence[Note], within: Within) -> tuple[Note, ...]:
    """Those of the machines that are left, and of what no machine has."""
    return tuple(n for n in notes if within.tells(n.machine))


def _behind_renames(steps: Sequence[Step], renames: Sequence[Rename]) -> list[Step]:
    """Whatever is done to a renamed machine is recorded under its new name: only after the addresses have moved."""
    after = {r.machine: r.address for r in renames}
    if not after:
        return list(steps)
    return [
        s if isinstance(s, Rename) or s.machine not in after else replace(s, needs=(*s.needs, after[s.machine])) for s in steps
    ]


def _reviewed(steps: Sequence[Step], estate: Estate) -> int:
    """How many data-bearing artifacts go because `removed` says so: their review stands for the number."""
    said = {entry.machine for entry in estate.removed}
    return destroyed(s for s in steps if s.machine in said) if said else 0


def _wrong_number(counted: int, allowed: int) -> Diagnostic:
    detail = (
        f"--allow-destroy {allowed} was given; the number of data-bearing artifacts that this plan destroys is {counted}. "
        "Name the planned number."
    )
    return Diagnostic("WL330", "the number of destroyed artifacts differs", detail)
