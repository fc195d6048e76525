"""Which machine a problem is about: by its YAML path, the artifact's address or the name that it gives. Pure."""

from __future__ import annotations

from collections.abc import Container

from planner.artifact import ENGINE_MADE, Kind
from planner.estate import Diagnostic

OF_MACHINES = frozenset({*ENGINE_MADE, Kind.SEED_DISK, Kind.REPLICATION, Kind.TRACKING})
"""Kinds of artifacts that belong to one machine."""


def is_of_a_machine(problem: Diagnostic) -> bool:
    """Whether a problem is about one machine, and not about something that several share."""
    kind = problem.path.partition(".")[0]
    return ".machines." in problem.path or kind in OF_MACHINES or (problem.code == "WL320")


def machine_of(problem: Diagnostic, known: Container[str]) -> str | None:
    """The machine of `known` that the problem is about, or None."""
    kind, _, rest = problem.path.partition(".")
    if kind == "waves":
        name = rest.partition(".machines.")[2]
        while name and name not in known:  # names may hold dots, and keys follow
            name = name.rpartition(".")[0]
        return name or None
    name = rest.partition("/")[0] if kind in OF_MACHINES else problem.path
    return name if name in known else None
