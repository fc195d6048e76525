"""What a machine needs while it replicates: tracking in vCenter, seed disks, the replication item."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from planner.artifact import Artifact, Json, Kind, ref
from planner.desired.machine import DesiredMachine
from planner.desired.shared import LOG_CONTAINER, LOG_KEY, REPORT_KEY, SEED_CONTAINER
from planner.estate import Appliance, Estate, Span
from planner.inventory import DiskFacts
from planner.names import Names, seed_id


@dataclass(frozen=True, slots=True)
class Enabled:
    """One enabling of replication: its uuid is in every seed's name, so that nothing written for an earlier one can land here."""

    replication: str
    appliance: str


def seed_blob(uuid: str, replication: str, key: int) -> str:
    return f"{uuid}/{replication}/{key}.vhd"


def tracking(wanted: DesiredMachine) -> Artifact:
    """Changed block tracking of the VM: a change to a production VM, so a step of its own."""
    address = f"{Kind.TRACKING}.{wanted.machine.name}"
    spec = {"source": wanted.machine.source, "vm": wanted.uuid, "enabled": True}
    return Artifact(
        address, Kind.TRACKING, f"vm:{wanted.uuid}", spec, (), wanted.machine.name, wanted.machine.wave, wanted.machine.span
    )


def replicating(
    estate: Estate, names: Names, wanted: DesiredMachine, enabled: Enabled, track: Artifact | None
) -> Iterator[Artifact]:
    """Seed disks, then the item that depends on them and on the region's stores and key."""
    machine, target = wanted.machine, wanted.target
    store = f"{Kind.SEED_STORE}.{target.name}"
    container = f"{Kind.CONTAINER}.{store}"
    seeds = []
    for disk in wanted.disks:
        blob = seed_blob(wanted.uuid, enabled.replication, disk.key)
        address = f"{Kind.SEED_DISK}.{machine.name}/{disk.key}"
        spec: dict[str, Json] = {
            "account": ref(store, "blob_endpoint"),
            "container": SEED_CONTAINER,
            "blob": blob,
            "size": disk.capacity,
        }
        arm_id = seed_id(names.seed_store(target), SEED_CONTAINER, blob)
        seeds.append(
            Artifact(address, Kind.SEED_DISK, arm_id, spec, (container,), machine.name, machine.wave, _origin(wanted, disk))
        )
    yield from seeds
    region = target.region
    gateway, log = f"{Kind.GATEWAY_STORE}.{region}", f"{Kind.LOG_STORE}.{region}"
    deps = (
        *(s.address for s in seeds),
        f"{Kind.CONTAINER}.{gateway}",
        f"{Kind.CONTAINER}.{log}",
        f"{Kind.SECRET}.{region}/{LOG_KEY}",
        f"{Kind.SECRET}.{region}/{REPORT_KEY}",
        *((track.address,) if track else ()),
    )
    address = f"{Kind.REPLICATION}.{machine.name}"
    yield Artifact(
        address,
        Kind.REPLICATION,
        f"item:{region}/{wanted.uuid}",
        _item(estate, wanted, enabled),
        deps,
        machine.name,
        machine.wave,
        machine.span,
    )


def _reader(estate: Estate, source: str) -> dict[str, Json]:
    """Left out where it is `https`, so that items from before there was a choice say the same."""
    name = estate.sources[source].reader.name
    return {} if name == "https" else {"reader": name}


def _item(estate: Estate, wanted: DesiredMachine, enabled: Enabled) -> dict[str, Json]:
    """The fields of `replication.model.item.Item`, with references where an endpoint is not known before apply."""
    machine, region = wanted.machine, wanted.target.region
    appliance = estate.appliances[enabled.appliance]
    return {
        "machine": wanted.uuid,
        "name": machine.name,
        "wave": machine.wave,
        "replication": enabled.replication,
        "estate": estate.name,
        "source": machine.source,
        "appliance": enabled.appliance,
        "region": region,
        "disks": [
            {
                "key": d.key,
                "uuid": d.uuid,
                "label": f"{d.controller} ({d.label})",
                "capacity": d.capacity,
                "seed": seed_blob(wanted.uuid, enabled.replication, d.key),
            }
            for d in wanted.disks
        ],
        "seed_account": ref(f"{Kind.SEED_STORE}.{wanted.target.name}", "blob_endpoint"),
        "seed_container": SEED_CONTAINER,
        "log_account": ref(f"{Kind.LOG_STORE}.{region}", "blob_endpoint"),
        "log_container": LOG_CONTAINER,
        "key_vault": ref(f"{Kind.KEY_VAULT}.{region}", "vault_uri"),
        "log_key": LOG_KEY,
        "report_key": REPORT_KEY,
        "quiesce": machine.quiesce,
        "hold": None,  # a machine's `hold` keeps it from going further; what protects its data goes on
        "delta_minimum": appliance.schedule.delta_minimum,
        "delta_cap": appliance.schedule.delta_cap,
        "retry_after": appliance.schedule.retry_after,
        **_blackouts(estate, wanted),
        **_reader(estate, machine.source),
    }


def _blackouts(estate: Estate, wanted: DesiredMachine) -> dict[str, Json]:
    """The windows of its wave and its own, where there are any; its appliance's are told to the engine itself."""
    machine = wanted.machine
    wave = estate.waves.get(machine.wave)
    both = ((f"wave {machine.wave}", wave.blackout if wave else None), (machine.name, machine.blackout))
    found = [{"whose": whose, "name": b.name, "windows": b.windows} for whose, b in both if b]
    return {"blackouts": found} if found else {}


def choose_appliance(estate: Estate, source: str, taken: dict[str, int]) -> Appliance | None:
    """The primary until its machines are S10's limit, then the scale-out ones; None: more must be deployed first."""
    for role in ("primary", "scale-out"):
        for appliance in estate.appliances.values():
            if appliance.role != role or appliance.source != source:
                continue
            if taken.get(appliance.name, 0) < appliance.limits.machines_per_appliance:
                return appliance
    return None


def _origin(wanted: DesiredMachine, disk: DiskFacts) -> Span | None:
    return wanted.machine.spans.get(f"disks.{disk.controller}") or wanted.machine.span
