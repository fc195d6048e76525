"""One machine: what its phase asks, where it is, and so which steps, which notes.

Rules (design, "Phases")
1. A phase means "go as far as". What cannot be done yet is deferred with its reason; nothing is queued behind a guess.
2. One order in flight: while one is under way the machine is "in progress" and gets no other.
3. A test VM goes before a migration, and when the phase is back at `replicate`.
4. Back from migrated to `replicate` or `test` is refused at its line.
5. `hold` holds tests, migrations and completions back, never what protects data.
"""

from __future__ import annotations

import uuid as uuids
from dataclasses import dataclass, field

from planner.artifact import Kind
from planner.desired import Desired, DesiredMachine
from planner.desired.replicating import Enabled, choose_appliance, replicating, tracking
from planner.estate import Diagnostic, Phase, Wave
from planner.plan.artifacts import Differ
from planner.plan.life import Stage, last_order, reached, stage, under_way
from planner.plan.model import World
from planner.plan.orders import order_step
from planner.state import MachineState, State
from planner.steps import Note
from replication.model.item import OrderKind
from replication.model.record import Record


@dataclass(slots=True)
class Notes:
    deferred: list[Note] = field(default_factory=list)
    in_progress: list[Note] = field(default_factory=list)
    kept: list[Note] = field(default_factory=list)


