"""Destroying, round by round: apply, wait for the engine, look again; what machines share goes when the last of them is gone."""

from __future__ import annotations

import threading
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

from wavelift.problems import ERROR, INTERRUPTED, PARTIAL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wavelift.cli.console import Console
    from wavelift.leaving.destroying import Aim
    from wavelift.planning.look import Looked
    from wavelift.wiring import Wiring

ROUNDS = 20
"""More rounds than any estate takes: one for the stops, one for what the machines shared, some for what failed meanwhile."""


def look(wiring: Wiring, what: Aim, console: Console) -> Looked:
    from wavelift.leaving.destroying import look_on
    from wavelift.planning.skew import engines, refuse

    refuse(engines(wiring.engine, wiring.workspace.view().state))
    looked = look_on(wiring.workspace, what, wiring.artifacts, wiring.engine, console.doing)
    console.clear()
    return looked


@dataclass(frozen=True, slots=True)
class Rounds:
    """`by`: who, and where, as the record of an apply has it."""

    wiring: Wiring
    what: Aim
    stop: threading.Event
    console: Console
    parallelism: int
    embedded: bool
    by: Mapping[str, str]

    def carry_out(self, looked: Looked) -> int:
        """Apply, wait for the engine, look again; until nothing is left to do. The exit code."""
        from wavelift.diagnostics import shown
        from wavelift.leaving.destroying import going

        shown_first = {r.address for r in going(looked.state, self.what).data}
        for _ in range(ROUNDS):
            code = self._round(looked)
            if code or self.stop.is_set():
                return code or INTERRUPTED
            looked = look(self.wiring, self.what, self.console)
            if looked.plan.errors:
                typer.echo(shown(looked.plan.errors), err=True)
                return PARTIAL
            if not looked.plan.steps and not looked.plan.in_progress:
                return 0
            new = {r.address for r in going(looked.state, self.what).data} - shown_first
            if new:
                names = ', '.join(sorted(new)[:5])
                typer.echo(f"Made by somebody meanwhile, and not among what was shown: {names}.", err=True)
                return PARTIAL
        return PARTIAL

    def _round(self, looked: Looked) -> int:
        from planner.artifact import Kind
        from planner.steps import Forget
        from wavelift.applying.apply import apply, keep_outcomes
        from wavelift.applying.waiting import goals_of, pending, wait
        from wavelift.cli.bars import watching
        from wavelift.cli.progress import Lines
        from wavelift.hosting.engine import hosted
        from wavelift.planning.look import gateways

        lines = Lines(self.console, len(looked.plan.steps))
        for step in looked.plan.steps:
            if isinstance(step, Forget) and step.kind is Kind.RESOURCE_GROUP:
                typer.echo(f"Stays: {step.address}: {step.why}")
        outcome = apply(self.wiring.workspace, looked, self.wiring.outside(), self.parallelism, self.stop, lines, None, self.by)
        for address, problem in outcome.failed.items():
            typer.echo(f"  failed {address}: {problem}", err=True)
        if outcome.failed:
            return PARTIAL if outcome.done else ERROR
        goals = goals_of(looked.plan, frozenset(outcome.done))
        goals += [g for g in pending(looked.state, looked.records) if g.order is not None and self.what.has(g.name)]
        if not goals or self.stop.is_set():
            return 0
        state = self.wiring.workspace.view().state
        self.console.line(f"Waiting until the engine has stopped {len(goals)} machines (Ctrl-C leaves; the engine goes on)")
        with hosted(self.wiring, state) if self.embedded else nullcontext(), watching(self.console) as watcher:
            waited = wait(goals, gateways(state), self.wiring.engine, self.stop, watcher)
        keep_outcomes(self.wiring.workspace, self.wiring.engine, waited.records)
        for machine, problem in waited.failed.items():
            typer.echo(f"  {machine}: {problem}", err=True)
        return PARTIAL if waited.failed else 0
