"""An estate in a folder, an inventory as a value, a cloud and an engine in memory: plan and apply as the command does."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import uuid
from dataclasses import replace
from pathlib import Path

from planner.apply import Outcome, Outside, Reporter
from planner.inventory import DiskFacts, Inventory, NicFacts, SourceInventory, VmFacts
from planner.plan.scope import EVERYTHING, Scope
from replication.model.record import Life
from tests.fakes.provider import FakeAzure, Granted
from tests.planner.engine_model import EngineModel
from wavelift.applying.apply import apply, keep_outcomes
from wavelift.planning.look import Looked, look, read_records
from wavelift.workspace import Workspace

GIB = 1024**3
BASE = Path(__file__).parents[1] / "cases" / "plan" / "_base"
PROJECT = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg-wavelift"
TARGET = "/subscriptions/00000000-0000-4000-8000-000000000002"
GROUP = f"{TARGET}/resourceGroups/rg-shop"
SIZES = ("Standard_D2s_v5", "Standard_D4s_v5", "Standard_E8s_v5")


def scratch() -> Path:
    """Where to put folders that are made and thrown away by the hundred: memory, where a sync costs nothing."""
    memory = Path("/dev/shm")
    return memory if os.access(memory, os.W_OK) else Path(tempfile.gettempdir())


def uuid_of(number: int) -> str:
    return str(uuid.UUID(int=(1 << 64) + number))


def vm(number: int, name: str, sizes: tuple[int, ...] = (8,), *, folder: str = "shop", tracking: bool = True) -> VmFacts:
    """A VM with disks of so many GiB on scsi0 and one adapter in VLAN110-web."""
    disks = tuple(
        DiskFacts(
            2000 + unit, str(uuid.UUID(int=(number << 8) + unit + 1)), f"Hard disk {unit + 1}", f"scsi0:{unit}", size * GIB,
            "persistent", "FlatVer2", "ds-1", "VMFS", False, tracking, f"[ds-1] {name}/{name}_{unit}.vmdk",
        )
        for unit, size in enumerate(sizes)
    )  # fmt: skip
    nic = NicFacts(4000, "Network adapter 1", "VLAN110-web", f"00:50:56:00:00:{number:02x}", True, (f"10.20.0.{number}",))
    return VmFacts(
        uuid_of(number), name, f"/Seoul/vm/{folder}/{name}", "esx-1", "poweredOn", "ubuntu64Guest", "Linux", "efi", 2, 4096, 19,
        "guestToolsRunning", tracking, 0, False, 2000, (), disks, (nic,),
    )  # fmt: skip


class Site:
    """`folder` is made anew from the base estate; `vms` by name. The process must run in `folder`."""

    def __init__(self, folder: Path, *vms: VmFacts, cloud: Path | None = None) -> None:
        self.folder = folder
        if not (folder / "estate.yaml").exists():
            shutil.copytree(BASE, folder, dirs_exist_ok=True)
        self.vms = {v.name: v for v in vms}
        self.azure = FakeAzure(cloud)
        if not self.azure.contents.things:
            self.landing_zone()
        self.engine = EngineModel(self.azure)
        self.stop = threading.Event()
        self.now = 1_800_000_000.0

    def landing_zone(self) -> None:
        """What is there before wavelift is: the target's group, networks, sizes."""
        self.azure.put("resource_group", GROUP, {"location": "koreacentral"}, ours=False)
        subnets = {"snet-web": "10.20.0.0/24", "snet-db": "10.20.1.0/24"}
        for name in ("vnet-prod", "vnet-bubble"):
            spec = {"location": "koreacentral", "prefixes": ["10.20.0.0/16"], "subnets": subnets}
            self.azure.put("network", f"{GROUP}/providers/Microsoft.Network/virtualNetworks/{name}", spec, ours=False)
        for size in SIZES:
            arm_id = f"{TARGET}/providers/Microsoft.Compute/locations/koreacentral/skus/{size}"
            self.azure.put("sku", arm_id, {}, ours=False)

    def files(self, **files: str) -> None:
        """`waves="…"` writes waves.yaml."""
        for name, text in files.items():
            (self.folder / f"{name}.yaml").write_text(text)

    @property
    def workspace(self) -> Workspace:
        return Workspace.open(Path())

    def inventory(self) -> Inventory:
        return Inventory({"seoul": SourceInventory("seoul", uuid_of(0), 1.8e9, tuple(self.vms.values()))})

    def look(
        self,
        allow_destroy: int | None = None,
        approvals: frozenset[str] = frozenset(),
        now: float | None = None,
        scope: Scope = EVERYTHING,
    ) -> Looked:
        outside = (self.workspace, self.inventory(), self.azure, self.engine)
        at = self.now if now is None else now
        return look(*outside, allow_destroy, approvals=approvals, now=at, vcenter=Granted(), scope=scope)

    def apply(
        self,
        looked: Looked | None = None,
        parallelism: int = 4,
        reporter: Reporter | None = None,
        workspace: Workspace | None = None,
    ) -> Outcome:
        outside = Outside(self.azure, self.engine, self, lambda: self.now)
        return apply(workspace or self.workspace, looked or self.look(), outside, parallelism, self.stop, reporter or Reporter())

    def settle(self) -> None:
        """The engine does everything, and `apply --wait` keeps it."""
        self.engine.run()
        records = read_records(self.engine, self.workspace.view().state)
        for name, known in self.vms.items():
            if (record := records.get(known.uuid)) is not None and record.life is Life.MIGRATED:
                self.vms[name] = replace(known, power="poweredOff")
        keep_outcomes(self.workspace, self.engine, records)

    def go(self, *, engine: bool = True, allow_destroy: int | None = None) -> Outcome:
        """Plan, apply, and the engine's part."""
        looked = self.look(allow_destroy)
        assert not looked.plan.errors, looked.plan.errors
        outcome = self.apply(looked)
        assert outcome.complete, outcome
        if engine:
            self.settle()
        return outcome

    def enable_tracking(self, source: str, machine: str) -> None:
        """`planner.engine.TrackingSwitch`."""
        for name, known in self.vms.items():
            if known.uuid == machine:
                disks = tuple(replace(d, tracking=True) for d in known.disks)
                self.vms[name] = replace(known, tracking=True, disks=disks)
