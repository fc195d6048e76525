"""Issue 3, proof: the engine beside a plain bytearray for each disk, through whatever Hypothesis thinks of.

Guests write and free, also while they are read; cycles run; processes die, several in a row; tracking is reset, disks grow,
policies change, a backup holds its snapshot; machines are cut over and rolled back. Always: every committed recovery point
is what the bytearrays were when its snapshot was taken, and a migrated machine's disks are what they were at the end.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from replication.engine.orders.commands import sentence
from replication.model.command import Verb
from replication.model.item import OrderKind, Shutdown
from replication.model.record import Life
from replication.model.source import Power
from replication.schedule import Policy
from replication.windows import Blackout
from replication.windowtext import parse
from tests.engine.harness import Run, cycles, outcome, run
from tests.fakes.faults import Process
from tests.fakes.world import World
from tests.full import FULL, size

KIB = 1024
SECTOR = 512
ME = "m1"
CLOSED = Blackout(parse("Monday;0:00;7d"))
kills = st.lists(st.integers(1, 120), max_size=3)
disks = st.sampled_from((2000, 2001))
patches = st.tuples(disks, st.integers(0, 2**16), st.integers(1, 40), st.booleans(), st.integers(0, 2**32))
"""Disk, first sector and number of sectors (both wrapped to the disk), zeros or a seed's bytes."""


