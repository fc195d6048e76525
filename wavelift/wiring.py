"""Joins an estate to the outside: sessions, sources, stores and the artifact provider, each made when first used.

`role` is "plan" (the read-only login of the plan runner) or "engine" (the appliance's, used by apply and the engine).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal

from planner.apply import Outside
from planner.inventory import Inventory
from wavelift.planning.documents import GatewayDocuments
from wavelift.reaching import SKEW
from wavelift.workspace import Workspace

if TYPE_CHECKING:
    from planner.estate import Diagnostic, Source
    from planner.plan.scope import Scope
    from providers.azure.artifacts.provider import AzureArtifacts
    from providers.azure.factory import AzureStores
    from providers.azure.session import AzureSession
    from providers.vmware.source import VSphereSource
    from wavelift.planning.access import Seat
    from wavelift.planning.look import Looked


ASSUMED = 30.0
"""Seconds that a refusal is waited out where roles are assumed to be there already."""


class Wiring:
    """A context: leaving it logs out of every vCenter."""

    def __init__(self, workspace: Workspace, role: Literal["plan", "engine"]) -> None:
        self.workspace = workspace.acting(role)
        self._role: Literal["plan", "engine"] = role
        self._sources: dict[str, tuple[Source, VSphereSource]] = {}
        self._opened: list[VSphereSource] = []

    def __enter__(self) -> Wiring:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for source in self._opened:
            source.close()

    def refresh(self) -> None:
        """Read the estate's files again; sessions stay, but to a source that is written otherwise now."""
        self.workspace = Workspace.open(self.workspace.folder).acting(self._role)

    @cached_property
    def azure(self) -> AzureSession:
        from wavelift.state.opening import session_of

        return session_of(self.workspace.estate.azure, self._role)

    def leave(self) -> None:
        """Nobody waits for Azure any longer."""
        self.azure.leave()

    def now(self) -> float:
        """Unix time: this host's, or Azure's where that one is clearly wrong: what ends, ends for every runner at once."""
        ahead = self.azure.ahead
        return time.time() - (ahead if abs(ahead) > SKEW else 0.0)

    def at_work(self) -> str:
        """Who changes the state while it is read, for people; empty while nobody does."""
        holder = self.workspace.store.held()
        return f"The state is locked by {holder}: what that one does may be told here only in part." if holder else ""

    def wrong_clock(self) -> str:
        """For people; empty while it is right."""
        ahead = self.azure.ahead
        if abs(ahead) <= SKEW:
            return ""
        way = "ahead of" if ahead > 0 else "behind"
        return (
            f"This host's clock is {abs(ahead) / 60:.0f} minutes {way} Azure's: times are judged by Azure's. Set it (NTP): "
            "tokens fail beyond five minutes. `wavelift doctor` looks at it."
        )

    @cached_property
    def stores(self) -> AzureStores:
        from providers.azure.factory import AzureStores

        return AzureStores(self.azure)

    @cached_property
    def engine(self) -> GatewayDocuments:
        return GatewayDocuments(self.stores)

    @cached_property
    def artifacts(self) -> AzureArtifacts:
        from providers.azure.artifacts.provider import AzureArtifacts
        from providers.azure.artifacts.waiting import RoleWait
        from providers.azure.tags import Owner

        estate = self.workspace.estate
        # A role that somebody else has assigned works by now; only one that this apply assigns takes minutes.
        wait = RoleWait() if estate.azure.roles == "assign" else RoleWait(ASSUMED)
        return AzureArtifacts(self.azure, Owner(estate.name, self.workspace.view().state.lineage), wait)

    def source(self, name: str) -> VSphereSource:
        """The vCenter of an entry under `sources`."""
        entry = self.workspace.estate.sources[name]
        known, opened = self._sources.get(name, (None, None))
        if opened is None or known != entry:
            from providers.secrets import credentials
            from providers.vmware.source import open_source

            login = entry.login.plan if self._role == "plan" else entry.login.engine
            opened = open_source(entry, partial(credentials, login, vault=self._kept))
            self._sources[name] = (entry, opened)
            self._opened.append(opened)
        return opened

    def address(self, written: str) -> str:
        """The web address that the files write or name; read at each call and kept nowhere."""
        from providers.secrets import address

        return address(written, folder=str(self.workspace.folder), vault=self._kept)

    def _kept(self, vault: str, name: str) -> str:
        """A secret out of a Key Vault, read with the Azure login of this role."""
        from providers.azure.errors import translated

        with translated(f"secret {name} of {vault}"):
            return self.azure.secrets(vault).get_secret(name).value or ""

    def inventory(self, *, every: bool = False) -> Inventory:
        """Everything in every source that a machine comes from; `every`: in those that nothing comes from yet, too."""
        from wavelift.inventory.recorded import used

        estate = self.workspace.estate
        names = list(estate.sources) if every else used(estate)
        return Inventory({name: self.source(name).inventory(now=time.time()) for name in names})

    def look(
        self,
        allow_destroy: int | None,
        say: Callable[[str], None],
        approvals: frozenset[str] = frozenset(),
        recorded: Path | None = None,
        scope: Scope | None = None,
        observe: bool = True,
        seat: Seat | None = None,
    ) -> Looked:
        """Read the inventory and plan. `approvals`: what may be taken for approved; `recorded`: a file to take the inventory
        from, so that no vCenter is spoken to; `scope`: which part of the plan is wanted; `observe`: see `planning.look`;
        `seat`: the engine's where it is not asked for an apply."""
        from planner.plan.scope import EVERYTHING
        from wavelift.inventory.recorded import read, remarks
        from wavelift.planning.look import look
        from wavelift.planning.skew import engines, refuse

        part = scope or EVERYTHING
        remarked: tuple[Diagnostic, ...] = refuse(engines(self.engine, self.workspace.view().state))
        vcenter: _Privileges | None = None
        if recorded is None:
            say(f"reading the inventory of {', '.join(self.workspace.estate.sources)}")
            inventory, vcenter = self.inventory(), _Privileges(self)
        else:
            inventory = read(recorded)
            known = self.workspace
            remarked = (*remarked, *remarks(known.estate, inventory, time.time(), str(recorded), known.locked))
        return look(
            self.workspace,
            inventory,
            self.artifacts,
            self.engine,
            allow_destroy,
            say,
            approvals=approvals,
            seat=seat or ("plan" if self._role == "plan" else "apply"),
            vcenter=vcenter,
            remarked=remarked,
            scope=part,
            observe=observe,
            now=self.now(),
        )

    def outside(self) -> Outside:
        return Outside(self.artifacts, self.engine, _Tracking(self), self.now, self.azure.fence)


class _Privileges:
    """`wavelift.planning.access.Privileges` over the sources."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring

    def missing_privileges(
        self, source: str, machines: tuple[str, ...], reading: bool, disconnecting: bool
    ) -> Mapping[str, Sequence[str]]:
        return self._wiring.source(source).missing_privileges(machines, reading=reading, disconnecting=disconnecting)


class _Tracking:
    """`planner.engine.TrackingSwitch` over the sources."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring

    def enable_tracking(self, source: str, machine: str) -> None:
        self._wiring.source(source).enable_tracking(machine, self._wiring.azure.fence)
