"""Plan files to be applied: held against the reviewer's digest, the clock, the state, and what is there now."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from planner.plan import Plan
from planner.plan.life import last_order
from planner.plan.scope import EVERYTHING, Scope
from planner.planfile import PlanFile, digest_of
from planner.planfile.envelope import valid_until
from planner.planfile.stale import moved
from planner.state import State
from planner.steps import Step
from planner.store import View
from wavelift.applying.approvals import wanted
from wavelift.applying.planio import moment, read, refusal, validity
from wavelift.diagnostics import shown
from wavelift.forecasting.beside import of_file
from wavelift.planning.look import Looked
from wavelift.problems import DENIED, STALE, UserProblem, code_for
from wavelift.workspace import Workspace

if TYPE_CHECKING:
    from wavelift.wiring import Wiring


SKEW = 3600.0
"""Seconds that the clock of the host that planned may be ahead, or that of the host that applies."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A plan to carry out: all its steps, and the addresses of those that are done already."""

    plan: Plan
    digest: str
    done: frozenset[str] = frozenset()

    @classmethod
    def of(cls, plan: Plan) -> Chosen:
        return cls(plan, digest_of(plan) if plan.steps else "")

    @property
    def left(self) -> tuple[Step, ...]:
        """What is still to be done, in order."""
        return tuple(s for s in self.plan.steps if s.address not in self.done)


@dataclass(frozen=True, slots=True)
class Filed:
    """A plan file that was read and may be applied as far as it can be told from itself."""

    path: Path
    file: PlanFile

    @classmethod
    def read(cls, path: Path, expected: str | None, allow_destroy: int | None, scope: Scope = EVERYTHING) -> Filed:
        """`allow_destroy` is what the command line says besides: the file has its own number, which must be the same,
        and `scope` what it narrows: the file is narrowed already, or whole."""
        file = read(path)
        fits(file, path, expected)
        in_time(file, path, time.time() - SKEW)  # to the second by Azure's clock, which was not asked yet
        if allow_destroy is not None and allow_destroy != file.plan.asked.allow_destroy:
            planned = "none" if file.plan.asked.allow_destroy is None else file.plan.asked.allow_destroy
            text = f"--allow-destroy {allow_destroy}, and {path} was planned with {planned}. Nothing was changed."
            raise refusal("WL408", text)
        if scope and scope != file.plan.asked.scope:
            how = f"with {file.plan.asked.scope}" if file.plan.asked.scope else "whole"
            raise refusal("WL503", f"{scope} was given, and {path} was planned {how}. Nothing was changed.")
        return cls(path, file)

    def chosen(
        self, wiring: Wiring, say: Callable[[str], None], approvals: frozenset[str] = frozenset()
    ) -> tuple[Looked, Chosen]:
        """Look at everything once more, and hold the file against it. What the file was planned with counts as approved
        here; whether it is, `wavelift.applying.approvals.demand` asks."""
        view = wiring.workspace.view()
        done = belongs(self.file, self.path, wiring.workspace, view)
        asked, agreed = self.file.plan.asked, approvals | wanted(self.file.plan).keys()
        looked = wiring.look(asked.allow_destroy, say, agreed, scope=asked.scope)
        now, known = wiring.now(), wiring.workspace.estate
        in_time(self.file, self.path, now)
        not_longer(self.file, self.path, validity(known), now, known.time_zone)
        say("holding the plan file against what is there now")
        return looked, held_against(self.file, self.path, looked, view, done)


def agreed_on(chosen: Chosen, expected: str | None) -> None:
    """A plan that was made just now is the one that was reviewed; else nothing is done."""
    found = chosen.digest or digest_of(chosen.plan)
    if expected is not None and _bare(expected) != found:
        raise refusal(
            "WL405",
            f"the plan of now is not the one that was reviewed: its sha256 is {found}, expected was {expected}. "
            "Nothing was changed; look at `wavelift plan`.",
            STALE,
        )


