"""A folder with an estate: its files, lock and state, opened for a command. Clients are made when first used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

from planner.config import Lock, LockedMachine, load, read_lock, write_lock
from planner.estate import Diagnostic, Estate
from planner.state import BadState
from planner.store import StateStore, View
from wavelift.diagnostics import shown
from wavelift.problems import UserProblem

Role = Literal["plan", "engine"]


class BadEstate(UserProblem):
    """The files are wrong; `diagnostics` are all that was found, for whoever tells them otherwise."""

    def __init__(self, folder: Path, diagnostics: tuple[Diagnostic, ...]) -> None:
        errors = sum(d.severity == "error" for d in diagnostics)
        count = f"{errors} problem{'s' if errors != 1 else ''}"
        super().__init__(f"{shown(diagnostics)}\n{count} in {folder}. Nothing was changed.")
        self.diagnostics = diagnostics


@dataclass(frozen=True)
class Workspace:
    """`estate` has no errors; `warnings` are what the files' checks only remark on."""

    folder: Path
    estate: Estate
    lock: Lock
    warnings: tuple[Diagnostic, ...] = ()
    role: Role = "plan"
    """Whose login opens a state in Azure: see `wavelift.wiring`."""

    @classmethod
    def open(cls, folder: Path) -> Workspace:
        """Read files and lock. `BadEstate` with every diagnostic when there is an error."""
        loaded = load(folder)
        lock, complaints = read_lock(folder, loaded.estate.lock_file) if loaded.estate is not None else read_lock(folder)
        found = (*loaded.diagnostics, *complaints)
        if loaded.estate is None or any(d.severity == "error" for d in found):
            raise BadEstate(folder, found)
        return cls(folder, loaded.estate, lock, found)

    @cached_property
    def store(self) -> StateStore:
        from wavelift.state.opening import store_of

        return store_of(self.estate, self.role)

    def acting(self, role: Role) -> Workspace:
        """The same folder with another login."""
        return self if role == self.role else replace(self, role=role)

    def view(self) -> View:
        from wavelift.state.access import allowed

        try:
            with allowed(self):
                return self.store.read()
        except BadState as error:
            raise UserProblem(str(error)) from error

    def write_lock(self, machines: Mapping[str, LockedMachine]) -> None:
        """Pin these machines and no others. Raises OSError."""
        write_lock(self.folder, Lock(machines), self.estate.lock_file)

    @cached_property
    def locked(self) -> Mapping[str, str]:
        """Machine name -> pinned instance uuid."""
        return {name: machine.instance_uuid for name, machine in self.lock.machines.items()}

    def source_of(self, name: str) -> str:
        """The source of a machine: as the files say, else as it was pinned; "" when neither knows it."""
        found = self.estate.machines.get(name) or self.lock.machines.get(name)
        return found.source if found is not None else ""
