"""What a machine needs while it replicates: tracking in vCenter, seed disks, the replication item."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from planner.artifact import Artifact, Json, Kind, ref
from planner.desired.machine import DesiredMachine
from planner.desired.shared import LOG_CONTAINER, LOG_KEY, REPORT_KEY, SEED_CONTAINER
from planner.estate import Appliance, BlackoutPolicy, Estate, Target
from planner.names import Names, seed_id
from replication.model.quick import quick

_SEED_DISK, _REPLICATION = Kind.SEED_DISK, Kind.REPLICATION  # a member of an enum is looked up by a function, each time


@quick
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


@dataclass(frozen=True, slots=True)
class _Place:
    """What all machines of one target have in common. The values are shared by their artifacts: nobody changes a spec."""

    seed_account: Json
    seeds: str
    """Id of the seed container, with what stands before a blob's name."""
    container: tuple[str, ...]
    item_needs: tuple[str, ...]
    stores: Mapping[str, Json]
    """Where an item's data and keys are."""


class Replicating:
    """What the machines of one estate need while they replicate."""

    def __init__(self, estate: Estate, names: Names) -> None:
        self._estate = estate
        self._names = names
        self._places: dict[str, _Place] = {}

    def artifacts(
        self,
        wanted: DesiredMachine,
        enabled: Enabled,
        track: Artifact | None,
        settled: Callable[[str, str, Json], bool] = lambda address, arm_id, spec: False,
    ) -> Iterator[Artifact]:
        """Seed disks, then the item that depends on them and on the region's stores and key; without those that are `settled`
        (address, id, spec), as nearly all are."""
        machine, place = wanted.machine, self._place(wanted.target)
        blobs = {disk.key: seed_blob(wanted.uuid, enabled.replication, disk.key) for disk in wanted.disks}
        seed, seeds = f"{_SEED_DISK}.{machine.name}/", []
        for disk in wanted.disks:
            address, blob = f"{seed}{disk.key}", blobs[disk.key]
            seeds.append(address)
            spec = {"account": place.seed_account, "container": SEED_CONTAINER, "blob": blob, "size": disk.capacity}
            if settled(address, made_id := place.seeds + blob, spec):
                continue
            origin = machine.spans.get(f"disks.{disk.controller}") or machine.span
            yield Artifact(address, _SEED_DISK, made_id, spec, place.container, machine.name, machine.wave, origin)
        address, item_id = f"{_REPLICATION}.{machine.name}", f"item:{wanted.target.region}/{wanted.uuid}"
        item = self._item(wanted, enabled, place, blobs)
        if settled(address, item_id, item):
            return
        yield Artifact(
            address,
            _REPLICATION,
            item_id,
            item,
            (*seeds, *place.item_needs, track.address) if track else (*seeds, *place.item_needs),
            machine.name,
            machine.wave,
            machine.span,
        )

    def _place(self, target: Target) -> _Place:
        known = self._places.get(target.name)
        if known is None:
            known = self._places[target.name] = _place(self._names, target)
        return known

    def _item(self, wanted: DesiredMachine, enabled: Enabled, place: _Place, blobs: Mapping[int, str]) -> dict[str, Json]:
        """The fields of `replication.model.item.Item`, with references where an endpoint is not known before apply."""
        machine, estate = wanted.machine, self._estate
        schedule = estate.appliances[enabled.appliance].schedule
        return {
            "machine": wanted.uuid,
            "name": machine.name,
            "wave": machine.wave,
            "replication": enabled.replication,
            "estate": estate.name,
            "source": machine.source,
            "appliance": enabled.appliance,
            "region": wanted.target.region,
            "disks": [
                {
                    "key": d.key,
                    "uuid": d.uuid,
                    "label": f"{d.controller} ({d.label})",
                    "capacity": d.capacity,
                    "seed": blobs[d.key],
                }
                for d in wanted.disks
            ],
            **place.stores,
            "quiesce": machine.quiesce,
            "hold": None,  # a machine's `hold` keeps it from going further; what protects its data goes on
            "delta_minimum": schedule.delta_minimum,
            "delta_cap": schedule.delta_cap,
            "retry_after": schedule.retry_after,
            **_blackouts(estate, wanted),
            **_reader(estate, machine.source),
        }


def _place(names: Names, target: Target) -> _Place:
    region, store = target.region, f"{Kind.SEED_STORE}.{target.name}"
    gateway, log = f"{Kind.GATEWAY_STORE}.{region}", f"{Kind.LOG_STORE}.{region}"
    account = ref(store, "blob_endpoint")
    return _Place(
        account,
        seed_id(names.seed_store(target), SEED_CONTAINER, ""),
        (f"{Kind.CONTAINER}.{store}",),
        (
            f"{Kind.CONTAINER}.{gateway}",
            f"{Kind.CONTAINER}.{log}",
            f"{Kind.SECRET}.{region}/{LOG_KEY}",
            f"{Kind.SECRET}.{region}/{REPORT_KEY}",
        ),
        {
            "seed_account": account,
            "seed_container": SEED_CONTAINER,
            "log_account": ref(log, "blob_endpoint"),
            "log_container": LOG_CONTAINER,
            "key_vault": ref(f"{Kind.KEY_VAULT}.{region}", "vault_uri"),
            "log_key": LOG_KEY,
            "report_key": REPORT_KEY,
        },
    )


def _reader(estate: Estate, source: str) -> dict[str, Json]:
    """Left out where it is `https`, so that items from before there was a choice say the same."""
    name = estate.sources[source].reader.name
    return {} if name == "https" else {"reader": name}


def _blackouts(estate: Estate, wanted: DesiredMachine) -> dict[str, Json]:
    """The windows of its wave and its own, where there are any; its appliance's are told to the engine itself."""
    found = [{"whose": whose, "name": b.name, "windows": b.windows} for whose, b in _of_wave_and_machine(estate, wanted)]
    return {"blackouts": found} if found else {}


def _of_wave_and_machine(estate: Estate, wanted: DesiredMachine) -> Iterator[tuple[str, BlackoutPolicy]]:
    machine = wanted.machine
    wave = estate.waves.get(machine.wave)
    for whose, found in ((f"wave {machine.wave}", wave.blackout if wave else None), (machine.name, machine.blackout)):
        if found:
            yield whose, found


def closed_by(estate: Estate, wanted: DesiredMachine, appliance: str) -> str:
    """Whose blackout windows a machine's cut-over may meet: `gw-1 payroll, web-01 db_hours`; empty where there are none."""
    of = estate.appliances.get(appliance)
    first = [(of.name, of.blackout)] if of is not None and of.blackout is not None else []
    every = (*first, *_of_wave_and_machine(estate, wanted))
    return ", ".join(f"{whose} {found.name or found.windows}" for whose, found in every if found.windows)


def choose_appliance(estate: Estate, source: str, taken: dict[str, int]) -> Appliance | None:
    """The primary until its machines are S10's limit, then the scale-out ones; None: more must be deployed first."""
    for role in ("primary", "scale-out"):
        for appliance in estate.appliances.values():
            if appliance.role != role or appliance.source != source:
                continue
            if taken.get(appliance.name, 0) < appliance.limits.machines_per_appliance:
                return appliance
    return None
