"""What is recorded and no longer asked for. Leaving the estate destroys nothing unless the number is named.

Rules
1. Without `--allow-destroy` everything stays, and the plan says what would go and how to ask for it.
2. With it, a replicating machine is stopped by an order (the engine removes seeds, log and own snapshots); a migrated
   machine's VM, disks and NICs are never destroyed: they are forgotten, and they are the user's.
3. Shared artifacts go only when nothing recorded needs them any more; the apply after the machines have been stopped.
"""

from __future__ import annotations

from planner.artifact import Kind
from planner.desired import Desired
from planner.plan.artifacts import Differ
from planner.plan.life import last_order, stage, under_way
from planner.plan.machines import Notes
from planner.plan.model import World
from planner.plan.orders import order_step
from planner.state import MachineState, Recorded, State
from planner.steps import Forget, Note
from replication.model.item import OrderKind


def plan_leaving(
    desired: Desired, state: State, world: World, differ: Differ, notes: Notes, allowed: bool, wanted: set[str]
) -> None:
    """`wanted`: addresses that the estate asks for (shared ones and those of its machines)."""
    named = set(desired.estate.machines)
    here = {m.uuid for m in desired.machines.values()}
    gone = [m for m in state.machines.values() if m.uuid not in here and m.name not in named and m.life != "stopped"]
    for machine in sorted(gone, key=lambda m: m.name):
        _machine(machine, desired, state, world, differ, notes, allowed)
    for address in sorted(state.artifacts):
        recorded = state.artifacts[address]
        if recorded.machine is None and address not in wanted:
            _shared(recorded, state, differ, notes, allowed)


def _machine(
    machine: MachineState, desired: Desired, state: State, world: World, differ: Differ, notes: Notes, allowed: bool
) -> None:
    record = world.machines.get(machine.uuid)
    now = stage(machine, record)
    own = {a: r.kind for a, r in state.artifacts.items() if r.machine == machine.name}
    if under_way(machine, record):
        notes.in_progress.append(Note(machine.name, "order", "the engine carries it out"))
        return
    seeds = sum(1 for k in own.values() if k is Kind.SEED_DISK)
    if seeds and not allowed:
        why = f"left the estate; stopping it would destroy {seeds} seed disk{'s' if seeds > 1 else ''} (--allow-destroy)"
        notes.kept.append(Note(machine.name, now.value, why))
        return
    if seeds:
        number = last_order(machine, record) + 1
        needs: tuple[str, ...] = ()
        if any(k is Kind.TEST_VM for k in own.values()):
            clean = order_step(OrderKind.CLEAN_UP, number, machine, None, desired.names, own, ())
            differ.add(clean)
            needs, number = (clean.address,), number + 1
        why = "left the estate: replication is stopped"
        differ.add(order_step(OrderKind.STOP, number, machine, None, desired.names, own, needs, why))
        return
    for address in sorted(own):
        why = "left the estate after its migration: it is yours now, wavelift forgets it"
        differ.add(Forget(address, own[address], (), why, machine.name))


def _shared(recorded: Recorded, state: State, differ: Differ, notes: Notes, allowed: bool) -> None:
    needed = sorted(
        r.address for r in state.artifacts.values() if recorded.address in r.deps and r.address not in differ.stepped
    )
    if recorded.kind is Kind.LOCK:
        differ.drop(recorded, "nothing replicates any more")
    elif not allowed:
        notes.kept.append(Note(recorded.address, "not in the estate any more", "destroying it needs --allow-destroy"))
    elif needed:
        notes.deferred.append(Note(recorded.address, "delete", f"still needed by {needed[0]}"))
    else:
        differ.drop(recorded, "not in the estate any more")
