"""An estate of many machines as files, and the recorded snapshot of the vCenter and the cloud that go with it.

    python -m tests.bench.estates FOLDER MACHINES

Fifty machines a wave and a file for each wave; of ten machines six are written short (`name: size`), the others with disks,
an address, tags or a VM name of their own. Each VM has two disks and one adapter, every other one no tracking yet. With
everything that an order makes, a machine comes down to seven artifacts.
"""

from __future__ import annotations

import marshal
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

from planner.inventory import DiskFacts, Inventory, NicFacts, SourceInventory, VmFacts, dumps

PER_WAVE = 50
PER_APPLIANCE = 300
GIB = 1024**3
SUBSCRIPTION = "00000000-0000-4000-8000-000000000001"
REGIONS = ("koreacentral", "japaneast")
NETWORKS = ("VLAN110-web", "VLAN120-db")

INVENTORY = "inventory.json"
OBSERVED = "observed.marshal"


def write(folder: Path, machines: int) -> None:
    """`folder`/estate, and the recorded files beside it."""
    estate = folder / "estate"
    (estate / "waves").mkdir(parents=True)
    (estate / "estate.yaml").write_text(_estate(machines))
    for number, start in enumerate(range(0, machines, PER_WAVE)):
        text = "\n".join(_wave(number, range(start, min(start + PER_WAVE, machines)))) + "\n"
        (estate / "waves" / f"wave-{number:03}.yaml").write_text(text)
    (folder / INVENTORY).write_text(_inventory(machines))
    (folder / OBSERVED).write_bytes(marshal.dumps(_observed()))


def name(number: int) -> str:
    return f"app-{number:05}"


def _estate(machines: int) -> str:
    appliances = [
        f"  gw-{n:02}: {{role: {'scale-out' if n else 'primary'}, source: seoul, throttle: wan}}"
        for n in range(machines // PER_APPLIANCE + 1)
    ]
    targets = [
        f"  {region}: {{region: {region}, subscription: {SUBSCRIPTION}, resource_group: rg-{region},\n"
        f"    vnet: vnet-{region}, test_vnet: vnet-{region}-test, subnets: {{VLAN110-web: snet-web, VLAN120-db: snet-db}}}}"
        for region in REGIONS
    ]
    return "\n".join(
        [
            "estate: {name: many, schema: 1, time_zone: Asia/Seoul}",
            "azure:",
            "  tenant: corp.example",
            f"  project: {{subscription: {SUBSCRIPTION}, region: {REGIONS[0]}, resource_group: rg-w}}",
            "sources: {seoul: {vcenter: vc01.corp.example, login: env:VC}}",
            "policies: {throttle: {wan: {rate: 1 Gbps}}}",
            "appliances:",
            *appliances,
            "targets:",
            *targets,
            'defaults: {disk: StandardSSD_LRS, ip: keep, tags: {cost: "4711"}}',
            "",
        ]
    )


def _wave(number: int, machines: range) -> Iterator[str]:
    yield f"# Wave {number}: what moves together."
    yield "waves:"
    yield f"  wave-{number:03}:"
    yield f"    target: {REGIONS[number % 2]}"
    yield "    phase: replicate"
    if number:
        yield f"    after: {{wave-{number - 1:03}: migrated}}"
    yield "    machines:"
    for machine in machines:
        yield from _machine(machine)


def _machine(number: int) -> Iterator[str]:
    match number % 10:
        case 6:
            yield f"      {name(number)}:"
            yield f"        vm: /Seoul/vm/apps/{name(number)}"
            yield "        size: [Standard_E8s_v5, Standard_E8as_v5]"
            yield '        disks: {os: Premium_LRS, "scsi0:1": {type: Premium_LRS, gib: 1024}}'
        case 7:
            yield f"      {name(number)}: {{size: Standard_D4s_v5, tags: {{owner: team-{number % 23}, tier: gold}}}}"
        case 8:
            address = f"10.{20 + number // 65536}.{number // 256 % 256}.{number % 256}"
            yield f"      {name(number)}: {{size: Standard_D2s_v5, nics: {{0: {{ip: {address}}}}}}}"
        case 9:
            yield f"      {name(number)}: {{size: Standard_D2s_v5, disk: Premium_LRS, quiesce: true}}"
        case _:
            yield f"      {name(number)}: Standard_D2s_v5"


def _inventory(machines: int) -> str:
    vms = tuple(_vm(number) for number in range(machines))
    return dumps(Inventory({"seoul": SourceInventory("seoul", str(uuid.UUID(int=1)), 1.8e9, vms)}))


def _vm(number: int) -> VmFacts:
    title, store = name(number), f"ds-{number % 40:02}"
    tracked = number % 2 == 0
    disks = tuple(
        DiskFacts(
            2000 + unit, str(uuid.UUID(int=(number << 8) + unit + 16)), f"Hard disk {unit + 1}", f"scsi0:{unit}", size * GIB,
            "persistent", "FlatVer2", store, "VMFS", False, tracked, f"[{store}] {title}/{title}_{unit}.vmdk",
        )
        for unit, size in enumerate((64, 256))
    )  # fmt: skip
    mac = f"00:50:56:{number >> 16 & 255:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"
    nic = NicFacts(4000, "Network adapter 1", NETWORKS[number % 2], mac, True, (f"192.168.{number // 250 % 250}.{number % 250}",))
    return VmFacts(
        str(uuid.UUID(int=(1 << 64) + number)), title, f"/Seoul/vm/apps/{title}", f"esx-{number % 60:02}", "poweredOn",
        "ubuntu64Guest", "Linux", "efi", 4, 8192, 19, "guestToolsRunning", tracked, 0, False, 2000, (), disks, (nic,),
    )  # fmt: skip


def _observed() -> dict[str, object]:
    """ARM id in lower case -> properties, of everything that is there before the first apply."""
    here = f"/subscriptions/{SUBSCRIPTION}"
    found: dict[str, object] = {f"{here}/resourceGroups/rg-w": {"location": REGIONS[0]}}
    for region in REGIONS:
        group = f"{here}/resourceGroups/rg-{region}"
        found[group] = {"location": region}
        for vnet in (f"vnet-{region}", f"vnet-{region}-test"):
            subnets = {"snet-web": "10.0.0.0/9", "snet-db": "10.128.0.0/9"}
            properties = {"location": region, "prefixes": ["10.0.0.0/8"], "subnets": subnets}
            found[f"{group}/providers/Microsoft.Network/virtualNetworks/{vnet}"] = properties
        for size in ("Standard_D2s_v5", "Standard_D4s_v5", "Standard_E8s_v5", "Standard_E8as_v5"):
            found[f"{here}/providers/Microsoft.Compute/locations/{region}/skus/{size}"] = {}
    return {arm_id.lower(): properties for arm_id, properties in found.items()}


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]))
