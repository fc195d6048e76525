"""Which appliances are in a blackout window, worked out only when it changes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from replication.schedule import Policy
from replication.windows import Blackout


class Gates:
    def __init__(self, policies: Mapping[str, Policy], others: Iterable[Blackout] = ()) -> None:
        """`others`: windows of waves and machines, which only say when to look."""
        self._appliances = {name: policy.blackout for name, policy in policies.items()}
        self._all = {b for b in (*self._appliances.values(), *others) if b.windows}
        self.shut = dict.fromkeys(policies, False)
        self.next = -math.inf if self._all else math.inf
        """Unix time of the next begin or end of any window."""

    def look(self, now: float) -> None:
        """Bring `shut` up to date."""
        if now < self.next:
            return
        self.shut = {name: blackout.closed_until(now) is not None for name, blackout in self._appliances.items()}
        changes = (blackout.next_change(now) for blackout in self._all)
        self.next = min((at for at in changes if at is not None), default=math.inf)
