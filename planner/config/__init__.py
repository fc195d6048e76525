"""The estate's files: YAML in, the resolved estate or every problem with its place out.

    loaded = load(folder)
    print(render(loaded.diagnostics, read_sources(loaded.diagnostics)))

`lock` pins machines to VMs; `CODES` explains every code that a diagnostic can have.
"""

from planner.config.codes import CODES, Code
from planner.config.loader import load
from planner.config.lock import Lock, LockedMachine, read_lock, write_lock
from planner.config.render import read_sources, render, to_json

__all__ = [
    "CODES",
    "Code",
    "Lock",
    "LockedMachine",
    "load",
    "read_lock",
    "read_sources",
    "render",
    "to_json",
    "write_lock",
]
