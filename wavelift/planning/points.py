"""Whether the seeds still hold the recovery points that deltas go on from: somebody may delete a blob's snapshots by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from planner.artifact import Kind
from planner.compare import POINT
from planner.ports import Observed
from planner.state import State
from replication.model.record import Record

Records = Mapping[str, Record]
Seen = dict[str, Observed | None]


def with_lost_points(state: State, records: Records, seen: Seen, again: Callable[[], Records]) -> Seen:
    """`seen`, where a seed without the newest committed recovery point of its disk has that as a setting that strayed.

    `records` were read before `seen`; the engine may have gone on in between. So `again` reads them once more where a point
    is missing, and only those count that are still the newest.
    """
    lost = list(_lost(state, records, seen))
    if not lost:
        return seen
    now = again()
    return seen | {
        address: replace(there, strayed={POINT: (cycle, "deleted")})
        for address, there, uuid, cycle in lost
        if uuid in now and now[uuid].committed == records[uuid].committed
    }


def _lost(state: State, records: Records, seen: Seen) -> Iterator[tuple[str, Observed, str, int]]:
    """(address of the seed, as it was seen, machine, cycle)."""
    for uuid, record in records.items():
        machine, committed = state.machines.get(uuid), record.committed
        if machine is None or committed is None or record.replication != machine.replication:
            continue
        for key, point in committed.points.items():
            address = f"{Kind.SEED_DISK}.{machine.name}/{key}"
            there = seen.get(address)
            if there is not None and "points" in there.properties and point not in there.properties["points"]:
                yield address, there, uuid, committed.cycle
