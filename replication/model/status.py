"""What `status` shows of a machine: derived, never decided upon. Written by the engine, read by anybody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

RECORD_GONE = "its record is gone from the gateway store"
"""Problem of a machine that has evidence of its cycles and no record: nobody knows where it stands, so nothing is done."""

ORDER_GONE = "its order is gone from the gateway store"
"""Problem that plan and drift see: what the state has sent was deleted before an engine took it up."""


class State(Enum):
    """S7's words."""

    INITIAL_QUEUED = "initial replication (queued)"
    INITIAL = "initial replication"
    TEST_PENDING = "test migration pending"
    MIGRATION_QUEUED = "migration in progress (queued)"
    MIGRATION = "migration in progress"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True, slots=True)
class Status:
    """`written` is the heartbeat (unix time). `progress` 0..1 of the cycle under way, `rate` bytes a second."""

    machine: str
    name: str
    wave: str
    state: State
    written: float
    cycle: int
    cycle_kind: str | None = None
    progress: float | None = None
    rate: float | None = None
    recovery_point: float | None = None
    """Unix time of the source's content in the newest recovery point: lag = now - this."""
    next_cycle: float | None = None
    held: str | None = None
    """Why nothing runs now, with a time estimate where there is one."""
    order: str | None = None
    step: str | None = None
    hold: str = ""
    """Who holds it and why, or empty."""
    needs: bool = False
    """Somebody must look: it is held, its cut-over has failed, or meets trouble after the power-off."""
    detail: str = ""
    """What the step waits for or does now."""
    problem: str = ""
    forecast: Mapping[str, float] = field(default_factory=dict)
    """Of the next cycle: bytes_p50, bytes_p90, seconds_p50, seconds_p90; of a cut-over: downtime_p50, downtime_p90."""
    executor: str = ""
    """The host whose engine wrote this."""
    lease: float | None = None
    """Unix time until which that engine certainly holds its lease, as of `written`; it is renewed every 15 s."""
    notice: str = ""
    """What somebody should know although it stops nothing."""
    line: float | None = None
    """Bits a second that its whole appliance sent and received lately: every machine's bytes, as the throttle counts them."""
    line_limit: float | None = None
    """Bits a second that its appliance's throttle lets pass now; None: no limit."""
