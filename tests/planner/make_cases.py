"""Writes the inputs of the golden plan cases (tests/cases/plan): what the files, vCenter, the state, Azure and the engine say.

    python -m tests.planner.make_cases [CASE…]

Each case plays a short story in memory up to the moment of a plan, and keeps what that plan is made from. The tests read only
these files: a change of the state's or the inventory's format shows as a case that cannot be read any more. Afterwards
`UPDATE=1 pytest tests/planner/test_plan_cases.py` writes what the plans say.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from planner.inventory import dumps
from replication.model.documents import dumps as document
from replication.model.item import OrderKind
from replication.model.record import HoldMark, OrderProgress
from tests.planner.site import BASE, PROJECT, Site, vm

CASES = BASE.parent


@dataclass
class Story:
    """A case in the making. `ask` is what the plan is asked with."""

    site: Site
    ask: dict[str, int] = field(default_factory=dict)

    def wave(self, phase: str, machines: str = "web-01: Standard_D2s_v5", more: str = "") -> None:
        """One wave, or with `more` several."""
        self.site.files(waves=f"waves:\n  pilot:\n    target: korea\n    phase: {phase}\n    machines: {{{machines}}}\n{more}")

    def replicated(self, phase: str = "replicate") -> None:
        """web-01 in delta sync, then asked for `phase`."""
        self.wave("replicate")
        self.site.go()
        self.wave(phase)

    def seed(self, name: str, key: int = 2000) -> str:
        return self.site.workspace.view().state.artifacts[f"seed_disk.{name}/{key}"].id


TOLD: dict[str, Callable[[Story], None]] = {}


def case(tell: Callable[[Story], None]) -> Callable[[Story], None]:
    TOLD[tell.__name__.removesuffix("_").replace("_", "-")] = tell
    return tell


SHOP = """\
  shop:
    target: korea
    phase: {phase}
    after: {{pilot: migrated}}
    machines: {{db-01: Standard_E8s_v5}}
"""


@case
def first_plan(story: Story) -> None:
    story.site.vms["web-01"] = vm(1, "web-01", (8, 16), tracking=False)
    story.wave("test", more=SHOP.format(phase="replicate"))


POLICIES = """\
policies:
  blackout: {payroll: "Friday;18:00;5h", db_hours: {weekly: [{days: Mon-Fri, time: 09:00-12:00}]}}
  cutover: {night: {in_blackout: refuse}}
appliances:
  gw-2: {role: scale-out, source: seoul, blackout: payroll, schedule: {initial_in_blackout: release-and-resume}}
