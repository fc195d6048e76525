"""From instance uuids, which everything else knows a VM by, to vCenter's refs, which change when it is registered anew."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from providers.vmware.collector import Collector, Properties
from providers.vmware.session import Session
from replication.model.errors import NotFound, PortError

_FEW = 4
"""Up to so many unknown uuids are looked up one by one; more are found by one pass over all VMs."""


class Machines:
    """Looks VMs up and reads their properties; remembers refs, and looks again when one is gone. Safe for threads."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._collector = Collector(session)
        self._lock = threading.Lock()
        self._refs: dict[str, str] = {}
        self._names: dict[str, str] = {}

    def read(self, machines: Iterable[str], paths: Sequence[str]) -> dict[str, Properties]:
        """{uuid: properties} of those that exist, in one call once their refs are known."""
        wanted = tuple(dict.fromkeys(machines))
        for _ in range(3):
            refs = self._lookup(wanted)
            if not refs:
                return {}
            try:
                found = self._collector.objects({self._bind(ref): ("name", *paths) for ref in refs.values()})
            except NotFound:
                # Some ref vanished between two calls, and the fault need not say which: look all of them up again.
                self._forget(refs)
                continue
            by_uuid = {uuid: found[ref] for uuid, ref in refs.items() if ref in found}
            with self._lock:
                self._names.update(
                    {uuid: found_["name"].text or uuid for uuid, found_ in by_uuid.items() if "name" in found_}
                )
            return by_uuid
        return {}

    def one(self, machine: str, *paths: str) -> Properties:
        """Properties of one VM; `NotFound` when vCenter does not know it."""
        found = self.read((machine,), paths).get(machine)
        if found is None:
            raise self._gone(machine)
        return found

    def managed(self, machine: str) -> Any:
        """The VirtualMachine object; `NotFound` when vCenter does not know it."""
        ref = self._lookup((machine,)).get(machine)
        if ref is None:
            raise self._gone(machine)
        return self._bind(ref)

    def name(self, machine: str) -> str:
        """The VM's name for messages: as last read, or read now; its uuid when vCenter does not say."""
        if machine not in self._names:
            with suppress(PortError):
                self.read((machine,), ())
        return self._names.get(machine, machine)

    def forget(self, machine: str) -> None:
        """Its ref was answered with "not found": look it up again next time."""
        self._forget((machine,))

    def _forget(self, machines: Iterable[str]) -> None:
        with self._lock:
            for machine in machines:
                self._refs.pop(machine, None)

    def _bind(self, ref: str) -> Any:
        return self._session.managed("VirtualMachine", ref)

    def _gone(self, machine: str) -> NotFound:
        return NotFound(
            f"vCenter {self._session.endpoint.host} has no VM with instance uuid {machine}",
            subject=self._names.get(machine, ""),
            remedy="it was deleted or registered anew; plan again",
            code="NoSuchVm",
        )

    def _lookup(self, machines: Sequence[str]) -> dict[str, str]:
        with self._lock:
            known = {uuid: self._refs[uuid] for uuid in machines if uuid in self._refs}
        unknown = [uuid for uuid in machines if uuid not in known]
        found = self._search(unknown) if len(unknown) <= _FEW else self._sweep(set(unknown))
        with self._lock:
            self._refs.update(found)
        return {**known, **found}

    def _search(self, machines: Sequence[str]) -> dict[str, str]:
        found = {}
        for uuid in machines:
            by_uuid = partial(_find, uuid)
            vm = self._session.call("looking it up", by_uuid, subject=self._names.get(uuid, ""))
            if vm is not None:
                found[uuid] = str(vm._moId)
        return found

    def _sweep(self, machines: set[str]) -> dict[str, str]:
        def take(_: str, ref: str, properties: Properties) -> tuple[str, str]:
            value = properties.get("config.instanceUuid")
            return (value.text or "" if value is not None else ""), ref

        pairs = self._collector.all({"VirtualMachine": ("config.instanceUuid",)}, take)
        return {uuid: ref for uuid, ref in pairs if uuid in machines}


def _find(uuid: str, content: Any) -> Any:
    return content.searchIndex.FindByUuid(uuid=uuid, vmSearch=True, instanceUuid=True)
