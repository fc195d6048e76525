"""What is recorded and no longer asked for. Leaving the estate destroys nothing unless the number is named.

Rules
1. Without `--allow-destroy` everything stays, and the plan says what would go and how to ask for it.
2. With it, a replicating machine is stopped by an order (the engine removes seeds, log and own snapshots); a migrated
   machine's VM, disks and NICs are never destroyed: they are forgotten, and they are the user's.
3. A protected machine's seeds are never among what goes: leaving unreleased is an error. The state knows it, not the files.
4. `removed` in the files says of one machine that it leaves, and stands for `--allow-destroy` and release for exactly that:
   stopped, or forgotten with all that exists left as it is. The shared artifacts of a forgotten machine stay.
5. Seeds of disks that a machine does not replicate any more are deleted once its item says so.
6. Shared artifacts go only when nothing recorded needs them any more; the apply after the machines have been stopped. The
   vault is the estate's anchor: it stays as long as anything replicates.
7. Users go before what they use.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from graphlib import TopologicalSorter

from planner.artifact import Json, Kind
from planner.desired import Desired
from planner.estate import Diagnostic, Span
from planner.plan.artifacts import Differ
from planner.plan.life import Stage, last_order, stage, under_way
from planner.plan.machines import TEST_MADE, Notes
from planner.plan.model import World
from planner.plan.orders import order_step
from planner.state import OVER, MachineState, Recorded, State
from planner.steps import Create, Delete, Forget, Note, SendOrder
from planner.wording import did_you_mean, quote
from replication.model.item import OrderKind

GONE = OVER | {"forgotten"}
"""Lives of machines that the estate has done with."""
HANDED_OVER = (
    "left the estate after its migration: it is yours now, wavelift forgets it; our tags stay, unless it is released first"
)


def protected(name: str, what: str, span: Span | None = None) -> Diagnostic:
    detail = (
        f"{what} is protected, as the state says whether or not a file still does, and would be destroyed. Release it in two "
        f"steps: `protect: false` at the machine (put it back into its wave if it left), apply, then take it out; or have it "
        f"reviewed as `removed: [{{machine: {name}, destroy: true, why: …}}]`."
    )
    return Diagnostic("WL501", "it is protected", detail, name, span)


def _disks(item: Mapping[str, Json]) -> frozenset[str]:
    return frozenset(str(disk["uuid"]) for disk in item.get("disks", ()))


def _count(seeds: int) -> str:
    return f"{seeds} seed disk{'' if seeds == 1 else 's'}"


class Leaving:
    """`wanted`: shared addresses that the estate asks for; machines must have been planned before."""

    def __init__(
        self, desired: Desired, state: State, world: World, differ: Differ, notes: Notes, allowed: bool, wanted: set[str]
    ) -> None:
        self._desired = desired
        self._state = state
        self._world = world
        self._differ = differ
        self._notes = notes
        self._allowed = allowed
        self._wanted = wanted
        self._said = {entry.machine: entry for entry in desired.estate.removed}
        begun = (s for s in differ.steps if isinstance(s, Create) and s.kind is Kind.REPLICATION)
        self._beginning = {_disks(s.spec): s for s in begun}
        self._own: dict[str, list[Recorded]] = {}
        for address in sorted(state.artifacts):
            recorded = state.artifacts[address]
            if recorded.machine is not None:
                self._own.setdefault(recorded.machine, []).append(recorded)

    def plan_all(self) -> None:
        named = self._desired.estate.machines.keys()
        here = {m.uuid for m in self._desired.machines.values()}
        alive = {m.name: m for m in self._state.machines.values() if m.life not in GONE}
        self._unknown(alive)
        for name in sorted(alive):
            if alive[name].uuid not in here and name not in named:
                self._machine(alive[name])
        for name in self._own.keys() - alive.keys() - named:
            self._remains(name)
        for name in self._desired.machines:
            if name in self._own:
                self._skipped_disks(name)
        self._shared()

    def _machine(self, machine: MachineState) -> None:
        record = self._world.machines.get(machine.uuid)
        now = stage(machine, record)
        own = {r.address: r.kind for r in self._own.get(machine.name, ())}
        if under_way(machine, record):
            self._notes.in_progress.append(Note(machine.name, "order", "the engine carries it out"))
            return
        if now in (Stage.COMPLETED, Stage.NEW):
            self._forget(machine, own)
            return
        self._moved(machine)
        seeds = sum(1 for k in own.values() if k is Kind.SEED_DISK)
        said = self._said.get(machine.name)
        if said is not None and not said.destroy:
            goes_on = "" if now is Stage.MIGRATED else ", and the engine goes on replicating"
            self._forget(machine, own, f"left the estate: what exists is kept{goes_on} ({said.why})", "forgotten")
            return
        if machine.protect and said is None:
            self._differ.errors.append(protected(machine.name, f"{machine.name} ({now.value}, {_count(seeds)})"))
            return
        if not self._allowed and said is None:
            why = f"left the estate; stopping it would destroy {_count(seeds)} (--allow-destroy, or `removed`)"
            self._notes.kept.append(Note(machine.name, now.value, why))
            return
        number = last_order(machine, record) + 1
        needs: tuple[str, ...] = ()
        if any(k in TEST_MADE for k in own.values()):
            clean = order_step(OrderKind.CLEAN_UP, number, machine, None, self._desired.names, own, ())
            self._differ.add(clean)
            needs, number = (clean.address,), number + 1
        why = "left the estate: replication is stopped" + (f" ({said.why})" if said else "")
        stop = order_step(OrderKind.STOP, number, machine, None, self._desired.names, own, needs, why)
        self._differ.add(replace(stop, origin=said.span) if said else stop)

    def _moved(self, machine: MachineState) -> None:
        """A machine that begins with exactly the disks of one that leaves is most likely the same, registered anew."""
        item = self._state.artifacts.get(f"{Kind.REPLICATION}.{machine.name}")
        disks = _disks(item.spec) if item is not None else frozenset()
        other = self._beginning.get(disks) if disks else None
        if other is None:
            return
        detail = (
            f"{machine.name} leaves and {other.machine} starts to replicate, with the same disks by their uuids: most likely one "
            f"VM that was restored or registered anew. Call it {machine.name} in its wave and bind it to its VM "
            f"(`wavelift state rebind {machine.name} --vm …`); then what was replicated goes on, and nothing is copied again."
        )
        where = f"replication.{other.machine}"
        self._notes.warnings.append(
            Diagnostic("WL507", "this looks like a move", detail, where, other.origin, severity="warning")
        )

    def _unknown(self, alive: dict[str, MachineState]) -> None:
        """Entries of `removed` about what nobody knows: a misspelled name would leave the machine that was meant."""
        known = {m.name for m in self._state.machines.values()} | self._own.keys()
        for entry in self._desired.estate.removed:
            if entry.machine not in known:
                hint = did_you_mean(entry.machine, alive)
                detail = f"The state has no machine {quote(entry.machine)}.{hint} Correct or remove the entry."
                path = f"removed.{entry.machine}"
                self._differ.errors.append(Diagnostic("WL504", "removed, and never there", detail, path, entry.span))

    def _forget(self, machine: MachineState, own: dict[str, Kind], why: str = HANDED_OVER, life: str = "stopped") -> None:
        """With the last thing goes its entry, so that it can replicate again one day (S11), or be taken over again."""
        addresses = sorted(own) or [f"{Kind.REPLICATION}.{machine.name}"]
        for address in addresses[:-1]:
            self._differ.add(Forget(address, own[address], (), why, machine.name))
        kind, ends = own.get(addresses[-1], Kind.REPLICATION), replace(machine, life=life, protect=False)
        self._differ.add(Forget(addresses[-1], kind, tuple(addresses[:-1]), why, machine.name, None, ends))

    def _remains(self, name: str) -> None:
        """Things of a machine that never replicated, or does not any more: an apply or a clean-up that was not finished."""
        own = sorted(self._own[name], key=lambda r: (r.kind is not Kind.TEST_VM, r.address))
        said = self._said.get(name)
        if said is not None and not said.destroy:
            for recorded in own:
                self._differ.add(Forget(recorded.address, recorded.kind, (), f"what exists is kept ({said.why})", name))
            return
        if not self._allowed and said is None:
            listed = ", ".join(r.address for r in own)
            self._notes.kept.append(Note(name, "not in the estate any more", f"destroying {listed} needs --allow-destroy"))
            return
        before: list[str] = []
        for recorded in own:
            self._differ.drop(recorded, "not in the estate any more", before)
            if recorded.kind is Kind.TEST_VM:
                before.append(recorded.address)

    def _skipped_disks(self, name: str) -> None:
        wanted = self._desired.machines[name]
        keys = {f"{Kind.SEED_DISK}.{name}/{d.key}" for d in wanted.disks}
        skipped = [r for r in self._own[name] if r.kind is Kind.SEED_DISK and r.address not in keys]
        state = self._state.machines.get(wanted.uuid) if skipped else None
        if state is None or stage(state, self._world.machines.get(wanted.uuid)) not in (Stage.INITIAL, Stage.DELTA):
            return
        for recorded in skipped:
            if self._differ.gone(recorded.address):
                continue
            if self._allowed and state.protect:
                what = f"{recorded.address} (its disk is not replicated any more)"
                self._differ.errors.append(protected(name, what, wanted.machine.span))
            elif self._allowed:
                why = "its disk is not replicated any more"
                self._differ.drop(recorded, why, (f"{Kind.REPLICATION}.{name}",), wanted.machine.wave)
            else:
                why = "its disk is not replicated any more; destroying it needs --allow-destroy"
                self._notes.kept.append(Note(recorded.address, "seed disk", why, wanted.machine.wave, wanted.machine.span))

    def _shared(self) -> None:
        artifacts = self._state.artifacts
        left = {a for a in sorted(artifacts) if artifacts[a].machine is None and a not in self._wanted}
        if not left:
            return
        kept = next((m.name for m in self._state.machines.values() if m.life == "forgotten"), None)
        if kept is not None:
            why = f"{kept} was forgotten with what it has, and may still use it"
            self._notes.kept.extend(Note(address, "not in the estate any more", why) for address in sorted(left))
            return
        users: dict[str, list[str]] = {a: [] for a in sorted(left)}
        for address in sorted(artifacts):
            for dep in artifacts[address].deps:
                if dep in users:
                    users[dep].append(address)
        going = {s.address for s in self._differ.steps if isinstance(s, Delete | Forget)}
        items = [a for a in sorted(artifacts) if artifacts[a].kind is Kind.REPLICATION]
        order = TopologicalSorter({a: [u for u in users[a] if u in left] for a in users})
        for address in order.static_order():
            recorded = artifacts[address]
            anchored = items if recorded.kind is Kind.VAULT else []
            needed = [u for u in (*users[address], *anchored) if u not in going]
            if recorded.kind is Kind.LOCK:
                busy = self._still_replicating()
                if busy:
                    self._notes.kept.append(Note(address, "lock", f"{busy} still replicates"))
                    continue
                self._differ.drop(recorded, "nothing replicates any more")
            elif not self._allowed:
                note = Note(address, "not in the estate any more", "destroying it needs --allow-destroy")
                self._notes.kept.append(note)
                continue
            elif needed:
                self._notes.deferred.append(Note(address, "delete", f"still needed by {needed[0]}"))
                continue
            else:
                self._differ.drop(recorded, "not in the estate any more", users[address])
            going.add(address)

    def _still_replicating(self) -> str | None:
        """A machine outside of the estate that replicates and is not stopped by this plan."""
        named = self._desired.estate.machines
        stopping = {s.uuid for s in self._differ.steps if isinstance(s, SendOrder) and s.order is OrderKind.STOP}
        for machine in self._state.machines.values():
            items = [r for r in self._own.get(machine.name, ()) if r.kind is Kind.REPLICATION]
            if items and machine.name not in named and machine.uuid not in stopping:
                return machine.name
        return None
