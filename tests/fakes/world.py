"""The whole outside in memory, and what must be true of it whatever happened."""

from __future__ import annotations

import random
from typing import Any, cast

from replication.model.command import Command, Verb
from replication.model.documents import command_name, dumps, item_name, load_record, order_name, record_name
from replication.model.extents import MIB
from replication.model.item import Cutover, DiskOrder, Item, ItemDisk, NicOrder, Order, OrderKind, Shutdown, VmOrder
from replication.model.record import Record
from replication.model.source import Power
from replication.ports import Outside
from tests.fakes.clock import FakeClock
from tests.fakes.cloud import FakeCloud
from tests.fakes.faults import Process
from tests.fakes.hooks import FakeHooks
from tests.fakes.stores import FakeDocuments, FakeKeys, FakeLog, FakeReplicas
from tests.fakes.vcenter import FakeVCenter, Vm

REGION, SUBSCRIPTION, SOURCE, APPLIANCE = "koreacentral", "11111111-2222-3333-4444-555555555555", "vc", "ap-01"


class World:
    def __init__(self, seed: int = 1) -> None:
        self.clock = FakeClock()
        self.vcenter = FakeVCenter()
        self.vcenter.now = self.clock.now
        self.documents = FakeDocuments(self.clock)
        self.logs = FakeLog()
        self.replicas = FakeReplicas()
        self.keys = FakeKeys()
        self.cloud = FakeCloud(self.replicas)
        self.hooks = FakeHooks()
        self.random = random.Random(seed)

    # set-up

    def add(self, machine: str = "m1", disks: int = 2, size: int = MIB, fill: float = 0.6) -> Vm:
        """A VM with random content in `fill` of its 16 KiB blocks, and the item that replicates it."""
        contents = {2000 + i: self.content(size, fill) for i in range(disks)}
        vm = self.vcenter.add(machine, f"vm-{machine}", contents)
        self.put_item(machine)
        return vm

    def content(self, size: int, fill: float) -> bytes:
        block = 16 * 1024
        return b"".join(
            self.random.randbytes(block) if self.random.random() < fill else bytes(block) for _ in range(size // block)
        )

    def item(self, machine: str, replication: str = "r1", **more: Any) -> Item:
        vm = self.vcenter.vms[machine]
        disks = tuple(
            ItemDisk(k, d.uuid, f"disk-{k}", len(d.content), f"{machine}-{replication}-{k}.vhd") for k, d in vm.disks.items()
        )
        given: dict[str, Any] = {
            "wave": "wave-1", "estate": "lab", "source": SOURCE, "appliance": APPLIANCE, "region": REGION,
            "seed_account": "https://seed/", "seed_container": "seeds", "log_account": "https://log/",
            "log_container": "log", "key_vault": "https://kv/", "log_key": "log-key", "report_key": "report-key",
        }  # fmt: skip
        given.update(more)
        return Item(machine=machine, name=vm.name, replication=f"{machine}-{replication}", disks=disks, **given)

    def put_item(self, machine: str, replication: str = "r1", **more: Any) -> None:
        self.documents.put_any(item_name(machine), dumps(self.item(machine, replication, **more)))

    def order(
        self,
        machine: str,
        number: int,
        kind: OrderKind,
        shutdown: Shutdown | None = None,
        cutover: Cutover | None = None,
    ) -> None:
        vm = self.vm_order(machine, "-test" if kind is OrderKind.TEST else "")
        record = self.record(machine)
        order = Order(
            *(machine, number, f"order-{machine}-{number}", kind, record.replication, "plan-1", self.clock.now()),
            vm=vm if kind in (OrderKind.TEST, OrderKind.MIGRATE) else None,
            shutdown=shutdown or Shutdown(wait=30.0),
            cutover=cutover or Cutover(),
        )
        self.documents.put_any(order_name(machine, number), dumps(order))

    def command(self, machine: str, verb: Verb, why: str = "INC-1", **more: Any) -> None:
        """What `wavelift hold | resume | rollback` writes."""
        number = 1 + sum(name.startswith(f"commands/{machine}/") for name in self.documents.docs)
        said = Command(machine, number, verb, "kim", why, self.clock.now(), **more)
        self.documents.put_any(command_name(machine, number), dumps(said))

    def vm_order(self, machine: str, suffix: str = "") -> VmOrder:
        vm = self.vcenter.vms[machine]
        disks = tuple(
            DiskOrder(
                *(k, f"{vm.name}{suffix}-disk-{k}", "StandardSSD_LRS", -(-len(d.content) // MIB) * MIB),
                lun=None if at == 0 else at - 1,
                os_type="Linux" if at == 0 else None,
                generation="V2" if at == 0 else None,
            )
            for at, (k, d) in enumerate(vm.disks.items())
        )
        nics = (NicOrder(4000, f"{vm.name}{suffix}-nic", "/subnets/a", None, True),)
        return VmOrder(
            *(f"{vm.name}{suffix}", "rg-target", SUBSCRIPTION, REGION, ("Standard_A", "Standard_B"), None, {}, disks, nics)
        )

    # the guest

    def guest_writes(self, machine: str, times: int = 12) -> None:
        vm = self.vcenter.vms[machine]
        for _ in range(times):
            key = self.random.choice(list(vm.disks))
            length = self.random.choice((512, 4096, 24 * 1024))
            at = self.random.randrange(0, len(vm.disks[key].content) - length) // 512 * 512
            data = bytes(length) if self.random.random() < 0.3 else self.random.randbytes(length)
            self.vcenter.write(machine, key, at, data)

    # what is there

    def record(self, machine: str = "m1") -> Record:
        return load_record(self.documents.docs[record_name(machine)][0])

    def outside(self, process: Process) -> Outside:
        return Outside(
            clock=self.clock,
            sources={SOURCE: process.port("source", self.vcenter)},
            documents={REGION: process.port("documents", self.documents)},
            stores=cast(Any, _Stores(self, process)),
            cloud={SUBSCRIPTION: process.port("cloud", self.cloud)},
            hooks=process.port("hooks", self.hooks),
        )

    def own_snapshots(self) -> list[str]:
        names = [s.name for vm in self.vcenter.vms.values() for s in vm.snapshots.values()]
        return [name for name in names if name.startswith("wavelift-")]

    def assert_replica_is_source(self, machine: str = "m1") -> None:
        """The newest recovery point and the replica itself hold the source's bytes, every one."""
        record, item = self.record(machine), self.item(machine)
        assert record.committed is not None
        for disk in item.disks:
            blob = self.replicas.blobs[disk.seed]
            source = self.vcenter.content(machine, disk.key)
            assert blob.points[record.committed.points[disk.key]][0] == source, f"recovery point of disk {disk.key} differs"
            assert bytes(blob.content) == source, f"replica of disk {disk.key} differs"

    def assert_points_are_snapshots(self, machine: str = "m1") -> None:
        """Every recovery point that is kept holds what the source held when its snapshot was taken."""
        record = self.record(machine)
        item = self.item(machine, record.replication.removeprefix(f"{machine}-"))
        for commit in (record.committed, *record.earlier):
            if commit is None:
                continue
            frozen = self.vcenter.history[f"wavelift-{item.estate}-{machine}-{commit.attempt}"]
            for disk in (d for d in item.disks if d.key in commit.points):
                content = self.replicas.blobs[disk.seed].points[commit.points[disk.key]][0]
                assert content == frozen[disk.key], f"cycle {commit.cycle}: disk {disk.key} is not its snapshot"

    def assert_tidy(self) -> None:
        """No snapshot of ours, no log blob."""
        assert self.own_snapshots() == []
        assert list(self.logs.blobs) == []


    def assert_off_only_for_azure(self) -> None:
        """No machine is off unless its Azure VM runs."""
        for machine, vm in self.vcenter.vms.items():
            theirs = [azure for azure in self.cloud.vms.values() if azure.tags["wavelift-machine"] == machine]
            assert vm.power is Power.ON or any(azure.running for azure in theirs), f"{machine} is off and has no Azure VM"


class _Stores:
    def __init__(self, world: World, process: Process) -> None:
        self._log = process.port("log", world.logs)
        self._replicas = process.port("replicas", world.replicas)
        self._keys = process.port("keys", world.keys)

    def log(self, account: str, container: str) -> Any:
        return self._log

    def replicas(self, account: str, container: str) -> Any:
        return self._replicas

    def keys(self, vault: str) -> Any:
        return self._keys
