"""Hooks in memory: which ran, with what they were told, and which are to fail."""

from __future__ import annotations

from collections.abc import Mapping

from replication.model.errors import Permanent
from replication.model.item import Hook


class FakeHooks:
    """Implements `replication.ports.Hooks`."""

    def __init__(self) -> None:
        self.ran: list[tuple[str, Mapping[str, str]]] = []
        self.failing: set[str] = set()

    def run(self, hook: Hook, told: Mapping[str, str]) -> None:
        self.ran.append((hook.name, dict(told)))
        if hook.name in self.failing:
            raise Permanent("it ended with exit code 3")
