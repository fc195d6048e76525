"""One file a machine: its disks, NICs, VM and attachments as azurerm knows them, each with its import block (pure).

Which resource a VM is. Ours are made from attached, specialised OS disks. `azurerm_linux_virtual_machine` and
`azurerm_windows_virtual_machine` can say that since azurerm 4.42.0 (`os_managed_disk_id`); before, they refused to import such a
VM, and only the superseded `azurerm_virtual_machine` could. So these files ask for 4.42.0.

Rules
1. Ids are Azure's own, segments spelled as azurerm reads them; what this export holds refers to each other by address.
2. `prevent_destroy` everywhere: a plan that would replace something fails instead of doing it.
3. What azurerm does not read back but would take for a reason to replace is ignored, and a comment says so. What it cannot say
   at all stands in a comment.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from planner.terraform.hcl import Attr, Block, Comment, Ref, Value, written
from planner.terraform.model import Disk, DiskAt, Found, Nic, NicAddress, Vm

PROVIDER = "4.42.0"
"""The first azurerm whose VMs may have an existing OS disk."""
VERSIONS = "versions.tf"

Entry = Attr | Block | Comment

_SEGMENTS = {
    one.lower(): one
    for one in (
        *("subscriptions", "resourceGroups", "providers", "Microsoft.Compute", "Microsoft.Network", "disks", "virtualMachines"),
        *("networkInterfaces", "virtualNetworks", "subnets", "networkSecurityGroups", "publicIPAddresses", "diskEncryptionSets"),
        *("availabilitySets", "proximityPlacementGroups", "Microsoft.ManagedIdentity", "userAssignedIdentities"),
    )
}


def canonical(id: str) -> str:
    """An ARM id with its fixed segments spelled as azurerm reads them; names stay as they are."""
    parts = id.split("/")
    return "/".join(
        _SEGMENTS.get(part.lower(), part) if n % 2 or parts[n - 1].lower() == "providers" else part
        for n, part in enumerate(parts)
    )


def render(found: Sequence[Found]) -> dict[str, str]:
    """File name -> text; the same machines give the same bytes."""
    taken: set[str] = {".versions"}
    labels: set[str] = set()
    files = {VERSIONS: written(_versions())}
    for one in sorted(found, key=lambda f: f.machine):
        files[f"{_free(one.machine, taken)}.tf"] = written(list(_machine(one, _Labels(one.machine, labels))))
    return files


def _versions() -> list[Entry]:
    needs = Block(
        "required_providers", (), (Attr("azurerm", Ref(f'{{ source = "hashicorp/azurerm", version = ">= {PROVIDER}" }}')),)
    )
    return [
        Comment(
            "Written by `wavelift export terraform`. `terraform plan` shows imports only; look at it before `terraform apply`.\n"
            "The provider is yours to configure. In its `features`, `virtual_machine { delete_os_disk_on_deletion = false }` \n"
            "keeps the OS disk when one day the VM is destroyed.",
            apart=True,
        ),
        Block("terraform", (), (Attr("required_version", ">= 1.5.0"), needs)),
    ]


class _Labels:
    """Addresses of what one machine's file holds, by id; `taken` are those of the folder, which is one module."""

    def __init__(self, machine: str, taken: set[str]) -> None:
        self._machine = machine
        self._taken = taken
        self._known: dict[str, str] = {}

    def make(self, kind: str, id: str) -> str:
        name = id.rpartition("/")[2]
        text = name if name.lower().startswith(self._machine.lower()) else f"{self._machine}-{name}"
        label = _free(text, self._taken, kind)
        self._known[id.lower()] = f"{kind}.{label}"
        return label

    def id_of(self, id: str) -> Value:
        known = self._known.get(id.lower())
        return Ref(f"{known}.id") if known else canonical(id)


