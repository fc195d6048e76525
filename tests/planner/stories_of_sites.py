"""Golden plan cases, what is found: in Azure, in vCenter and in the appliances, beside what the files say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.planner.site import BASE, PROJECT, vm
from tests.planner.story import Story, case


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
