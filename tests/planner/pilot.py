"""A wave of two machines, of which one has two disks and no change tracking yet."""

from __future__ import annotations

from pathlib import Path

from tests.planner.site import Site, vm

WAVES = """\
waves:
  pilot:
    target: korea
    phase: {phase}
    machines: {{web-01: Standard_D2s_v5, web-02: Standard_D2s_v5}}
"""


def pilot() -> Site:
    """In the working directory; both are to replicate."""
    made = Site(Path(), vm(1, "web-01", (8, 16), tracking=False), vm(2, "web-02"))
    made.files(waves=WAVES.format(phase="replicate"))
    return made
