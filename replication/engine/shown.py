"""Status documents: what people see of each machine, at every change and as a heartbeat."""

from __future__ import annotations

from dataclasses import replace

from replication.engine import standing
from replication.engine.config import EngineConfig
from replication.engine.region import Held, Job, Region
from replication.lifecycle import status_of
from replication.model.documents import dumps, status_name
from replication.model.errors import PortError
from replication.model.status import Status
from replication.ports import Clock

EVERY = 1.0
"""Seconds between two writes of one machine's status at least."""


class Shown:
    def __init__(self, clock: Clock, config: EngineConfig) -> None:
        self._clock, self._config = clock, config

    def show(self, region: Region, held: Held) -> None:
        """Write the status when it is time. It is only shown, never decided upon: a failed write waits for the next."""
        now = self._clock.now()
        if held.shown is not None and now - held.shown_at < EVERY:
            return
        meter = held.job.work.meter if held.job else None
        progress = meter.progress if meter else None
        status = status_of(
            held.item,
            held.record,
            now,
            held=held.held,
            progress=round(progress, 4) if progress is not None else None,
            rate=meter.rate(now) if meter else None,
            next_cycle=held.next_cycle,
        )
        if held.alert and not status.problem:
            status = replace(status, problem=held.alert)
        if notice := standing.notice(held.record):
            status = replace(status, notice=notice)
        same = held.shown is not None and replace(status, written=0.0, rate=None) == replace(
            held.shown, written=0.0, rate=None
        )
        if same and now - held.shown_at < self._config.heartbeat:
            return
        try:
            region.documents.put_any(status_name(held.item.machine), dumps(status))
        except PortError:
            return
        held.shown, held.shown_at = status, now

    @staticmethod
    def expected_end(job: Job, now: float) -> float | None:
        """A guess from the progress so far, for people."""
        progress = job.work.meter.progress
        if not progress or now <= job.started:
            return None
        return job.started + (now - job.started) / progress


def _alike(new: Status, old: Status) -> bool:
    return replace(new, written=0.0, rate=None) == replace(old, written=0.0, rate=None)
