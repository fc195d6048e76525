"""Apply a plan under the state's lock, then keep what came of it."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from planner.apply import Doer, Outcome, Outside, Reporter, Source, execute
from planner.apply.doer import settled
from planner.config import LockedMachine
from planner.engine import EngineReader
from planner.refresh import absorb
from planner.state import BadState, State, same
from planner.store import Locked
from planner.store.effects import PutMachine
from planner.wording import some
from replication.model.errors import PortError
from replication.model.record import Record
from wavelift.applying.planfiles import Chosen
from wavelift.planning.look import Looked, read_orders
from wavelift.problems import LOCKED, STALE, UserProblem
from wavelift.state.access import allowed
from wavelift.workspace import Workspace


def apply(
    workspace: Workspace,
    looked: Looked,
    outside: Outside,
    parallelism: int,
    stop: threading.Event,
    reporter: Reporter,
    chosen: Chosen | None = None,
    by: Mapping[str, str] | None = None,
) -> Outcome:
    """Do the plan's steps; `chosen` is that of a file, else it is the one that was just made. `by`: who approved it, where.

    `UserProblem` when the lock is held or the state has moved since the plan was made.
    """
    if chosen is None and looked.plan.errors:
        raise UserProblem(f"the plan has {len(looked.plan.errors)} problems; nothing of it can be applied")
    plan = chosen or Chosen.of(looked.plan)
    try:
        with allowed(workspace), workspace.store.session("apply", {"plan": plan.digest, **(by or {})}) as session:
            session.when_lost(stop.set)
            _still(looked, session.view.state)
            session.replace(absorb(session.state, looked.records, looked.orders), "engine")
            for machine in settled(session, outside.engine):
                session.record([PutMachine(machine)])
            session.take_doubts()  # orders were looked up; every other step is repeated, or not wanted any more
            _pin(workspace, looked)
            doer = Doer(outside, session, Source(plan.digest, by or {}), plan.plan.steps)
            with outside.fence.guarded(session.check):
                return execute(plan.left, doer, parallelism, stop, reporter)
    except Locked as error:
        raise UserProblem(str(error), LOCKED) from error
    except BadState as error:
        raise UserProblem(str(error)) from error
    except OSError as error:
        raise UserProblem(f"the state cannot be written: {error}. What was begun is in its journal; apply again.") from error


def keep_outcomes(workspace: Workspace, engine: EngineReader, records: Mapping[str, Record]) -> str:
    """Record what the engine has done since; a state that somebody else holds now is left to the next plan. What an apply of
    somebody else left in doubt meanwhile stays in doubt. What stood in the way, for people: nothing is lost by it."""
    try:
        _record(workspace, engine, records)
    except Locked:
        return ""
    except (BadState, OSError, PortError) as error:
        return f"what the engine has done was not recorded: {error}. The next apply looks again."
    return ""


def record(workspace: Workspace, engine: EngineReader, records: Mapping[str, Record]) -> None:
    """The same because somebody asked for it: `UserProblem` when it cannot be done now."""
    try:
        with allowed(workspace):
            _record(workspace, engine, records)
    except Locked as error:
        raise UserProblem(str(error), LOCKED) from error
    except (BadState, OSError) as error:
        raise UserProblem(f"what the engine has done was not recorded: {error}") from error


def _record(workspace: Workspace, engine: EngineReader, records: Mapping[str, Record]) -> None:
    with workspace.store.session("record outcomes") as session:
        orders = read_orders(engine, session.state, dict(records))
        session.replace(absorb(session.state, records, orders), "engine")


def _still(looked: Looked, now: State) -> None:
    """The state that the plan was made from is the state that it is applied to; else: what moved."""
    made_from = looked.recorded
    if now.lineage == made_from.lineage and same(now, made_from):
        return
    moved = sorted(
        a for a in now.artifacts.keys() | made_from.artifacts.keys() if now.artifacts.get(a) != made_from.artifacts.get(a)
    )
    moved += sorted(m.name for u, m in now.machines.items() if made_from.machines.get(u) != m)
    raise UserProblem(
        f"the plan is stale: the state went from serial {made_from.serial} to {now.serial} since it was made.\n"
        f"What moved: {some(moved, 10) or 'its lineage'}. Nothing was changed; plan again.",
        STALE,
    )


def _pin(workspace: Workspace, looked: Looked) -> None:
    """Write instance uuids of machines that the lock file does not have yet, and drop old names of renamed ones."""
    desired = looked.desired
    if not desired.unpinned:
        return
    machines = dict(workspace.lock.machines)
    for old in desired.renamed.values():
        machines.pop(old, None)
    for name in desired.unpinned:
        wanted = desired.machines.get(name)
        if wanted is not None:
            machines[name] = LockedMachine(wanted.uuid, wanted.machine.source, wanted.vm.path)
    workspace.write_lock(machines)