def _machine(found: Found, labels: _Labels) -> Iterator[Entry]:
    yield Comment(_head(found), apart=True)
    for disk in sorted(found.disks, key=lambda d: d.id.lower()):
        yield from _imported("azurerm_managed_disk", labels.make("azurerm_managed_disk", disk.id), disk.id, _disk(disk))
    for nic in sorted(found.nics, key=lambda n: n.id.lower()):
        label = labels.make("azurerm_network_interface", nic.id)
        yield from _imported("azurerm_network_interface", label, nic.id, _nic(nic))
        if nic.security_group:
            kind = "azurerm_network_interface_security_group_association"
            both = (
                Attr("network_interface_id", labels.id_of(nic.id)),
                Attr("network_security_group_id", canonical(nic.security_group)),
            )
            yield from _imported(kind, label, f"{canonical(nic.id)}|{canonical(nic.security_group)}", both, plain=True)
    if found.vm is None:
        return
    kind = f"azurerm_{'windows' if found.vm.os_type.lower() == 'windows' else 'linux'}_virtual_machine"
    yield from _imported(kind, labels.make(kind, found.vm.id), found.vm.id, _vm(found.vm, labels))
    for at in sorted(found.vm.data, key=lambda d: d.lun):
        name = "azurerm_virtual_machine_data_disk_attachment"
        attached = f"{found.vm.id}/dataDisks/{at.id.rpartition('/')[2]}"
        label = labels.make(name, attached)
        yield from _imported(name, label, attached, _attachment(at, found.vm, labels))


def _head(found: Found) -> str:
    lines = [f"{found.machine}: {found.note}" if found.note else found.machine]
    if found.vm is None:
        lines.append("The VM is not in Azure any more.")
    lines += [f"Not in Azure any more: {one}" for one in found.gone]
    lines.append("Not here: who may do what (roles), backup, alerts, DNS names, and the settings inside of the guest.")
    return "\n".join(lines)


def _imported(kind: str, label: str, id: str, body: Sequence[Entry], *, plain: bool = False) -> Iterator[Entry]:
    yield Block("import", (), (Attr("to", Ref(f"{kind}.{label}")), Attr("id", id if plain else canonical(id))))
    keeps = any(isinstance(one, Block) and one.kind == "lifecycle" for one in body)
    guarded = () if keeps or plain else (_lifecycle(()),)
    yield Block("resource", (kind, label), (*body, *guarded))


def _lifecycle(ignored: Sequence[str]) -> Block:
    ignore = (Attr("ignore_changes", [Ref(one) for one in ignored]),) if ignored else ()
    return Block("lifecycle", (), (Attr("prevent_destroy", True), *ignore))


def _named(id: str, location: str) -> tuple[Entry, ...]:
    parts = id.split("/")
    return Attr("name", parts[-1]), Attr("resource_group_name", parts[4]), Attr("location", location)


def _tags(tags: Mapping[str, str]) -> tuple[Entry, ...]:
    return (Attr("tags", tags),) if tags else ()


def _disk(disk: Disk) -> tuple[Entry, ...]:
    out: list[Entry] = [*_named(disk.id, disk.location)]
    out += [Attr("storage_account_type", disk.sku), Attr("create_option", disk.created), Attr("disk_size_gb", disk.size_gib)]
    ignored: list[str] = []
    if disk.upload:
        out.append(Attr("upload_size_bytes", disk.upload))
        ignored.append("upload_size_bytes")
    out += [
        Attr(name, value)
        for name, value in (
            ("os_type", disk.os_type),
            ("hyper_v_generation", disk.generation),
            ("zone", disk.zone),
            ("disk_encryption_set_id", canonical(disk.encryption_set)),
            ("tier", disk.tier),
            ("network_access_policy", disk.network_access if disk.network_access != "AllowAll" else ""),
        )
        if value
    ]
    if not disk.public:
        out.append(Attr("public_network_access_enabled", False))
    if disk.trusted:
        ignored.append("trusted_launch_enabled")
    out += _tags(disk.tags)
    if disk.upload:
        out.append(Comment("azurerm does not read upload_size_bytes back, and would make the disk anew for it."))
    if disk.trusted:
        out.append(Comment("The disk is for Trusted Launch; azurerm says that only of disks made from an image or an import."))
    return (*out, _lifecycle(ignored))