class Model(RuleBasedStateMachine):
    @initialize(
        first=st.lists(patches, max_size=4), kilobytes=st.sampled_from((48, 96)), fill=st.sampled_from((0.0, 0.6, 1.0))
    )
    def begin(self, first: list[Any], kilobytes: int, fill: float) -> None:
        self.world = World()
        self.world.add(ME, size=kilobytes * KIB, fill=fill)
        self.vcenter, self.vm = self.world.vcenter, self.world.vcenter.vms[ME]
        self.model = {key: bytearray(disk.content) for key, disk in self.vm.disks.items()}
        self.shots: dict[str, dict[int, bytes]] = {}
        self.ordered: set[int] = set()
        self.policy, self.orders, self.backup, self.rolled = Policy(), 0, "", False
        freeze = self.vcenter.create_snapshot

        def create(machine: str, name: str, description: str, quiesce: bool) -> str:
            with self.vcenter.lock:
                self.shots[name] = {key: bytes(content) for key, content in self.model.items()}
                return freeze(machine, name, description, quiesce)

        self.vcenter.create_snapshot = create  # type: ignore[method-assign]  # the model looks on
        for patch in first:
            self.write(patch)

    # what happens to the source

    @property
    def on(self) -> bool:
        return self.vm.power is Power.ON

    @property
    def life(self) -> Life:
        return self.world.record().life if f"records/{ME}.json" in self.world.documents.docs else Life.NEW

    @rule(patch=patches)
    def write(self, patch: tuple[int, int, int, bool, int]) -> None:
        key, first, count, zero, seed = patch
        with self.vcenter.lock:
            if not self.on:
                return
            content = self.model[key]
            at = first % (len(content) // SECTOR) * SECTOR
            length = min(count * SECTOR, len(content) - at)
            data = bytes(length) if zero else random.Random(seed).randbytes(length)
            content[at : at + length] = data
            self.vcenter.write(ME, key, at, data)

    @rule(key=disks)
    def tracking_is_reset(self, key: int) -> None:
        self.vcenter.reset_tracking(ME, key)

    @rule(kilobytes=st.integers(4, 40), seed=st.integers(0, 2**32))
    def disk_is_added_and_apply_follows(self, kilobytes: int, seed: int) -> None:
        if self.vm.snapshots or self.life is Life.MIGRATED or len(self.vm.disks) > 3:
            return
        key = max(self.vm.disks) + 1
        self.model[key] = bytearray(random.Random(seed).randbytes(kilobytes * KIB))
        self.vcenter.attach(ME, key, bytes(self.model[key]))
        self.world.put_item(ME)

    @rule(key=disks, sectors=st.integers(1, 64))
    def disk_grows_and_apply_follows(self, key: int, sectors: int) -> None:
        if self.vm.snapshots or self.life is Life.MIGRATED:
            return  # vSphere lets no disk grow under a snapshot
        with self.vcenter.lock:
            self.vm.disks[key].content.extend(bytes(sectors * SECTOR))
            self.model[key].extend(bytes(sectors * SECTOR))
        self.world.put_item(ME)

    @precondition(lambda self: not self.backup)
    @rule()
    def backup_begins(self) -> None:
        self.backup = self.vcenter.create_snapshot(ME, "nightly backup", "", False)

    @precondition(lambda self: self.backup)
    @rule()
    def backup_ends(self) -> None:
        self.vcenter.remove_snapshot(ME, self.backup)
        self.backup = ""

    @rule(
        recheck=st.sampled_from((0.0, 0.2, 1.0)),
        shut=st.booleans(),
        initial=st.booleans(),
        minimum=st.sampled_from((60.0, 3600.0)),
    )
    def policy_changes(self, recheck: float, shut: bool, initial: bool, minimum: float) -> None:
        self.policy = Policy(
            recheck=recheck,
            blackout=CLOSED if shut else Blackout(),
            initial_in_blackout="release-and-resume" if initial else "continue",
            foreign_snapshot_hours=1.0,
        )
        if self.life is not Life.MIGRATED:
            self.world.put_item(ME, delta_minimum=minimum)

    # what the engine does

    def _carry(
        self,
        done: Callable[[], bool],
        dies: list[int],
        during: list[Any],
        hooks: dict[str, Callable[[Any], None]] | None = None,
    ) -> None:
        """Processes that die at these calls, one after the other, then one that comes through; guests write meanwhile."""
        patches = list(during)

        def written(_: object) -> None:
            if patches:
                self.write(patches.pop())

        for process in (*(Process(kill_at=at) for at in dies), Process()):
            process.hooks |= {name: written for name in ("reader.read", "log.put", "log.get", "cloud.copy_range")} | (hooks or {})
            run(self.world, done, process, policy=self.policy, steps=800)

    def _free(self) -> bool:
        return not self.backup and self.policy.blackout is not CLOSED

    @precondition(_free)
    @rule(dies=kills, during=st.lists(patches, max_size=4))
    def cycle(self, dies: list[int], during: list[Any]) -> None:
        if self.life is Life.MIGRATED:
            return
        self.world.clock.advance(7200.0)
        number = self.world.record().cycle + 1 if self.life is not Life.NEW else 1
        self._carry(cycles(self.world, number), dies, during)
        self.world.assert_tidy()

    @rule(at=st.integers(1, 120), during=st.lists(patches, max_size=2))
    def crash(self, at: int, during: list[Any]) -> None:
        """A process that works on whatever is due and dies, or is killed a little later: nobody takes over yet."""
        self.world.clock.advance(7200.0)
        one = Run(self.world, Process(kill_at=at), policy=self.policy)
        one.process.hooks["reader.read"] = lambda _: self.write(during.pop()) if during else None
        one.once()

    @precondition(lambda self: not self._free())
    @rule(steps=st.integers(1, 3))
    def nothing_begins_while_held(self, steps: int) -> None:
        """A backup's snapshot or a blackout window: what is under way is settled, nothing new is begun, nothing touched."""
        before = len(self.shots)
        one = Run(self.world, policy=self.policy)
        for _ in range(steps):
            one.step()
            self.world.clock.advance(7200.0)
        one.end()
        assert len(self.shots) == before, "a snapshot was taken"
        assert not self.backup or self.backup in self.vm.snapshots, "another's snapshot was touched"

    @precondition(_free)
    @rule(dies=kills, during=st.lists(patches, max_size=3), force=st.booleans(), lost=st.none() | disks)
    def cut_over(self, dies: list[int], during: list[Any], force: bool, lost: int | None) -> None:
        """With `lost` the tracking of that disk is reset as the machine goes down: the order goes back, the source runs."""
        if self.life is not Life.DELTA:
            return
        stale = self.rolled and self.ordered != set(self.vm.disks)
        if self.rolled:  # a person ends the hold of the rollback, then lets the same cut-over begin once more
            self.world.command(ME, Verb.RESUME)
            self.world.command(ME, Verb.RESUME)
        else:
            self.ordered = set(self.vm.disks)
            self.orders += 1
            self.world.order(ME, self.orders, OrderKind.MIGRATE, Shutdown("force" if force else "guest", wait=30.0))
        self.rolled = False
        commands = sum(name.startswith(f"commands/{ME}/") for name in self.world.documents.docs)

        def done() -> bool:
            return outcome(self.world, self.orders)() and self.world.record().commands == commands

        downs = ("source.power_off", "source.shutdown_guest")
        hooks = {down: lambda _: self.vcenter.reset_tracking(ME, lost) for down in downs} if lost else {}
        self._carry(done, dies, during, hooks)
        order = self.world.record().order
        assert order is not None
        if stale:
            assert "plan and apply again" in order.problem
        if lost or stale:
            assert order.outcome == "aborted" and self.on, order.problem
            assert not self.world.cloud.vms and not self.world.cloud.disks and not self.world.cloud.nics
            return
        assert order.outcome == "done" and not self.on, order.problem
        (azure,) = self.world.cloud.vms.values()
        assert azure.running
        for key, made in azure.disks.items():
            found = bytes(self.world.cloud.disks[made].content[: len(self.model[key])])
            assert found == self.model[key], f"managed disk {key} is not what the guest left"

    @rule(dies=kills)
    def roll_back(self, dies: list[int]) -> None:
        if self.life is not Life.MIGRATED:
            return
        self.world.command(ME, Verb.ROLLBACK, confirm=sentence(self.world.record()))
        self._carry(lambda: self.life is Life.DELTA and not self.world.record().rollback, dies, [])
        assert self.on and not any(vm.running for vm in self.world.cloud.vms.values())
        for things in (self.world.cloud.vms, self.world.cloud.disks, self.world.cloud.nics):
            things.clear()  # its owner deletes what was kept, and lets it go on
        self.rolled = True

    # what must always be true

    @invariant()
    def every_recovery_point_is_the_model_at_its_snapshot(self) -> None:
        if self.life is Life.NEW:
            return
        record = self.world.record()
        for commit in (record.committed, *record.earlier):
            if commit is None:
                continue
            frozen = self.shots[f"wavelift-lab-{ME}-{commit.attempt}"]
            for key, point in commit.points.items():
                content = self.world.replicas.blobs[f"{ME}-r1-{key}.vhd"].points[point][0]
                assert content == frozen[key], f"cycle {commit.cycle}, disk {key}: not what the model was"

    @invariant()
    def the_source_is_the_model(self) -> None:
        """The fake is what the model believes: otherwise nothing above would mean anything."""
        assert {key: bytes(disk.content) for key, disk in self.vm.disks.items()} == {k: bytes(v) for k, v in self.model.items()}

    @invariant()
    def no_machine_is_off_without_its_azure_vm(self) -> None:
        self.world.assert_off_only_for_azure()


Model.TestCase.settings = settings(
    deadline=None,
    max_examples=size(250, 10),
    stateful_step_count=size(30, 12),
    derandomize=not FULL,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
)
TestModel = pytest.mark.faults(Model.TestCase)
