"""The report as JSON, for scripts and policy tools: schemas/plan-1.schema.json."""

from __future__ import annotations

from collections.abc import Mapping

from planner.artifact import Json
from planner.estate import Diagnostic
from planner.explain.report import report
from planner.plan.model import Plan
from planner.planfile.codec import step_json
from planner.planfile.envelope import digest_of
from planner.steps import Note

FORMAT = "wavelift-plan-1"


def to_json(plan: Plan, file: Mapping[str, Json] | None = None) -> dict[str, Json]:
    """The plan as plain JSON, stable in order. `file`: what is known of the file that it was read from."""
    told = report(plan)
    gates = [n for n in plan.deferred if n.gate]
    return {
        "format": FORMAT,
        "estate": plan.estate,
        "lineage": plan.lineage,
        "serial": plan.serial,
        "digest": digest_of(plan),
        **(file or {}),
        "counts": plan.counts,
        "destroys": plan.destroys,
        "waves": [
            {
                "name": wave.name,
                "bytes": wave.size,
                **{part.name.lower(): [s.address for s in steps] for part, steps in wave.steps.items()},
            }
            for wave in told.waves
        ],
        "irreversible": [{"address": s.address, "machine": s.machine, "why": s.irreversible} for s in told.irreversible],
        "steps": [{**step_json(s), "origin": str(o) if (o := getattr(s, "origin", None)) else None} for s in plan.steps],
        "waiting": [_note(n) for n in gates],
        "deferred": [_note(n) for n in plan.deferred if not n.gate],
        "in_progress": [_note(n) for n in plan.in_progress],
        "kept": [_note(n) for n in plan.kept],
        "drift": [_note(n) for n in plan.drift],
        "narrowed_by": str(plan.asked.scope) or None,
        "left_out": [_note(n) for n in plan.left_out],
        "pulled_in": [_note(n) for n in plan.pulled_in],
        "not_checked": [{"code": d.code, "detail": d.detail, "path": d.path} for d in plan.unchecked],
        "warnings": [_problem(d) for d in plan.remarks],
        "problems": [_problem(d) for d in plan.errors],
    }


def _problem(one: Diagnostic) -> dict[str, Json]:
    return {"code": one.code, "summary": one.summary, "detail": one.detail, "where": str(one.span or "")}


def _note(note: Note) -> dict[str, Json]:
    return {"subject": note.machine, "what": note.what, "why": note.why, "wave": note.wave, "where": str(note.origin or "")}
