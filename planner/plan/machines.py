"""One machine: what its phase asks, where it is, and so which steps, which notes.

Rules (design, "Phases")
1. A phase means "go as far as". What cannot be done yet is deferred with its reason; nothing is queued behind a guess.
2. One order in flight: while one is under way the machine is "in progress" and gets no other.
3. A test VM goes before a migration, and when the phase is back at `replicate`.
4. Back from migrated to `replicate` or `test` is refused at its line.
5. `hold` holds tests, migrations and completions back, never what protects data.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from planner.artifact import ENGINE_MADE, Kind
from planner.desired import Desired, DesiredMachine
from planner.desired.replicating import Enabled, Replicating, choose_appliance, closed_by, tracking
from planner.estate import Diagnostic, Machine, Phase, Wave
from planner.plan.acknowledging import in_force, judge, what_to_write
from planner.plan.artifacts import Differ
from planner.plan.gates import approval_gate, test_gate, way_back_gate
from planner.plan.life import (
    ORDER_AGAIN,
    RUNS_AGAIN,
    Stage,
    last_order,
    next_generation,
    reached,
    record_gone,
    replication_of,
    runs_again,
    stage,
    under_way,
)
from planner.plan.model import World
from planner.plan.orders import days_of, expired, latched, order_step
from planner.plan.released import is_released, still_asked
from planner.state import MachineState, Recorded, State
from planner.steps import Note, Protect
from replication.model.item import OrderKind
from replication.model.record import Record
from replication.model.status import ORDER_GONE, RECORD_GONE

TEST_MADE = frozenset({Kind.TEST_VM, Kind.TEST_DISK, Kind.TEST_NIC})
NOT_YET = "initial replication has not finished"
AFTER = "the intervention that holds it ends with this apply; the next plan shows it"


@dataclass(slots=True)
class Notes:
    deferred: list[Note] = field(default_factory=list)
    in_progress: list[Note] = field(default_factory=list)
    kept: list[Note] = field(default_factory=list)
    warnings: list[Diagnostic] = field(default_factory=list)


class Machines:
    """Plans every machine of the estate; shared artifacts must have been added to `differ` before."""

    def __init__(
        self, desired: Desired, state: State, world: World, differ: Differ, notes: Notes, allowed: bool = False
    ) -> None:
        self._allowed = allowed
        self._desired = desired
        self._state = state
        self._world = world
        self._differ = differ
        self._notes = notes
        self._replicating = Replicating(desired.estate, desired.names)
        uuids_of = {**desired.absent, **{name: m.uuid for name, m in desired.machines.items()}}
        self._stages = {name: stage(state.machines.get(u), world.machines.get(u)) for name, u in uuids_of.items()}
        self._own: dict[str, dict[str, Kind]] = {}
        self._made: set[str] = set()
        self._taken: dict[str, int] = {}
        replication = Kind.REPLICATION
        for address, recorded in state.artifacts.items():
            if recorded.machine:
                self._own.setdefault(recorded.machine, {})[address] = recorded.kind
                if recorded.kind in ENGINE_MADE:
                    self._made.add(recorded.machine)
            if recorded.kind is replication:
                name = str(recorded.spec.get("appliance", ""))
                self._taken[name] = self._taken.get(name, 0) + 1

    def plan_all(self) -> None:
        for wave in self._desired.estate.waves.values():
            for name in wave.machines:
                wanted = self._desired.machines.get(name)
                uuid = wanted.uuid if wanted is not None else self._desired.absent.get(name, "")
                known = self._state.machines.get(uuid)
                if known is not None and is_released(known):
                    told = still_asked(known, self._desired.estate.machines[name])
                    (self._differ.errors if told.severity == "error" else self._notes.warnings).append(told)
                    continue
                if wanted is not None:
                    self._plan(wanted, wave)
                elif name in self._desired.absent:
                    self._end(self._desired.estate.machines[name])

    def _plan(self, wanted: DesiredMachine, wave: Wave) -> None:
        now = self._stages[wanted.machine.name]
        state = self._state.machines.get(wanted.uuid)
        record = self._world.machines.get(wanted.uuid)
        if now in (Stage.MIGRATED, Stage.COMPLETED) and wanted.vm.power == "poweredOn":
            self._note(self._differ.drift, wanted, RUNS_AGAIN, runs_again(wanted.machine.name, now is Stage.COMPLETED))
        if now in (Stage.MIGRATED, Stage.COMPLETED) and wanted.machine.phase.rank < Phase.MIGRATE.rank:
            self._refuse_back(wanted, now)
            return
        self._acknowledge(wanted, state, record)
        if state is None or now is Stage.NEW:
            self._begin(wanted, state, record)
            return
        busy = under_way(state, record)
        self._protect(wanted, state, now)
        forgotten = record is not None and record.problem == RECORD_GONE
        if forgotten:
            self._note(self._differ.drift, wanted, RECORD_GONE, record_gone(now))
        if record is not None and record.problem == ORDER_GONE:
            self._note(self._differ.drift, wanted, ORDER_GONE, ORDER_AGAIN)
        if now in (Stage.INITIAL, Stage.DELTA):
            lost = [] if busy else self._lost_seeds(wanted)
            ended = _gone(len(lost), "seed disk") if lost else RECORD_GONE if forgotten else self._lost_points(wanted)
            if ended and not busy:
                for seed in lost:
                    self._differ.note_gone(seed, wanted.machine.wave, wanted.machine.span)
                self._begin_anew(wanted, state, record, ended, asked=not lost)
                return
            self._go_on(wanted, state)
        if busy:
            what = record.order.kind.value if record and record.order and record.order.outcome is None else "order"
            self._note(self._notes.in_progress, wanted, what, "the engine carries it out")
            return
        self._note_gone(wanted)
        self._order(wanted, wave, now, state, record)

    def _acknowledge(self, wanted: DesiredMachine, state: MachineState | None, record: Record | None) -> None:
        """End what a person has put in the way, where the files say that it was seen."""
        found = judge(wanted.machine, state, record, self._world.now)
        if found.step is not None:
            self._differ.add(found.step)
        if found.waits:
            self._note(self._notes.deferred, wanted, "acknowledge", found.waits, gate=True)
        if found.warning is not None:
            self._notes.warnings.append(found.warning)

    def _protect(self, wanted: DesiredMachine, state: MachineState, now: Stage) -> None:
        """Record what the files say of it, as long as it has something to protect."""
        machine = wanted.machine
        if now is Stage.COMPLETED or state.protect == machine.protect:
            return
        why = "protected: nothing destroys its replicas until it is released" if machine.protect else "released"
        origin = machine.spans.get("protect") or machine.span
        address = f"protect.{machine.name}"
        self._differ.add(Protect(address, machine.name, wanted.uuid, machine.protect, (), why, machine.wave, origin))

    def _begin(self, wanted: DesiredMachine, state: MachineState | None, record: Record | None) -> None:
        """Enable replication: the next generation, with a replication uuid of its own; refused where something forbids it."""
        machine = wanted.machine
        blocked = self._desired.blocked.get(machine.name, ())
        self._differ.errors.extend(blocked)
        appliance = self._free_appliance(wanted)
        if blocked or appliance is None:
            return
        generation = next_generation(self._state.lineage, wanted.uuid, state, record)
        replication = replication_of(self._state.lineage, wanted.uuid, generation)
        orders = last_order(state, record)
        region, protect = wanted.target.region, machine.protect
        enabled = MachineState(machine.name, wanted.uuid, region, generation, replication, orders, protect=protect)
        self._replicate(wanted, replication, appliance)
        self._differ.enable(f"{Kind.REPLICATION}.{machine.name}", enabled)
        self._defer(wanted, "replication starts with this apply")

    def _begin_anew(
        self, wanted: DesiredMachine, state: MachineState, record: Record | None, ended: str, asked: bool
    ) -> None:
        """What was replicated cannot be continued (`ended` says why), and the engine takes a new replication only when the old
        one has been stopped: so that is ordered, and the next plan enables it under a new uuid. Where the seeds are there
        still, their loss must be `asked` for."""
        own, number = self._own.get(wanted.machine.name, {}), last_order(state, record) + 1
        if asked and not self._allowed:
            seeds = sum(kind is Kind.SEED_DISK for kind in own.values())
            why = f"{ended}: it goes on when that is back, or begins anew once `--allow-destroy {seeds}` stopped it"
            self._note(self._notes.kept, wanted, "replication", why)
            return
        why = f"{ended}: what was replicated is thrown away"
        self._differ.add(order_step(OrderKind.STOP, number, state, wanted, self._desired.names, own, (), why))
        self._note(self._notes.deferred, wanted, "replicate", f"{ended}: replication starts anew once it has been stopped")

    def _go_on(self, wanted: DesiredMachine, state: MachineState) -> None:
        """Keep what replicates as the estate says."""
        name, appliances = wanted.machine.name, self._desired.estate.appliances
        item = self._state.artifacts.get(f"{Kind.REPLICATION}.{name}")
        known = str(item.spec.get("appliance", "")) if item else ""
        if known not in appliances or appliances[known].source != wanted.machine.source:
            chosen = self._free_appliance(wanted)
            if chosen is None:
                return
            known = chosen
        blocked = self._desired.blocked.get(name, ())
        self._notes.warnings.extend(replace(b, summary="replication is in danger", severity="warning") for b in blocked)
        self._replicate(wanted, state.replication, known)
        if state.life == "forgotten":  # it is back: what was kept is taken over again
            self._differ.enable(f"{Kind.REPLICATION}.{name}", replace(state, life="replicating", protect=wanted.machine.protect))

    def _replicate(self, wanted: DesiredMachine, replication: str, appliance: str) -> None:
        track = None if wanted.vm.tracking else tracking(wanted)
        if track is not None:
            self._differ.want(
                track, "changed block tracking is off: switching it on changes the VM (a snapshot is taken and removed)"
            )
        enabled = Enabled(replication, appliance)
        for artifact in self._replicating.artifacts(wanted, enabled, track, self._differ.settled):
            self._differ.want(artifact)

    def _free_appliance(self, wanted: DesiredMachine) -> str | None:
        """Take a place on an appliance; None and an error when S10 forbids it."""
        chosen = choose_appliance(self._desired.estate, wanted.machine.source, self._taken)
        if chosen is not None:
            self._taken[chosen.name] = self._taken.get(chosen.name, 0) + 1
            return chosen.name
        source = wanted.machine.source
        limits = {a.limits.machines_per_appliance for a in self._desired.estate.appliances.values() if a.source == source}
        detail = (
            f"{wanted.machine.name}: every appliance of source {source!r} has its {max(limits, default=0)} machines. "
            "Deploy a scale-out appliance (`role: scale-out` under `appliances`) to replicate more."
        )
        self._differ.errors.append(
            Diagnostic("WL320", "a scale-out appliance is needed", detail, wanted.machine.name, wanted.machine.span)
        )
        return None

    def _lost_seeds(self, wanted: DesiredMachine) -> list[Recorded]:
        """Recorded seeds that are not there any more: what was replicated into them cannot be trusted or continued."""
        if not self._differ.any_gone:
            return []
        own = self._own.get(wanted.machine.name, {})
        return [self._state.artifacts[a] for a, k in own.items() if k is Kind.SEED_DISK and self._differ.gone(a)]

    def _lost_points(self, wanted: DesiredMachine) -> str:
        """In words, what its seeds have lost of the newest recovery point; nothing where it is there."""
        own = self._own.get(wanted.machine.name, {})
        seeds = [self._state.artifacts[a] for a, k in own.items() if k is Kind.SEED_DISK and self._differ.pointless(a)]
        for seed in seeds:
            self._differ.note_changed(seed, wanted.machine.wave, wanted.machine.span)
        return _gone(len(seeds), "recovery point") if seeds else ""

    def _note_gone(self, wanted: DesiredMachine) -> None:
        """What the engine made and somebody else removed or changed: said, and left alone."""
        for address, kind in self._own[wanted.machine.name].items() if wanted.machine.name in self._made else ():
            if kind in ENGINE_MADE:
                note = self._differ.note_gone if self._differ.gone(address) else self._differ.note_changed
                note(self._state.artifacts[address], wanted.machine.wave, wanted.machine.span)

    def _end(self, machine: Machine) -> None:
        """A migrated machine whose source is gone from vCenter: `complete` needs no source."""
        state = self._state.machines.get(self._desired.absent[machine.name])
        if state is None or self._stages[machine.name] is not Stage.MIGRATED or machine.phase is not Phase.COMPLETE:
            return
        record = self._world.machines.get(state.uuid)
        if under_way(state, record):
            note = Note(machine.name, "stop", "the engine carries it out", machine.wave, machine.span)
            self._notes.in_progress.append(note)
            return
        kept = way_back_gate(machine, record, self._world.now, self._desired.estate.time_zone)
        if kept is not None:
            note = Note(machine.name, "stop", kept, machine.wave, machine.spans.get("phase") or machine.span, gate=True)
            self._notes.deferred.append(note)
            return
        own, number = self._own.get(machine.name, {}), last_order(state, record) + 1
        step = order_step(OrderKind.STOP, number, state, None, self._desired.names, own, ())
        self._differ.add(replace(step, wave=machine.wave, origin=machine.spans.get("phase") or machine.span))

    def _order(self, wanted: DesiredMachine, wave: Wave, now: Stage, state: MachineState, record: Record | None) -> None:
        machine = wanted.machine
        own = self._own.get(machine.name, {})
        tested = machine.name in self._made and any(k in TEST_MADE for k in own.values())
        broken = tested and (
            self._failure(record, OrderKind.TEST, OrderKind.CLEAN_UP) or self._differ.gone(f"{Kind.TEST_VM}.{machine.name}")
        )
        number = last_order(state, record) + 1
        needs: tuple[str, ...] = ()
        if now is Stage.DELTA and tested and (broken or machine.phase is not Phase.TEST):
            clean = order_step(OrderKind.CLEAN_UP, number, state, wanted, self._desired.names, own, ())
            self._differ.add(clean)
            needs, number, tested = (clean.address,), number + 1, False
        mark = record.trial if record is not None else None
        again = mark is not None and machine.phase is Phase.TEST and machine.test.refresh not in ("", mark.asked)
        if mark is not None and mark.expired is not None and not tested and not again and machine.phase is Phase.TEST:
            self._note(self._notes.kept, wanted, "test", expired(mark, machine.name))
            return
        wish = self._wish(machine.phase, now, tested and not again)
        if wish is None:
            return
        reason = self._gate(wanted, wave, now, wish) or self._people(record, wish, wanted, self._world.now)
        ends = judge(machine, state, record, self._world.now).step
        if reason is not None:
            told = AFTER if ends is not None and self._gate(wanted, wave, now, wish) is None else reason
            self._defer(wanted, told, wish, gate=told not in (NOT_YET, AFTER))
            return
        failed = self._failure(record, wish)
        why = f"again; the last attempt ended: {failed}" if failed else ""
        if again:
            why = f"a test from the newest recovery point, as `test.refresh: {machine.test.refresh}` asks"
        first = self._desired.machines.get(machine.start_after) if machine.start_after else None
        names, days = self._desired.names, days_of(self._desired.estate, machine.wave)
        item = self._state.artifacts.get(f"{Kind.REPLICATION}.{machine.name}")
        closed = closed_by(self._desired.estate, wanted, str(item.spec.get("appliance", "")) if item else "")
        self._differ.add(order_step(wish, number, state, wanted, names, own, needs, why, first, again and tested, days, closed))
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
            return NOT_YET
        estate, record = self._desired.estate, self._world.machines.get(wanted.uuid)
        if wish is OrderKind.MIGRATE:
            for other, awaited in wave.after.items():
                behind = reached(self._stages, estate.waves[other].machines, awaited)
                if behind:
                    return f"waits for wave {other} to be {awaited}: {', '.join(behind)}"
            return test_gate(estate, wanted.machine, record) or approval_gate(wanted.machine, self._world.approvals)
        if wish is OrderKind.STOP:
            return way_back_gate(wanted.machine, record, self._world.now, estate.time_zone)
        return None

    @staticmethod
    def _people(record: Record | None, wish: OrderKind, wanted: DesiredMachine, now: float | None) -> str | None:
        """What a person or a failed attempt has put in the way; files cannot override it."""
        machine = wanted.machine
        stands = in_force(machine, record, now)
        write = what_to_write(stands, record)
        ends = f"; so does {write} in the files" if write else ""
        if record is not None and record.hold is not None and stands is not None:
            return f"{record.hold} (`wavelift resume {machine.name}` ends it{ends})"
        why = latched(record, machine.cutover) if wish is OrderKind.MIGRATE else None
        return f"{why}; or {write} in the files" if why and write else why

    @staticmethod
    def _failure(record: Record | None, *kinds: OrderKind) -> str:
        """How the last order ended when it was of one of these kinds and was not carried out; else nothing."""
        order = record.order if record is not None else None
        if order is None or order.kind not in kinds or order.outcome in (None, "done"):
            return ""
        return order.problem or str(order.outcome)

    def _refuse_back(self, wanted: DesiredMachine, now: Stage) -> None:
        machine = wanted.machine
        detail = (
            f"{machine.name} is {now.value}: phase {machine.phase.value!r} would go back. "
            "Set phase `migrate` or `complete`; to replicate it once more, take it out of the estate, apply, add it again."
        )
        span = machine.spans.get("phase") or machine.span
        path = f"waves.{machine.wave}.machines.{machine.name}.phase"
        self._differ.errors.append(Diagnostic("WL321", "a migrated machine cannot go back", detail, path, span))

    def _defer(self, wanted: DesiredMachine, why: str, wish: OrderKind | None = None, gate: bool = False) -> None:
        if wish is None and wanted.machine.phase is Phase.REPLICATE:
            return
        what = wish.value if wish is not None else wanted.machine.phase.value
        self._note(self._notes.deferred, wanted, what, why, gate)

    @staticmethod
    def _note(notes: list[Note], wanted: DesiredMachine, what: str, why: str, gate: bool = False) -> None:
        machine = wanted.machine
        notes.append(Note(machine.name, what, why, machine.wave, machine.spans.get("phase") or machine.span, gate))


def _gone(count: int, noun: str) -> str:
    return f"{count} {noun}{'s are' if count > 1 else ' is'} gone"
