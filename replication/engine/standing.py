"""What stands in the way of a cycle at the source, from the facts alone; and which of its disks nobody replicates. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from replication.model.extents import GIB
from replication.model.item import Item
from replication.model.record import CycleKind, Record
from replication.model.source import Snapshot, SourceDisk, SourceFacts
from replication.schedule import Policy, words

HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Standing:
    """`hold`: why no cycle begins now. `problem`: the same, where somebody has to look at it."""

    hold: str | None = None
    problem: str = ""


def own_prefix(item: Item) -> str:
    """Every snapshot whose name begins so is ours; no other is ever touched."""
    return f"wavelift-{item.estate}-{item.machine}-"


def of(item: Item, record: Record, facts: SourceFacts, want: CycleKind, policy: Policy, now: float) -> Standing:
    """A machine whose replication is paused by hand, or that carries another's snapshot, waits.

    A final cycle never does: its machine is off, and off it must not stay. Another's snapshot is never touched; when it
    is older than the policy's hours it is a problem.
    """
    if want is CycleKind.FINAL:
        return Standing()
    if record.paused is not None and want is not CycleKind.ON_DEMAND:
        when = words.clock(record.paused.since, now, _zone(policy))
        return Standing(f"paused by {record.paused.who} since {when}: {record.paused.why}")
    prefix = own_prefix(item)
    foreign = [(facts.snapshot_times.get(ref, now), name) for ref, name in facts.snapshots if not name.startswith(prefix)]
    if not foreign:
        return Standing()
    since, name = min(foreign)
    more = f" and {len(foreign) - 1} more" if len(foreign) > 1 else ""
    hold = f"foreign snapshot {name!r}{more} since {words.clock(since, now, _zone(policy))}"
    hours = (now - since) / HOUR
    if hours <= policy.foreign_snapshot_hours:
        return Standing(hold)
    text = (
        f"{hold}, {hours:.0f} h now (`foreign_snapshot_hours`: {policy.foreign_snapshot_hours:g}): nothing replicates "
        "meanwhile; remove it in vCenter, or end the backup that made it"
    )
    return Standing(hold, text)


def beside(item: Item, record: Record, snapshot: Snapshot) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """(uuids of the item's disks, uuids beside them that were there when these were chosen, what is new since, in words).

    Disks that stood beside the item's when replication began, or when an apply chose them anew, were left out on purpose.
    """
    ours = tuple(sorted(disk.uuid for disk in item.disks))
    extra = {disk.uuid: disk for disk in snapshot.disks if disk.uuid not in ours}
    known = set(record.beside) if record.chosen == ours else set(extra)
    new = tuple(_added(disk) for uuid, disk in sorted(extra.items()) if uuid not in known)
    return ours, tuple(sorted(known & extra.keys())), new


def silent_losses(record: Record) -> Iterable[str]:
    """Cycles, among those whose evidence is at hand, that found changes which tracking had not reported."""
    for cycle in record.evidence:
        for disk in cycle.disks:
            if "silent loss" in disk.note:
                yield f"cycle {cycle.cycle} found silent loss of change tracking on disk {disk.key} and repaired it"


def notice(record: Record | None) -> str:
    """What somebody should know although it stops nothing."""
    if record is None:
        return ""
    return "; ".join([*record.notices, *silent_losses(record)])


def _added(disk: SourceDisk) -> str:
    return f"{disk.label} ({disk.capacity / GIB:.3g} GiB) was added and is not replicated: the next apply adds it (or `skip`)"


def _zone(policy: Policy) -> str:
    return policy.time_zone or policy.blackout.time_zone