"""


@case
def first_plan_with_windows(story: Story) -> None:
    story.site.files(policies=POLICIES)
    story.wave("replicate", machines="web-01: {size: Standard_D2s_v5, blackout: db_hours}")


@case
def migrate_refused_in_windows(story: Story) -> None:
    story.site.files(policies=POLICIES)
    story.replicated()
    story.wave("migrate", machines="web-01: {size: Standard_D2s_v5, blackout: db_hours, cutover: night}")


@case
def no_op_after_apply(story: Story) -> None:
    story.replicated()


@case
def renamed_in_yaml(story: Story) -> None:
    story.replicated()
    story.wave("replicate", "shop-web: {vm: web-01, size: Standard_D2s_v5}")


@case
def renamed_in_vmware(story: Story) -> None:
    story.replicated()
    story.site.vms["web-01"] = replace(vm(1, "SHOP WEB 1"), path="/Seoul/vm/new/SHOP WEB 1")


@case
def moved_to_another_wave(story: Story) -> None:
    story.wave("replicate", "web-01: Standard_D2s_v5, web-02: Standard_D2s_v5")
    story.site.go()
    late = "  late:\n    target: korea\n    phase: replicate\n    machines: {web-02: Standard_D2s_v5}\n"
    story.wave("replicate", more=late)


@case
def test_deferred_in_initial_replication(story: Story) -> None:
    story.wave("replicate")
    story.site.go(engine=False)
    story.wave("test")


@case
def test_(story: Story) -> None:
    story.replicated("test")


@case
def test_in_progress(story: Story) -> None:
    story.replicated("test")
    story.site.go(engine=False)


@case
def test_done(story: Story) -> None:
    story.replicated("test")
    story.site.go()


@case
def test_vm_removed_by_hand(story: Story) -> None:
    test_done(story)
    story.site.azure.remove(story.site.workspace.view().state.artifacts["test_vm.web-01"].id)


@case
def test_failed_again(story: Story) -> None:
    story.replicated("test")
    story.site.engine.refuse[OrderKind.TEST] = "no capacity for any of Standard_D2s_v5"
    story.site.go()


@case
def back_from_test(story: Story) -> None:
    test_done(story)
    story.wave("replicate")


@case
def migrate_from_test(story: Story) -> None:
    test_done(story)
    story.wave("migrate")


@case
def migrate_in_progress(story: Story) -> None:
    story.replicated("migrate")
    story.site.go(engine=False)


@case
def migrate_failed_again(story: Story) -> None:
    story.replicated("migrate")
    story.site.engine.refuse[OrderKind.MIGRATE] = "the guest did not shut down within 600 s"
    story.site.go()


@case
def migrate_on_hold(story: Story) -> None:
    story.replicated()
    story.wave("migrate", "web-01: {size: Standard_D2s_v5, hold: {why: INC-881, until: 2027-01-20}}")


def held(story: Story, name: str, why: str, number: int = 1) -> None:
    """`wavelift hold` was said and obeyed."""
    (documents,) = story.site.engine.stores.values()
    uuid = story.site.vms[name].uuid
    mark = HoldMark("kim@ops", why, 1_800_000_000.0, number=number)
    documents.records[uuid] = replace(documents.records[uuid], hold=mark, commands=number)


@case
def held_by_a_person(story: Story) -> None:
    story.replicated("migrate")
    held(story, "web-01", "INC-881")


@case
def hold_acknowledged(story: Story) -> None:
    story.replicated()
    story.wave("migrate", "web-01: {size: Standard_D2s_v5, acknowledge: INC-881}")
    held(story, "web-01", "INC-881")


@case
def acknowledges_what_does_not_stand(story: Story) -> None:
    story.wave("replicate", "web-01: Standard_D2s_v5, web-02: Standard_D2s_v5")
    story.site.go()
    each = "{size: Standard_D2s_v5, acknowledge: INC-881}"
    story.wave("migrate", f"web-01: {each}, web-02: {each}")
    held(story, "web-01", "INC-900", 4)


@case
def held_cut_over_acknowledged(story: Story) -> None:
    story.replicated("migrate")
    story.site.go(engine=False)
    story.wave("migrate", "web-01: {size: Standard_D2s_v5, acknowledge: 2}")
    held(story, "web-01", "INC-881 & more", 2)
    (documents,) = story.site.engine.stores.values()
    uuid = story.site.vms["web-01"].uuid
    progress = OrderProgress(1, documents.orders[uuid, 1].id, OrderKind.MIGRATE, ())
    documents.records[uuid] = replace(documents.records[uuid], order=progress)


@case
def migrate_after_another_wave(story: Story) -> None:
    story.wave("replicate", more=SHOP.format(phase="replicate"))
    story.site.go()
    story.wave("migrate", more=SHOP.format(phase="migrate"))


@case
def migrated(story: Story) -> None:
    story.replicated("migrate")
    story.site.go()


@case
def complete_from_delta(story: Story) -> None:
    story.replicated("complete")


@case
def complete_from_migrated(story: Story) -> None:
    migrated(story)
    story.wave("complete")


@case
def completed(story: Story) -> None:
    complete_from_migrated(story)
    story.site.go()


@case
def completed_and_its_source_deleted(story: Story) -> None:
    completed(story)
    del story.site.vms["web-01"]


@case
def migrated_going_back(story: Story) -> None:
    migrated(story)
    story.wave("test")


@case
def leaves_while_replicating(story: Story) -> None:
    story.wave("replicate", more=SHOP.format(phase="replicate"))
    story.site.go()
    story.wave("replicate")


@case
def leaves_and_may_be_destroyed(story: Story) -> None:
    leaves_while_replicating(story)
    story.ask["allow_destroy"] = 1


@case
def leaves_with_the_wrong_number(story: Story) -> None:
    leaves_while_replicating(story)
    story.ask["allow_destroy"] = 3


@case
def leaves_after_its_migration(story: Story) -> None:
    story.wave("replicate", more=SHOP.format(phase="replicate"))
    story.site.go()
    for phase in ("migrate", "complete"):
        story.wave(phase, more=SHOP.format(phase="replicate"))
        story.site.go()
    story.site.files(waves="waves:\n" + SHOP.format(phase="replicate").replace("    after: {pilot: migrated}\n", ""))


@case
def vanished_seed_disk(story: Story) -> None:
    story.replicated()
    story.site.azure.remove(story.seed("web-01"))


@case
def vanished_seed_disk_once_stopped(story: Story) -> None:
    vanished_seed_disk(story)
    story.site.go()


@case
def drift(story: Story) -> None:
    story.replicated()
    bus = next(t for t in story.site.azure.contents.things.values() if t.kind == "service_bus")
    bus.spec["queues"] = ["commands"]


@case
def shared_thing_is_gone(story: Story) -> None:
    story.replicated()
    story.site.azure.remove(f"{PROJECT}/providers/Microsoft.RecoveryServices/vaults/wavelift-shop")


@case
def adopts_what_an_interrupted_apply_made(story: Story) -> None:
    story.wave("replicate")
    story.site.go(engine=False)
    Path("state.json").unlink()
    Path("state.json.serial").unlink()


@case
def exists_and_is_not_ours(story: Story) -> None:
    story.wave("replicate")
    vault = f"{PROJECT}/providers/Microsoft.RecoveryServices/vaults/wavelift-shop"
    story.site.azure.put("vault", vault, {"location": "koreacentral"}, ours=False)


def _three(story: Story, more: str) -> None:
    story.site.files(
        more="policies: {limits: {small: {machines_per_appliance: 2}}}\n",
        estate=(BASE / "estate.yaml")
        .read_text()
        .replace("role: primary", "limits: small, role: primary")
        .replace("source: seoul}\n", "source: seoul}\n" + more),
    )
    story.wave("replicate", ", ".join(f"web-0{n}: Standard_D2s_v5" for n in (1, 2, 3)))


@case
def appliance_is_full(story: Story) -> None:
    _three(story, "")


@case
def scale_out_appliance(story: Story) -> None:
    _three(story, "  gw-2: {role: scale-out, source: seoul}\n")


@case
def two_machines_are_one_vm(story: Story) -> None:
    story.wave("replicate", "web-01: Standard_D2s_v5, again: {vm: /Seoul/vm/shop/web-01, size: Standard_D2s_v5}")


@case
def ambiguous_and_missing_vms(story: Story) -> None:
    story.site.vms["twin"] = vm(7, "web-01", folder="old")
    story.wave("replicate", "web-01: Standard_D2s_v5, web-20: Standard_D2s_v5, gone: {vm: /Seoul/vm/x, size: Standard_D2s_v5}")


@case
def pinned_vm_is_gone(story: Story) -> None:
    story.replicated()
    del story.site.vms["web-01"]


@case
def disks_are_chosen(story: Story) -> None:
    story.site.vms["web-01"] = vm(1, "web-01", (8, 16, 32, 64))
    story.wave(
        "migrate",
        'web-01: {size: Standard_D2s_v5, disks: {os: Premium_LRS, "scsi0:1": skip, Hard disk 3: {gib: 64, type: Premium_LRS}}}',
    )
    story.site.go()


@case
def disks_that_cannot_be(story: Story) -> None:
    story.site.vms["web-01"] = vm(1, "web-01", (8, 16))
    story.site.vms["web-02"] = vm(2, "web-02", (8, 16))
    story.wave(
        "replicate",
        'web-01: {size: Standard_D2s_v5, disks: {"scsi0:0": skip, "scsi0:1": {gib: 12}, "scsi0:4": Premium_LRS}}, '
        'web-02: {size: Standard_D2s_v5, disks: {"scsi0:1": Premium_LRS, Hard disk 2: skip}}',
    )


@case
def disk_added(story: Story) -> None:
    story.replicated()
    story.site.vms["web-01"] = vm(1, "web-01", (8, 16))


@case
def disk_skipped_later(story: Story) -> None:
    story.site.vms["web-01"] = vm(1, "web-01", (8, 16))
    story.wave("replicate")
    story.site.go()
    story.wave("replicate", 'web-01: {size: Standard_D2s_v5, disks: {"scsi0:1": skip}}')


@case
def port_group_without_subnet(story: Story) -> None:
    known = story.site.vms["web-01"]
    story.site.vms["web-01"] = replace(known, nics=(replace(known.nics[0], network="VLAN999"),))
    story.wave("replicate")


@case
def vm_that_cannot_replicate(story: Story) -> None:
    known = story.site.vms["web-01"]
    disk = replace(known.disks[0], mode="independent_persistent")
    story.site.vms["web-01"] = replace(known, disks=(disk,))
    story.site.vms["web-02"] = replace(vm(2, "web-02", tracking=False), snapshots=2)
    story.wave("replicate", "web-01: Standard_D2s_v5, web-02: Standard_D2s_v5")


@case
def replicating_vm_needs_consolidation(story: Story) -> None:
    story.replicated("test")
    story.site.vms["web-01"] = replace(story.site.vms["web-01"], consolidation_needed=True)


@case
def cloud_says_no(story: Story) -> None:
    """Unknown size, a network without the subnet, a test network that is not there, a missing role; and what vCenter says."""
    snet = "db-01: {size: Standard_D2s_v5, nics: {0: {subnet: snet-nowhere}}}"
    story.wave("test", f"web-01: Standard_X9, {snet}, web-02: Standard_D2s_v5")
    story.site.vms["web-02"] = replace(story.site.vms["web-02"], consolidation_needed=True)
    story.site.azure.remove(next(t.id for t in story.site.azure.contents.things.values() if t.id.endswith("vnet-bubble")))
    story.site.azure.missing.append("User Access Administrator")


def write(name: str) -> None:
    """Play one case and keep what its plan is made from."""
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        try:
            known = (vm(1, "web-01"), vm(2, "web-02"), vm(3, "web-03"), vm(4, "db-01"))
            story = Story(Site(Path(), *known))
            TOLD[name](story)
            _keep(story, CASES / name)
        finally:
            os.chdir(here)


def _keep(story: Story, folder: Path) -> None:
    golden = {p.name: p.read_bytes() for p in folder.glob("plan.*")} if folder.exists() else {}
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for file in sorted(Path().glob("*.yaml")):
        if file.read_bytes() != _base(file.name):
            shutil.copy(file, folder)
    (folder / "inventory.json").write_text(dumps(story.site.inventory()))
    if Path("state.json").exists():
        shutil.copy("state.json", folder / "recorded.json")
    azure = story.site.azure.contents
    things = {k: {"properties": t.spec, "ours": t.ours} for k, t in sorted(azure.things.items())}
    engine = {
        account: [json.loads(document(r)) for r in documents.records.values()]
        for account, documents in story.site.engine.stores.items()
    }
    rows = ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in things.items())
    rest = {"engine": engine, "missing_access": story.site.azure.missing, "ask": story.ask}
    tail = ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in rest.items())
    (folder / "observed.json").write_text(f'{{"azure": {{\n{rows}\n}},\n{tail}}}\n')
    for file_name, data in golden.items():
        (folder / file_name).write_bytes(data)


def _base(name: str) -> bytes:
    path = BASE / name
    return path.read_bytes() if path.exists() else b""


if __name__ == "__main__":
    for wanted in sys.argv[1:] or TOLD:
        write(wanted)
