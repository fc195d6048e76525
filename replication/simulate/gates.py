"""What changes with the hour: blackout windows and throttles, worked out only when it does."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from replication.schedule import Policy
from replication.throttle import Throttle
from replication.windows import Blackout


class Gates:
    def __init__(self, policies: Mapping[str, Policy], others: Iterable[Blackout], throttles: Mapping[str, Throttle]) -> None:
        """`others`: windows of waves and machines, which only say when to look."""
        self._appliances = {name: policy.blackout for name, policy in policies.items()}
        self._throttles = throttles
        self._blackouts = {b for b in (*self._appliances.values(), *others) if b.windows}
        self.shut = dict.fromkeys(policies, False)
        """Whether an appliance is in a window now."""
        self.rate: dict[str, float | None] = {}
        """Bits a second that it may send now; None or missing: no limit."""
        self.next = -math.inf
        """Unix time of the next change."""

    def look(self, now: float) -> None:
        """Bring all up to date."""
        if now < self.next:
            return
        self.shut = {name: blackout.closed_until(now) is not None for name, blackout in self._appliances.items()}
        self.rate = {name: throttle.rate_at(now) for name, throttle in self._throttles.items()}
        changes = [blackout.next_change(now) for blackout in self._blackouts]
        changes += [throttle.next_change(now) for throttle in self._throttles.values()]
        self.next = min((at for at in changes if at is not None), default=math.inf)