class Machines:
    """Plans every machine of the estate; shared artifacts must have been added to `differ` before."""

    def __init__(self, desired: Desired, state: State, world: World, differ: Differ, notes: Notes) -> None:
        self._desired = desired
        self._state = state
        self._world = world
        self._differ = differ
        self._notes = notes
        self._stages = {
            name: stage(state.machines.get(m.uuid), world.machines.get(m.uuid)) for name, m in desired.machines.items()
        }
        self._own: dict[str, dict[str, Kind]] = {}
        for address, recorded in state.artifacts.items():
            if recorded.machine:
                self._own.setdefault(recorded.machine, {})[address] = recorded.kind
        self._taken: dict[str, int] = {}
        for recorded in state.artifacts.values():
            if recorded.kind is Kind.REPLICATION:
                name = str(recorded.spec.get("appliance", ""))
                self._taken[name] = self._taken.get(name, 0) + 1

    def plan_all(self) -> None:
        for wave in self._desired.estate.waves.values():
            for name in wave.machines:
                wanted = self._desired.machines.get(name)
                if wanted is not None:
                    self._plan(wanted, wave)

    def _plan(self, wanted: DesiredMachine, wave: Wave) -> None:
        now = self._stages[wanted.machine.name]
        state = self._state.machines.get(wanted.uuid)
        record = self._world.machines.get(wanted.uuid)
        if now in (Stage.MIGRATED, Stage.COMPLETED) and wanted.machine.phase.rank < Phase.MIGRATE.rank:
            self._refuse_back(wanted, now)
            return
        if now in (Stage.NEW, Stage.INITIAL, Stage.DELTA):
            lost = self._lost_seeds(wanted) if state is not None and now is not Stage.NEW else []
            enabled = self._enable(wanted, state, again=bool(lost)) if state is None or now is Stage.NEW or lost else None
            if state is None and enabled is None:
                return
            self._replicate(wanted, state, enabled, lost)
            if enabled is not None:
                self._defer(wanted, "replication starts with this apply")
                return
        assert state is not None
        if under_way(state, record):
            what = record.order.kind.value if record and record.order and record.order.outcome is None else "order"
            self._note(self._notes.in_progress, wanted, what, "the engine carries it out")
            return
        self._order(wanted, wave, now, state, record)

    def _replicate(
        self, wanted: DesiredMachine, state: MachineState | None, enabled: MachineState | None, lost: list[str]
    ) -> None:
        estate, names, differ = self._desired.estate, self._desired.names, self._differ
        track = None if wanted.vm.tracking else tracking(wanted)
        if track is not None:
            differ.want(
                track, "changed block tracking is off: switching it on changes the VM (a snapshot is taken and removed)"
            )
        item = self._state.artifacts.get(f"{Kind.REPLICATION}.{wanted.machine.name}")
        if enabled is not None:
            chosen = choose_appliance(estate, wanted.machine.source, self._taken)
            appliance = chosen.name if chosen else ""
            self._taken[appliance] = self._taken.get(appliance, 0) + 1
            current = enabled
        else:
            assert state is not None
            current = state
            appliance = str(item.spec["appliance"]) if item else ""
        for artifact in replicating(estate, names, wanted, Enabled(current.replication, appliance), track):
            if lost and artifact.kind is Kind.SEED_DISK:
                differ.anew(artifact, "a seed disk is gone: replication starts anew")
            else:
                differ.want(artifact)
        if enabled is not None:
            differ.enable(f"{Kind.REPLICATION}.{wanted.machine.name}", enabled)

    def _enable(self, wanted: DesiredMachine, state: MachineState | None, *, again: bool) -> MachineState | None:
        """A new enabling: the next generation with a replication uuid of its own; None when S10 forbids it."""
        if not again and choose_appliance(self._desired.estate, wanted.machine.source, self._taken) is None:
            limit = max(a.limits.machines_per_appliance for a in self._desired.estate.appliances.values())
            detail = (
                f"{wanted.machine.name}: every appliance of source {wanted.machine.source!r} has its {limit} machines. "
                "Deploy a scale-out appliance (`role: scale-out` under `appliances`) to replicate more."
            )
            self._differ.errors.append(
                Diagnostic("WL320", "a scale-out appliance is needed", detail, wanted.machine.name, wanted.machine.span)
            )
            return None
        generation = (state.generation if state else 0) + 1
        replication = str(uuids.uuid5(uuids.UUID(self._state.lineage), f"{wanted.uuid}/{generation}"))
        return MachineState(wanted.machine.name, wanted.uuid, wanted.target.region, generation, replication)

    def _lost_seeds(self, wanted: DesiredMachine) -> list[str]:
        """Recorded seeds that are not there any more: what was replicated into them cannot be trusted or continued."""
        prefix = f"{Kind.SEED_DISK}.{wanted.machine.name}/"
        seen = self._world.artifacts
        return [a for a in self._own.get(wanted.machine.name, {}) if a.startswith(prefix) and a in seen and seen[a] is None]

    def _order(self, wanted: DesiredMachine, wave: Wave, now: Stage, state: MachineState, record: Record | None) -> None:
        machine = wanted.machine
        own = self._own.get(machine.name, {})
        tested = any(k is Kind.TEST_VM for k in own.values())
        number = last_order(state, record) + 1
        failed = self._failure(record)
        if now is Stage.DELTA and tested and machine.phase is not Phase.TEST:
            clean = order_step(OrderKind.CLEAN_UP, number, state, wanted, self._desired.names, own, ())
            self._differ.add(clean)
            number += 1
            needs: tuple[str, ...] = (clean.address,)
        else:
            needs = ()
        wish = self._wish(machine.phase, now, tested)
        if wish is None:
            return
        reason = self._gate(wanted, wave, now, wish)
        if reason is not None:
            self._defer(wanted, reason, wish)
            return
        why = f"the last attempt ended: {failed}" if failed else ""
        self._differ.add(order_step(wish, number, state, wanted, self._desired.names, own, needs, why))
        if machine.phase is Phase.COMPLETE and wish is OrderKind.MIGRATE:
            self._defer(wanted, "after the migration", OrderKind.STOP)

    @staticmethod
    def _wish(phase: Phase, now: Stage, tested: bool) -> OrderKind | None:
        """What the phase still asks for, whether or not it can be done now."""
        match phase:
            case Phase.REPLICATE:
                return None
            case Phase.TEST:
                return None if tested else OrderKind.TEST
            case Phase.MIGRATE:
                return None if now in (Stage.MIGRATED, Stage.COMPLETED) else OrderKind.MIGRATE
            case Phase.COMPLETE if now is Stage.COMPLETED:
                return None
            case Phase.COMPLETE:
                return OrderKind.STOP if now is Stage.MIGRATED else OrderKind.MIGRATE

    def _gate(self, wanted: DesiredMachine, wave: Wave, now: Stage, wish: OrderKind) -> str | None:
        """Why the order cannot be sent now, or None."""
        hold = wanted.machine.hold
        if hold is not None:
            return f"held: {hold.why}" + (f" until {hold.until}" if hold.until else "")
        if now is Stage.INITIAL:
            return "initial replication has not finished"
        if wish is OrderKind.MIGRATE:
            for other, awaited in wave.after.items():
                behind = reached(self._stages, self._desired.estate.waves[other].machines, awaited)
                if behind:
                    return f"waits for wave {other} to be {awaited}: {', '.join(behind)}"
        return None

    @staticmethod
    def _failure(record: Record | None) -> str:
        if record is None or record.order is None or record.order.outcome in (None, "done"):
            return ""
        return record.order.problem or str(record.order.outcome)

    def _refuse_back(self, wanted: DesiredMachine, now: Stage) -> None:
        machine = wanted.machine
        detail = (
            f"{machine.name} is {now.value}: phase {machine.phase.value!r} would go back. "
            "Set phase `migrate` or `complete`; to replicate it once more, take it out of the estate, apply, add it again."
        )
        span = machine.spans.get("phase") or machine.span
        path = f"waves.{machine.wave}.machines.{machine.name}.phase"
        self._differ.errors.append(Diagnostic("WL321", "a migrated machine cannot go back", detail, path, span))

    def _defer(self, wanted: DesiredMachine, why: str, wish: OrderKind | None = None) -> None:
        if wish is None and wanted.machine.phase is Phase.REPLICATE:
            return
        what = wish.value if wish is not None else wanted.machine.phase.value
        self._note(self._notes.deferred, wanted, what, why)

    @staticmethod
    def _note(notes: list[Note], wanted: DesiredMachine, what: str, why: str) -> None:
        machine = wanted.machine
        notes.append(Note(machine.name, what, why, machine.wave, machine.spans.get("phase") or machine.span))
