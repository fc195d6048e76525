"""`wavelift churn`: what the last cycles of each machine carried, how it lay on the disks, and what comes next (S12)."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wavelift.cli.options import AsJson, Folder

if TYPE_CHECKING:
    from replication.model.record import DiskEvidence, Evidence, Record
    from wavelift.wiring import Wiring
    from wavelift.workspace import Workspace

MIB = 1024 * 1024
_SNAPSHOT = (("take", "taken"), ("remove", "removed"))


def churn(
    machine: Annotated[str | None, typer.Argument(help="Only this machine of the estate.")] = None,
    estate: Folder = Path(),
    json: AsJson = False,
) -> None:
    """Changed (as change tracking reports), altered (blocks that really differ), read and sent, cycle by cycle."""
    from wavelift.problems import UserProblem
    from wavelift.wiring import Wiring
    from wavelift.workspace import Workspace

    workspace = Workspace.open(estate)
    if machine is not None and machine not in workspace.estate.machines:
        raise UserProblem(f"There is no machine {machine!r} in {estate}. `wavelift status` lists them.")
    with Wiring(workspace, "plan") as wiring:
        found = [row for row in rows(workspace, wiring) if machine in (None, row["machine"])]
    if json:
        import json as jsons

        typer.echo(jsons.dumps(found, indent=2, ensure_ascii=False))
        return
    for row in found:
        for line in lines(row):
            typer.echo(line)


def rows(workspace: Workspace, wiring: Wiring) -> list[dict[str, Any]]:
    """One plain value per machine that has replicated; sizes in bytes, times in seconds."""
    from wavelift.planning.look import gateways

    records: dict[str, Record] = {}
    for account in gateways(workspace.view().state).values():
        records.update(wiring.engine.records(account))
    pinned = {name: records.get(uuid) for name, uuid in workspace.locked.items()}
    return [row(name, record) for name in workspace.estate.machines if (record := pinned.get(name)) is not None]


def row(name: str, record: Record) -> dict[str, Any]:
    from replication.engine.orders.forecast import BEHIND, forecast
    from replication.forecast import next_cycle
    from replication.model.item import Shutdown

    pause = record.evidence[0].started - record.evidence[1].started if len(record.evidence) > 1 else 3600.0
    coming = next_cycle(record.evidence, pause)
    downtime = forecast(record.evidence, record.measured, Shutdown(), BEHIND) if coming else None
    reading = record.reading
    return {
        "machine": name,
        "cycles": [cycle(one) for one in record.evidence],
        "reading": None if reading is None else {"latency_seconds": reading.latency, "bytes_per_second": reading.throughput},
        "next_cycle": None
        if coming is None
        else {
            "cycles_measured": coming.cycles,
            "bytes": {"p50": coming.bytes50, "p90": coming.bytes90},
            "seconds": {"p50": coming.seconds50, "p90": coming.seconds90},
        },
        "downtime": None if downtime is None else {"seconds": {"p50": downtime.p50, "p90": downtime.p90}},
    }


def cycle(evidence: Evidence) -> dict[str, Any]:
    return {
        "cycle": evidence.cycle,
        "kind": evidence.kind.value,
        "seconds": evidence.completed - evidence.started,
        "snapshot_seconds": evidence.snapshot_seconds,
        "snapshot": None if evidence.snapshot is None else asdict(evidence.snapshot),
        "bridge": evidence.bridge,
        "disks": [disk(one) for one in evidence.disks],
    }


def disk(one: DiskEvidence) -> dict[str, Any]:
    from replication.churn import amplification

    read, sent = amplification(one.sent_bytes, one.read_bytes, one.altered_bytes)
    return {
        "key": one.key,
        "areas": one.areas,
        "changed": one.changed_bytes,
        "altered": one.altered_bytes,
        "read": one.read_bytes,
        "sent": one.sent_bytes,
        "rechecked": one.rechecked_bytes,
        "amplification": {"read": read, "sent": sent},
        "pattern": one.pattern,
        "note": one.note,
    }


def lines(row: dict[str, Any]) -> list[str]:
    """For people: a line for each disk of each cycle, the newest first, and what comes next."""
    out = [row["machine"]]
    for one in row["cycles"]:
        times = one["snapshot"] or {}
        parts = [f"{word} in {times[key]:.1f} s" for key, word in _SNAPSHOT if times.get(key) is not None]
        out += [f"  {one['cycle']:>5} {one['kind']:<9} snapshot {', '.join(parts)}"] if parts else []
        for part in one["disks"]:
            altered = "" if part["altered"] is None else f"{part['altered'] / MIB:10.1f}"
            amplified = part["amplification"]["read"]
            out.append(
                f"  {one['cycle']:>5} {one['kind']:<9} disk {part['key']}  changed {part['changed'] / MIB:10.1f}  "
                f"altered {altered:>10}  read {part['read'] / MIB:10.1f}  sent {part['sent'] / MIB:10.1f} MiB"
                + (f"  read x{amplified:.1f}" if amplified else "")
                + (f"  {part['pattern']}" if part["pattern"] else "")
                + (f"  ({part['note']})" if part["note"] else "")
            )
    coming, down = row["next_cycle"], row["downtime"]
    if coming is not None:
        size, took = coming["bytes"], coming["seconds"]
        out.append(
            f"  next: {size['p50'] / MIB:.1f} MiB (p90 {size['p90'] / MIB:.1f}) in {took['p50']:.0f} s "
            f"(p90 {took['p90']:.0f}), from {coming['cycles_measured']} cycles"
        )
    if down is not None:
        out.append(f"  cut-over: about {down['seconds']['p50']:.0f} s off (p90 {down['seconds']['p90']:.0f})")
    return out
