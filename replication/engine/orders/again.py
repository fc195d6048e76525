"""What was deleted is looked for once more: a request that hung on the wire may make a disk, NIC or VM anew afterwards.

Whoever deletes what an order made journals it (`remember`). It is looked for when a cycle begins a while later, and before
anything else of these names is made or the machine is stopped. Only what carries our tags is ever deleted.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from replication.engine.work import Work
from replication.model.errors import Permanent, PortError

AFTER = 900.0
"""Seconds: longer than a request waits on any wire."""
_ORDER = ("virtualMachines", "networkInterfaces", "disks")


def remember(work: Work, deleted: Iterable[str]) -> dict[str, Any]:
    """Changes of the record: these ARM ids have been deleted just now."""
    return {"deleted": tuple(sorted({*work.record.deleted, *deleted})), "deleted_at": work.clock.now()}


def look(work: Work) -> None:
    """Delete again what has appeared since. Raises a port's error (tried again later)."""
    record = work.record
    if not record.deleted:
        return
    for made in sorted(record.deleted, key=lambda name: _ORDER.index(name.split("/")[-2])):
        cloud = work.cloud(made.split("/")[2])
        if not work.retry(partial(cloud.exists, made)):
            continue
        try:
            work.retry(partial(cloud.delete, made))
            work.note(f"{made} had appeared after it was deleted (a request that hung): deleted again")
        except Permanent as error:
            work.note(f"{made} has appeared after it was deleted, and is left: {error}")
    work.machine.advance(deleted=(), deleted_at=None)


def look_in_passing(work: Work) -> None:
    """As `look`, when it is time; a trouble of Azure's keeps no cycle from beginning."""
    record = work.record
    under_way = record.order is not None and record.order.outcome is None
    if record.deleted_at is None or under_way or work.clock.now() < record.deleted_at + AFTER:
        return
    try:
        look(work)
    except PortError as error:
        work.note(f"what was deleted is looked for later: {error}")
