"""What is measured while the clock runs: use of what is scarce, waits, lags, holds."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping

from replication.model.record import CycleKind
from replication.simulate.lens import Place


class Meter:
    """Integrals are over time between two looks; during one nothing changes."""

    def __init__(self, limits: Mapping[Place, int]) -> None:
        self.limits = limits
        self.area: defaultdict[Place, float] = defaultdict(float)
        self.peak: Counter[Place] = Counter()
        self.full: defaultdict[Place, float] = defaultdict(float)
        self.held: defaultdict[str, float] = defaultdict(float)
        self.sent: defaultdict[CycleKind, float] = defaultdict(float)
        self.waits: defaultdict[CycleKind, list[tuple[float, str]]] = defaultdict(list)
        self.durations: defaultdict[CycleKind, list[tuple[float, str]]] = defaultdict(list)
        self.lags: list[tuple[float, str]] = []
        self.first_lags: list[tuple[float, str]] = []
        self.migrations: list[tuple[float, str]] = []

    def passes(self, seconds: float, used: Mapping[Place, int], causes: Mapping[str, int]) -> None:
        for place, amount in used.items():
            if not amount:
                continue
            self.area[place] += amount * seconds
            if amount > self.peak[place]:
                self.peak[place] = amount
            if amount >= self.limits[place]:
                self.full[place] += seconds
        for cause, machines in causes.items():
            self.held[cause] += machines * seconds