def fits(file: PlanFile, path: Path, expected: str | None) -> None:
    """What can be said of a file without looking anywhere: it is the reviewed one."""
    digest, _, end = (expected or file.digest).partition("@")
    if _bare(digest) != file.digest:
        raise refusal(
            "WL405", f"{path} is not the plan that was reviewed: its sha256 is {file.digest}, expected was {expected}", DENIED
        )
    if end and end.strip().upper() != moment(file.valid_until, iso=True):
        said = f"{path} is not the file that was reviewed: it is valid until {moment(file.valid_until, iso=True)}, not {end}"
        raise refusal("WL405", said, DENIED)


def in_time(file: PlanFile, path: Path, now: float) -> None:
    if now > file.valid_until:
        found = of_file(file, path)
        until = moment(file.valid_until, zone=found.zone if found else "UTC")
        said = f"{path} is stale: it was valid until {until} (a rule's `plan_valid`). Plan again."
        raise refusal("WL406", said, STALE)


def not_longer(file: PlanFile, path: Path, allowed: float, now: float, zone: str = "UTC") -> None:
    """A validity that no plan of now could have was not written by `plan`: the digest does not cover it. `allowed`: seconds;
    `zone`: by whose clocks that is said."""
    latest = valid_until(now + SKEW, allowed)
    if file.valid_until > latest:
        raise refusal(
            "WL401",
            f"{path} says that it is valid until {moment(file.valid_until, zone=zone)}; a plan made now is valid until "
            f"{moment(latest, zone=zone)} "
            "(a rule's `plan_valid`). It was changed, or planned under another rule. Nothing was changed; plan again.",
            STALE,
        )


def belongs(file: PlanFile, path: Path, workspace: Workspace, view: View) -> frozenset[str]:
    """Addresses that an earlier apply of this plan has done. `UserProblem` for another estate's plan, or one used up."""
    plan, state = file.plan, view.state
    if (plan.estate, plan.lineage) != (workspace.estate.name, state.lineage):
        raise refusal(
            "WL403",
            f"{path} is a plan of estate {plan.estate!r} (lineage {plan.lineage}); this folder and state are "
            f"{workspace.estate.name!r} (lineage {state.lineage}). Nothing was changed.",
        )
    begun = state.plans.get(file.digest)
    if begun is None:
        return frozenset()
    if begun.used:
        raise refusal(
            "WL407",
            f"{path} was applied already: each of its {begun.steps} steps is done. Plan again to see what is left to do.",
            STALE,
        )
    return frozenset(s.address for number, s in enumerate(plan.steps) if begun.bits >> number & 1)


def held_against(file: PlanFile, path: Path, looked: Looked, view: View, done: frozenset[str]) -> Chosen:
    """The file's plan to carry out. `UserProblem` (stale) with all that moved when it is not what would be planned now."""
    begun = file.digest in view.state.plans or any(d.details.get("plan") == file.digest for d in view.doubts)
    moves, errors = moved(file.plan, looked.plan, done, begun, _orders(looked.state, looked))
    if errors and not moves:
        # None of them stood when the file was written, for a plan with errors is written into no file: they are what moved.
        said = f"{shown(tuple(errors))}\nThe plan in {path} cannot be applied now. Nothing was changed; plan again."
        raise UserProblem(said, DENIED if code_for(errors) == DENIED else STALE)
    if moves:
        lines = [f"  {m.address}: {m.why}" for m in moves]
        count = f"{len(moves)} of its {len(file.plan.steps)} steps"
        told = "\n".join([f"{path} is stale: what {count} rest on has moved:", *lines])
        raise refusal("WL404", f"{told}\nNothing was changed; plan again.", STALE)
    return Chosen(file.plan, file.digest, done)


def _bare(digest: str) -> str:
    return digest.partition("@")[0].strip().lower().removeprefix("sha256:")


def _orders(state: State, looked: Looked) -> dict[str, int]:
    return {u: last_order(m, looked.records.get(u)) for u, m in state.machines.items()}
