"""What machines of one wave tell each other, in documents of every region: a wave that is held, and who is ready.

Wave holds are read before anything is powered off. They are shown and obeyed, and decide nothing about data: they are
written without a condition, and the machine that wrote one takes it back.
"""

from __future__ import annotations

import json
from functools import partial

from replication.engine.work import Work
from replication.model.documents import load_record, record_name
from replication.model.record import Life


def hold_name(wave: str) -> str:
    return f"holds/waves/{wave}.json"


def hold(work: Work, why: str) -> None:
    """No other machine of this wave that is not powered off yet powers off, in any region, until it is taken back."""
    told = {"wave": work.item.wave, "machine": work.uuid, "name": work.item.name, "why": why, "since": work.clock.now()}
    data = json.dumps(told, sort_keys=True).encode() + b"\n"
    for documents in (work.regions or {"": work.documents}).values():
        work.retry(partial(documents.put_any, hold_name(work.item.wave), data))


def release(work: Work) -> None:
    """Take back the hold that this machine has put on its wave, and no other's."""
    name = hold_name(work.item.wave)
    for documents in (work.regions or {"": work.documents}).values():
        found = work.retry(partial(documents.get, name))
        if found is not None and found[0] and json.loads(found[0]).get("machine") == work.uuid:
            work.retry(partial(documents.delete, name))


def held(work: Work) -> str | None:
    """Why this machine's wave is held by another machine, or None."""
    found = work.retry(partial(work.documents.get, hold_name(work.item.wave)))
    if found is None or not found[0]:
        return None
    told = json.loads(found[0])
    return None if told["machine"] == work.uuid else f"wave {work.item.wave} is on hold: {told['name']}: {told['why']}"


def ready(work: Work, region: str, machine: str) -> bool:
    """Whether that machine has been cut over and its Azure VM was found ready."""
    documents = (work.regions or {}).get(region, work.documents)
    found = work.retry(partial(documents.get, record_name(machine)))
    if found is None:
        return False
    record = load_record(found[0])
    if record.life is Life.STOPPED:  # completed counts, stopped without a cut-over does not
        return record.order is not None and record.order.facts.get("completed") == "true"
    return record.life is Life.MIGRATED
