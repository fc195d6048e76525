"""What is done to a source after its cut-over: network adapters disconnected, a line in its notes. All of it can be undone."""

from __future__ import annotations

from typing import Any

from providers.vmware import sdk
from providers.vmware.machines import Machines
from providers.vmware.session import Session
from providers.vmware.tasks import Tasks

MARK = "wavelift: "
"""Our line in a VM's notes begins so; all others are left as they are."""


class Marking:
    """The marking part of `replication.ports.Source`."""

    def __init__(self, session: Session, machines: Machines, tasks: Tasks) -> None:
        self._session = session
        self._machines = machines
        self._tasks = tasks

    def connect_nics(self, machine: str, connected: bool) -> None:
        """Every network adapter, now (where it runs) and at its next power-on. Nothing is asked for that is so already."""
        vim = sdk.load().vim
        changes = []
        for nic in self._config(machine).hardware.device:
            if not isinstance(nic, vim.vm.device.VirtualEthernetCard):
                continue
            link = nic.connectable
            if link is not None and link.startConnected == connected and (connected or not link.connected):
                continue
            nic.connectable = vim.vm.device.VirtualDevice.ConnectInfo(
                startConnected=connected, connected=connected, allowGuestControl=link.allowGuestControl if link else True
            )
            changes.append(vim.vm.device.VirtualDeviceSpec(operation="edit", device=nic))
        if changes:
            self._reconfigure(machine, vim.vm.ConfigSpec(deviceChange=changes), "changing its network adapters")

    def annotate(self, machine: str, text: str) -> None:
        """Our one line in its notes; an empty text takes it out."""
        notes = str(self._config(machine).annotation or "")
        kept = [line for line in notes.split("\n") if not line.startswith(MARK)]
        line = text if text.startswith(MARK) or not text else MARK + text
        wanted = "\n".join([*kept, *([line] if line else [])]).strip("\n")
        if wanted != notes:
            self._reconfigure(machine, sdk.load().vim.vm.ConfigSpec(annotation=wanted), "changing its notes")

    def _config(self, machine: str) -> Any:
        vm = self._machines.managed(machine)
        return self._session.call("reading its configuration", lambda _: vm.config, subject=self._machines.name(machine))

    def _reconfigure(self, machine: str, spec: Any, doing: str) -> None:
        vm = self._machines.managed(machine)
        self._tasks.run(doing, lambda: vm.ReconfigVM_Task(spec), subject=self._machines.name(machine), replay=True)
