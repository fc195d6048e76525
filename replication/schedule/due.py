"""When the next cycle of a machine is due (S8.2, S8.3)."""

from __future__ import annotations

from typing import Protocol

MAX_BACKOFF = 32


class DeltaPolicy(Protocol):
    """What an item and an appliance's policy both have. Seconds."""

    @property
    def delta_minimum(self) -> float: ...
    @property
    def delta_cap(self) -> float | None: ...
    @property
    def retry_after(self) -> float: ...


def next_delta(policy: DeltaPolicy, last_duration: float, last_completed: float, first: bool) -> float:
    """Unix time at which the next delta starts. `first`: the cycle that completed was the initial one (S8.2: at once).

    Else max(duration / 2, minimum) after the completion (S8.3), at most the cap where one is set.
    """
    if first:
        return last_completed
    pause = max(last_duration / 2, policy.delta_minimum)
    if policy.delta_cap is not None:
        pause = min(pause, policy.delta_cap)
    return last_completed + pause


def next_retry(policy: DeltaPolicy, failed_at: float, attempts: int) -> float:
    """Unix time of the next attempt after the `attempts`-th of a cycle failed: doubling, up to 32 times `retry_after`."""
    return failed_at + policy.retry_after * min(1 << min(max(attempts - 1, 0), 16), MAX_BACKOFF)
