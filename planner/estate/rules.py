"""Rules: what authors of an estate may not do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from planner.estate.diagnostic import Span
from planner.estate.policies import BlackoutPolicy


@dataclass(frozen=True, slots=True)
class Rule:
    """An entry of `rules`: what authors of waves may not do. A check that is None, False or empty is not asked for.

    `name` is its id. `waves` are patterns (`shop-*`) of the waves that it concerns; empty: all.
    """

    name: str
    why: str = ""
    waves: tuple[str, ...] = ()
    max_destroys: int | None = None
    """Data-bearing artifacts that one plan may destroy."""
    max_cutovers_a_night: int | None = None
    wave_size: tuple[int, int | None] | None = None
    """Fewest and most machines of a wave."""
    sizes: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    required_tags: tuple[str, ...] = ()
    no_cutover: BlackoutPolicy | None = None
    """Windows (in the estate's time zone) in which no cut-over is under way."""
    never_together: tuple[str, ...] = ()
    """Machines of which no two are in one wave or cut over in one night."""
    depends_on: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Machine -> machines that must be in the same or an earlier wave."""
    test_accepted: bool = False
    """A machine is cut over only when its test migration was accepted."""
    plan_valid: float | None = None
    """Seconds that a plan file can be applied for."""
    spans: Mapping[str, Span] = field(default_factory=dict)

    def concerns(self, wave: str) -> bool:
        return not self.waves or any(fnmatchcase(wave, pattern) for pattern in self.waves)

    @property
    def span(self) -> Span | None:
        return self.spans.get("")
