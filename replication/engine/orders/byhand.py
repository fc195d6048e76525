"""`wavelift replication pause | resume | resync`: what a person says about a machine's replication."""

from __future__ import annotations

from typing import Any

from replication.engine.redo import require_replicas
from replication.engine.work import Work
from replication.model.command import Command, Verb
from replication.model.errors import Permanent
from replication.model.record import HoldMark, Life


def by_hand(work: Work, command: Command) -> tuple[str, dict[str, Any]]:
    """(answer, fields of the record that change)."""
    record = work.record
    if command.verb is Verb.PAUSE:
        mark = HoldMark(command.who, command.why, work.clock.now())
        return "no new cycle begins until it is resumed; what runs finishes, a cut-over still replicates", {"paused": mark}
    if command.verb is Verb.CONTINUE:
        return ("replication goes on" if record.paused else "it was not paused"), {"paused": None}
    if record.life is not Life.DELTA:
        return f"refused: a machine in {record.life.value} has nothing to compare with", {}
    known = [disk.key for disk in work.item.disks]
    keys = [key for key in command.disks or known if key in known]
    if not keys or len(keys) < len(command.disks):
        return f"refused: it replicates the disks {', '.join(map(str, known))}", {}
    try:
        require_replicas(work)
    except Permanent as error:
        return f"refused: {error}", {}
    why = f"asked for by {command.who}: {command.why}"
    return "the next delta compares them whole", {"resync": {**record.resync, **dict.fromkeys(keys, why)}}
