"""A golden plan case in the making: what its story is told with, and the register of all stories."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.planner.site import Site


@dataclass
class Story:
    """A case in the making. `ask` is what the plan is asked with."""

    site: Site
    ask: dict[str, int] = field(default_factory=dict)

    def wave(self, phase: str, machines: str = "web-01: Standard_D2s_v5", more: str = "") -> None:
        """One wave, or with `more` several."""
        self.site.files(waves=f"waves:\n  pilot:\n    target: korea\n    phase: {phase}\n    machines: {{{machines}}}\n{more}")

    def replicated(self, phase: str = "replicate") -> None:
        """web-01 in delta sync, then asked for `phase`."""
        self.wave("replicate")
        self.site.go()
        self.wave(phase)

    def seed(self, name: str, key: int = 2000) -> str:
        return self.site.workspace.view().state.artifacts[f"seed_disk.{name}/{key}"].id


TOLD: dict[str, Callable[[Story], None]] = {}


def case(tell: Callable[[Story], None]) -> Callable[[Story], None]:
    TOLD[tell.__name__.removesuffix("_").replace("_", "-")] = tell
    return tell
