"""The end of the demo: every managed disk against its source, and the evidence that the engine kept of every cycle."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from replication.model.documents import load_evidence
from wavelift.demo.compare import Comparison, compare
from wavelift.labs import Lab
from wavelift.planning import gateways, read_records
from wavelift.problems import UserProblem
from wavelift.wiring import Wiring
from wavelift.workspace import Workspace

if TYPE_CHECKING:
    from rich.table import Table

    from replication.model.record import Evidence, Record


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


def prove(estate: Path, lab: Lab) -> list[Proven]:
    """Every disk of every migrated machine of the estate."""
    workspace = Workspace.open(estate)
    vcenter = lab.control("vcenter", "GET", "status")["vms"]
    disks = {name.lower(): disk["path"] for name, disk in lab.control("azure", "GET", "status")["disks"].items()}
    sources = {vm["uuid"]: vm for vm in vcenter.values()}
    out = []
    with Wiring(workspace, "plan") as wiring:
        state = workspace.view().state
        records = read_records(wiring.engine, state)
        for recorded in state.artifacts.values():
            if recorded.kind != "disk" or recorded.machine is None:
                continue
            key = int(recorded.address.rpartition("/")[2])
            machine = state.by_name()[recorded.machine]
            source = next(d for d in sources[machine.uuid]["disks"] if d["key"] == key)
            if len(source["chain"]) > 1:
                raise UserProblem(f"{recorded.machine}: a snapshot was left behind on {source['label']}")
            evidence = _evidence(wiring, gateways(state)[machine.region], machine.uuid, machine.replication)
            out.append(_proven(recorded.machine, key, Path(source["path"]), Path(disks[recorded.id.lower()]), evidence,
                               records[machine.uuid]))  # fmt: skip
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


def _evidence(wiring: Wiring, account: str, machine: str, replication: str) -> list[Evidence]:
    store = wiring.engine.open(account)
    names = sorted(store.list(f"evidence/{machine}/{replication}/"))
    return [load_evidence(found[0]) for name in names if (found := store.get(name)) is not None]


def _proven(machine: str, key: int, source: Path, disk: Path, evidence: list[Evidence], record: Record) -> Proven:
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
        downtime=_downtime(record),
    )


def _downtime(record: Record) -> float | None:
    """From the confirmed power-off of the source to the Azure VM running, in seconds."""
    order = record.order
    facts = order.facts if order else {}
    try:
        return float(facts["vm_running"]) - float(facts["powered_off"])
    except KeyError:
        return None
