"""Power operations. Each may be called again: what vCenter says in the end counts, not what was asked."""

from __future__ import annotations

from providers.vmware.machines import Machines
from providers.vmware.session import Session
from providers.vmware.tasks import Tasks
from replication.model.errors import Conflict, Temporary
from replication.model.source import Power

_STATE = "runtime.powerState"


class PowerControl:
    """The power part of `replication.ports.Source`."""

    def __init__(self, session: Session, machines: Machines, tasks: Tasks) -> None:
        self._session = session
        self._machines = machines
        self._tasks = tasks

    def state(self, machine: str) -> Power:
        value = self._machines.one(machine, _STATE).get(_STATE)
        return Power(value.text) if value is not None else Power.OFF

    def shutdown_guest(self, machine: str) -> None:
        if self.state(machine) is Power.OFF:
            return
        vm = self._machines.managed(machine)
        try:
            self._session.call(
                "asking the guest to shut down", lambda _: vm.ShutdownGuest(), subject=self._machines.name(machine)
            )
        except Conflict:
            if self.state(machine) is not Power.OFF:
                raise

    def off(self, machine: str) -> None:
        self._to(machine, Power.OFF, "PowerOffVM_Task", "powering it off")

    def on(self, machine: str) -> None:
        self._to(machine, Power.ON, "PowerOnVM_Task", "powering it on")

    def _to(self, machine: str, wanted: Power, method: str, doing: str) -> None:
        if self.state(machine) is wanted:
            return
        vm = self._machines.managed(machine)
        subject = self._machines.name(machine)
        try:
            self._tasks.run(doing, getattr(vm, method), subject=subject, replay=True)
        except Conflict:
            # InvalidPowerState: somebody was quicker, which is fine if it went the same way.
            if self.state(machine) is not wanted:
                raise
        if (state := self.state(machine)) is not wanted:
            raise Temporary(f"{doing}: vCenter still says {state.value}", subject=subject, code="PowerState")
