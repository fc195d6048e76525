"""Status documents: what people see of each machine, at every change and as a heartbeat."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from replication.engine import standing
from replication.engine.config import EngineConfig
from replication.engine.orders.forecast import BEHIND, forecast
from replication.engine.pace import Pace
from replication.engine.region import Held, Job, Region
from replication.forecast import next_cycle
from replication.lifecycle import status_of
from replication.model.documents import dumps, status_name
from replication.model.errors import PortError
from replication.model.item import Shutdown
from replication.model.record import Life, Record
from replication.model.status import Status
from replication.ports import Clock

EVERY = 1.0
"""Seconds between two writes of one machine's status at least."""


class Shown:
    def __init__(self, clock: Clock, config: EngineConfig, pace: Callable[[str], Pace | None]) -> None:
        self._clock, self._config, self._pace = clock, config, pace

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
            status = replace(status, problem=held.alert, needs=True)
        if notice := standing.notice(held.record) or told_of(held.record):
            status = replace(status, notice=notice)
        if region.reign is not None:
            status = replace(status, executor=self._config.host, lease=region.reign.until)
        if pace := self._pace(held.item.appliance):
            status = replace(status, line=round(pace.carried(now)), line_limit=pace.rate)
        if told := _forecast(held):
            status = replace(status, forecast=told)
        same = held.shown is not None and _alike(status, held.shown)
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


def told_of(record: Record | None) -> str:
    """How long the test VM lives, or that its time was over."""
    mark = record.trial if record is not None else None
    if record is None or mark is None or mark.until is None or record.life is not Life.DELTA:
        return ""
    if mark.expired is not None:
        return f"its test VM has expired and was deleted ({_when(mark.expired)})"
    return f"its test VM is deleted {_when(mark.until)}" if record.test else ""


def _when(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(at))


def _forecast(held: Held) -> dict[str, float]:
    """Of the next cycle and of a cut-over, from the machine's own cycles; empty while there are none."""
    record = held.record
    if record is None or record.life is not Life.DELTA or len(record.evidence) < 2:
        return {}
    coming = next_cycle(record.evidence, record.evidence[0].started - record.evidence[1].started)
    if coming is None:
        return {}
    down = forecast(record.evidence, record.measured, Shutdown(), BEHIND)
    return {
        "bytes_p50": coming.bytes50,
        "bytes_p90": coming.bytes90,
        "seconds_p50": round(coming.seconds50, 1),
        "seconds_p90": round(coming.seconds90, 1),
        "downtime_p50": round(down.p50, 1),
        "downtime_p90": round(down.p90, 1),
    }


def _alike(new: Status, old: Status) -> bool:
    """Apart from what changes by itself; the lease is told with every heartbeat."""
    return _steady(new) == _steady(old)


def _steady(status: Status) -> Status:
    return replace(status, written=0.0, rate=None, lease=None, line=None)
