"""What is asked where a plan is applied: approvals (`cutover: {approval: CHG0042}`), and whether a rule closes the day
or the night is full."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping, Sequence

from planner.estate import Estate
from planner.guards import cut_over_tonight, forbidden_now
from planner.plan import Plan
from planner.steps import SendOrder
from wavelift.diagnostics import shown
from wavelift.planning.look import Looked
from wavelift.problems import DENIED, UserProblem

VARIABLE = "WAVELIFT_APPROVAL"
_BETWEEN = re.compile(r"[,\s]+")


def given(options: Sequence[str] | None, env: Mapping[str, str] = os.environ) -> frozenset[str]:
    """Approvals of the command line and of the environment variable (several with commas or blanks between)."""
    return frozenset(name for text in (*(options or ()), env.get(VARIABLE, "")) for name in _BETWEEN.split(text) if name)


def wanted(plan: Plan) -> dict[str, list[str]]:
    """Approval -> the machines whose order in this plan rests on it."""
    out: dict[str, list[str]] = {}
    for step in plan.steps:
        approval = step.document.get("cutover", {}).get("approval") if isinstance(step, SendOrder) else None
        if approval:
            out.setdefault(str(approval), []).append(step.machine or step.address)
    return out


def demand(plan: Plan, approvals: Collection[str]) -> None:
    """`UserProblem` (denied) when the plan holds a cut-over whose approval is not among `approvals`.

    An approval that a plan was made with is a "what if"; it counts only where the plan is applied.
    """
    missing = {name: machines for name, machines in wanted(plan).items() if name not in approvals}
    if missing:
        lines = [f"denied: the cut-over of {', '.join(machines)} needs approval {name}" for name, machines in missing.items()]
        options = " ".join(f"--approval {name}" for name in missing)
        raise UserProblem("\n".join([*lines, f"Nothing was changed. Give `{options}`, or set {VARIABLE}."]), DENIED)


def on_a_day(estate: Estate, plan: Plan, looked: Looked, now: float) -> None:
    """`UserProblem` (denied) when a cut-over of the plan would begin on a day that a rule closes, or in a night that has no
    place for it any more."""
    tonight = cut_over_tonight(estate, looked.state, looked.records, now) if estate.rules else frozenset()
    found = forbidden_now(estate, plan.steps, now, tonight)
    if found:
        raise UserProblem(f"{shown(found)}\ndenied: nothing was changed.", DENIED)
