"""Plan-time checks of what a machine asks of Azure beside its size: its own resource group, its keys, its security type."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from planner.artifact import Kind
from planner.desired import Desired, DesiredMachine
from planner.estate import Diagnostic, OsType, Phase, Target
from planner.names import Names, last
from planner.ports import Observed, ResourceRef
from planner.wording import some

Seen = Mapping[str, Observed | None]


def sku_id(target: Target, size: str) -> str:
    """What a subscription may have of a size in a region, as an id."""
    return f"/subscriptions/{target.subscription}/providers/Microsoft.Compute/locations/{target.region}/skus/{size}"


GUEST: Mapping[OsType, str] = {
    "Linux": "Hyper-V drivers (hv_vmbus, hv_storvsc, hv_netvsc) in the initramfs, file systems by UUID, DHCP",
    "Windows": "Hyper-V drivers, DHCP, remote desktop through the firewall, no disk left offline",
}


def preparation(desired: Desired, over: Collection[str]) -> Iterator[Diagnostic]:
    """One line for each OS type among the machines that are about to start in Azure: what Azure asks of their guests."""
    due = [m for m in desired.machines.values() if m.machine.phase is not Phase.REPLICATE and m.uuid not in over]
    for os_type, asked in GUEST.items():
        asks = sorted((m.machine for m in due if m.os_type == os_type), key=lambda machine: machine.name)
        if not asks:
            continue
        names = [machine.name for machine in asks]
        whom = some(names, 3)
        detail = f"{os_type} ({whom}): nothing is changed inside of a guest, so it must have what Azure needs: {asked}."
        path = f"waves.{asks[0].wave}.machines.{names[0]}"
        yield Diagnostic("WL566", "guests are prepared by their owners", detail, path, asks[0].span, severity="warning")


def landing_refs(names: Names, wanted: DesiredMachine) -> Iterator[ResourceRef]:
    """What has to be looked at for `landing_checks`."""
    landing = wanted.machine.landing
    group = names.machine_group(wanted.target, landing.group)
    if landing.group is not None:
        yield ResourceRef(f"group.{group}", Kind.RESOURCE_GROUP, group)
    if landing.encryption_set is not None:
        keys = names.encryption_set(group, landing.encryption_set)
        yield ResourceRef(f"encryption_set.{keys}", "encryption_set", keys)


def landing_checks(names: Names, wanted: DesiredMachine, seen: Seen) -> Iterator[Diagnostic]:
    """What the cloud says against it. Addresses that are not in `seen` could not be looked at."""
    landing, target = wanted.machine.landing, wanted.target
    group = names.machine_group(target, landing.group)
    if landing.group is not None and f"group.{group}" in seen and seen[f"group.{group}"] is None:
        detail = f"{group} does not exist. Make it, or correct `resource_group`: a machine's own group is not made by apply."
        yield _problem(wanted, "WL341", "the resource group does not exist", detail, "resource_group")
    if landing.encryption_set is not None:
        yield from _keys(wanted, names.encryption_set(group, landing.encryption_set), seen)
    if landing.security is not None and landing.security.type == "TrustedLaunch":
        for size in wanted.machine.size:
            sku = seen.get(f"sku.{sku_id(target, size)}")
            if sku is not None and not sku.properties.get("trusted_launch", True):
                detail = f"{size} does not support trusted launch. Take another size, or `security_type: Standard`."
                yield _problem(wanted, "WL562", "the size does not support trusted launch", detail, "size")
    if wanted.zone is not None and landing.zone is not None:
        for size in wanted.machine.size:
            sku = seen.get(f"sku.{sku_id(target, size)}")
            if sku is not None and wanted.zone not in sku.properties.get("zones", ()):
                where = ", ".join(sku.properties.get("zones", ())) or "no zone"
                detail = f"{size} is not to be had in zone {wanted.zone} of {target.region} (only {where}). Take another of them."
                yield _problem(wanted, "WL564", "the size is not in that zone", detail, "zone")


def _keys(wanted: DesiredMachine, arm_id: str, seen: Seen) -> Iterator[Diagnostic]:
    address = f"encryption_set.{arm_id}"
    if address not in seen:
        return
    found = seen[address]
    if found is None:
        detail = f"{arm_id} does not exist. Make it, or correct `disk_encryption_set`."
        yield _problem(wanted, "WL563", "the disk encryption set cannot be used", detail, "disk_encryption_set")
        return
    if not found.readable:
        return  # that the engine may read it is checked with the permissions
    region, kind = str(found.properties.get("location")), str(found.properties.get("kind"))
    if region != wanted.target.region:
        detail = f"{last(arm_id)} is in {region}, the disks go to {wanted.target.region}. Azure wants both in one region."
        yield _problem(wanted, "WL563", "the disk encryption set cannot be used", detail, "disk_encryption_set")
    if arm_id.split("/")[2].lower() != wanted.target.subscription.lower():
        detail = f"{last(arm_id)} is in another subscription than the disks. Azure wants both in one."
        yield _problem(wanted, "WL563", "the disk encryption set cannot be used", detail, "disk_encryption_set")
    if kind != "EncryptionAtRestWithCustomerKey":
        detail = f"{last(arm_id)} encrypts by {kind}; what is used here is EncryptionAtRestWithCustomerKey."
        yield _problem(wanted, "WL563", "the disk encryption set cannot be used", detail, "disk_encryption_set")


def _problem(wanted: DesiredMachine, code: str, summary: str, detail: str, key: str) -> Diagnostic:
    machine = wanted.machine
    path = f"waves.{machine.wave}.machines.{machine.name}.{key}"
    return Diagnostic(code, summary, f"{machine.name}: {detail}", path, machine.spans.get(key) or machine.span)
