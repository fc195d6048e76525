"""The end of the demo: every managed disk against its source, and the evidence that the engine kept of every cycle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from replication.model.documents import load_evidence
from replication.model.item import OrderKind
from wavelift.demo.compare import Comparison, compare
from wavelift.labs.lab import Lab
from wavelift.planning.look import gateways, read_records
from wavelift.problems import UserProblem
from wavelift.wiring import Wiring
from wavelift.workspace import Workspace

if TYPE_CHECKING:
    from rich.table import Table

    from replication.model.record import Evidence


@dataclass(frozen=True, slots=True)
class Proven:
    """One disk: what was found by comparing, and what the cycles say."""

    machine: str
    disk: int
    comparison: Comparison
    cycles: int
    requested: int
    applied: int
    changed: int
    read: int
    sent: int
    downtime: float | None


def prove(estate: Path, lab: Lab, downtime: Mapping[str, float]) -> list[Proven]:
    """Every disk of every migrated machine of the estate. `downtime`: from `downtimes`, before completion."""
    workspace = Workspace.open(estate)
    vcenter = lab.control("vcenter", "GET", "status")["vms"]
    disks = {name.lower(): disk["path"] for name, disk in lab.control("azure", "GET", "status")["disks"].items()}
    sources = {vm["uuid"]: vm for vm in vcenter.values()}
    out = []
    with Wiring(workspace, "plan") as wiring:
        state = workspace.view().state
        for recorded in state.artifacts.values():
            if recorded.kind != "disk" or recorded.machine is None:
                continue
            key = int(recorded.address.rpartition("/")[2])
            machine = state.by_name()[recorded.machine]
            source = next(d for d in sources[machine.uuid]["disks"] if d["key"] == key)
            if len(source["chain"]) > 1:
                raise UserProblem(f"{recorded.machine}: a snapshot was left behind on {source['label']}")
            evidence = evidence_of(wiring, gateways(state)[machine.region], machine.uuid, machine.replication)
            disk = Path(disks[recorded.id.lower()])
            out.append(_proven(recorded.machine, key, Path(source["path"]), disk, evidence, downtime.get(recorded.machine)))
    return out


def table(proven: list[Proven]) -> Table:
    from rich.table import Table

    out = Table(box=None, pad_edge=False, header_style="bold")
    for column in (
        "machine",
        "disk",
        "sectors",
        "differ",
        "requested = applied",
        "changed",
        "read",
        "sent",
        "cycles",
        "downtime",
    ):
        out.add_column(column, justify="left" if column == "machine" else "right")
    for p in proven:
        out.add_row(
            p.machine,
            str(p.disk),
            f"{p.comparison.sectors:,}",
            str(p.comparison.different) if p.comparison.beyond_zero else "not zero beyond the source",
            f"{p.requested:,} {'=' if p.requested == p.applied else '≠'} {p.applied:,}",
            *(f"{n / 1024 / 1024:.1f} MiB" for n in (p.changed, p.read, p.sent)),
            str(p.cycles),
            f"{p.downtime:.1f} s" if p.downtime is not None else "",
        )
    return out


def evidence_of(wiring: Wiring, account: str, machine: str, replication: str) -> list[Evidence]:
    """Of every cycle of a replication, in the order of the cycles."""
    store = wiring.engine.open(account)
    names = sorted(store.list(f"evidence/{machine}/{replication}/"))
    return [load_evidence(found[0]) for name in names if (found := store.get(name)) is not None]


def _proven(machine: str, key: int, source: Path, disk: Path, evidence: list[Evidence], downtime: float | None) -> Proven:
    mine = [d for e in evidence for d in e.disks if d.key == key]
    return Proven(
        machine=machine,
        disk=key,
        comparison=compare(source, disk),
        cycles=len(evidence),
        requested=sum(d.requested_sectors for d in mine),
        applied=sum(d.applied_sectors for d in mine),
        changed=sum(d.changed_bytes for d in mine[1:]),
        read=sum(d.read_bytes for d in mine),
        sent=sum(d.sent_bytes for d in mine),
        downtime=downtime,
    )


def downtimes(estate: Path) -> dict[str, float]:
    """Machine -> seconds from the confirmed power-off of the source to the Azure VM running, of the last orders."""
    workspace = Workspace.open(estate)
    with Wiring(workspace, "plan") as wiring:
        state = workspace.view().state
        records = read_records(wiring.engine, state)
    out = {}
    for uuid, machine in state.machines.items():
        order = records[uuid].order
        ended = order.steps[-1].ended if order and order.kind is OrderKind.MIGRATE else None
        if order is not None and ended is not None and "powered_off" in order.facts:
            out[machine.name] = ended - float(order.facts["powered_off"])
    return out