def _nic(nic: Nic) -> tuple[Entry, ...]:
    out: list[Entry] = [*_named(nic.id, nic.location)]
    if nic.forwarding:
        out.append(Attr("ip_forwarding_enabled", True))
    if nic.accelerated:
        out.append(Attr("accelerated_networking_enabled", True))
    if nic.dns:
        out.append(Attr("dns_servers", list(nic.dns)))
    for one in nic.addresses:
        out += [Comment(f"On {one.name}, and not here: {other}") for other in one.others]
        out.append(Block("ip_configuration", (), _address(one, many=len(nic.addresses) > 1)))
    return (*out, *_tags(nic.tags))


def _address(one: NicAddress, *, many: bool) -> tuple[Entry, ...]:
    out: list[Entry] = [Attr("name", one.name), Attr("subnet_id", canonical(one.subnet))]
    out.append(Attr("private_ip_address_allocation", "Static" if one.address else "Dynamic"))
    if one.address:
        out.append(Attr("private_ip_address", one.address))
    if one.public_ip:
        out.append(Attr("public_ip_address_id", canonical(one.public_ip)))
    if many:
        out.append(Attr("primary", one.primary))
    return tuple(out)


def _vm(vm: Vm, labels: _Labels) -> tuple[Entry, ...]:
    out: list[Entry] = [*_named(vm.id, vm.location), Attr("size", vm.size)]
    out.append(Attr("os_managed_disk_id", labels.id_of(vm.os_disk)))
    out += [
        Attr(name, value)
        for name, value in (
            ("zone", vm.zone),
            ("license_type", vm.licence),
            ("availability_set_id", canonical(vm.availability_set)),
            ("proximity_placement_group_id", canonical(vm.placement_group)),
        )
        if value
    ]
    if vm.host_encryption:
        out.append(Attr("encryption_at_host_enabled", True))
    if vm.security == "TrustedLaunch":
        out += [Attr("secure_boot_enabled", vm.secure_boot), Attr("vtpm_enabled", vm.vtpm)]
    elif vm.security not in ("", "Standard"):
        out.append(Comment(f"Its security type is {vm.security}: azurerm reads that from its OS disk."))
    nics = [labels.id_of(nic) for nic in vm.nics]
    out += [Attr("network_interface_ids", nics), Block("os_disk", (), (Attr("caching", vm.os_caching),))]
    if vm.boot_log:
        account = (Attr("storage_account_uri", vm.boot_log_account),) if vm.boot_log_account else ()
        out.append(Block("boot_diagnostics", (), account))
    if vm.identity is not None:
        ids = (Attr("identity_ids", [canonical(one) for one in vm.identity.ids]),) if vm.identity.ids else ()
        out.append(Block("identity", (), (Attr("type", vm.identity.kind), *ids)))
    out += _tags(vm.tags)
    if vm.extensions:
        out.append(Comment(f"Its extensions are not here: {', '.join(vm.extensions)} (azurerm_virtual_machine_extension)."))
    out.append(
        Comment("Made from an existing disk it has no OS profile: no user, password, host name or patch mode is here.")
    )
    return (*out, _lifecycle(()))


def _attachment(at: DiskAt, vm: Vm, labels: _Labels) -> tuple[Entry, ...]:
    accelerated = (Attr("write_accelerator_enabled", True),) if at.write_accelerator else ()
    where = (Attr("managed_disk_id", labels.id_of(at.id)), Attr("virtual_machine_id", labels.id_of(vm.id)))
    return (*where, Attr("lun", at.lun), Attr("caching", at.caching), *accelerated)


def _free(text: str, taken: set[str], kind: str = "") -> str:
    """An identifier like `text`, another one than those taken of its kind."""
    base = re.sub(r"[^A-Za-z0-9_-]", "_", text)
    base = base if re.match(r"[A-Za-z_]", base) else f"_{base}"
    name, number = base, 1
    while f"{kind}.{name}".lower() in taken:
        number += 1
        name = f"{base}_{number}"
    taken.add(f"{kind}.{name}".lower())
    return name
