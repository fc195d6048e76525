"""What the login may do, asked before anything is done: a role that lacks one privilege fails in `plan`, not at cut-over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from providers.vmware.collector import Collector, Properties
from providers.vmware.elements import VIM, text
from providers.vmware.machines import Machines
from providers.vmware.session import Session
from replication.model.errors import Denied

ON_MACHINES = (
    "VirtualMachine.Config.ChangeTracking",
    "VirtualMachine.Config.DiskLease",
    "VirtualMachine.Interact.PowerOff",
    "VirtualMachine.Interact.PowerOn",
    "VirtualMachine.Provisioning.DiskRandomRead",
    "VirtualMachine.Provisioning.GetVmFiles",
    "VirtualMachine.State.CreateSnapshot",
    "VirtualMachine.State.RemoveSnapshot",
)
"""For the VM. PowerOn is for the way back after a cut-over that fails."""

ON_DISCONNECTED = ("VirtualMachine.Config.EditDevice", "VirtualMachine.Interact.DeviceConnection")
"""For a VM whose network adapters are disconnected after its cut-over."""

ON_DATASTORES = ("Datastore.Browse", "Datastore.FileManagement")
"""For every datastore that holds a disk, by the https reader."""


TO_READ = ("System.View", "System.Read")
"""For a login that only plans, on VMs and datastores: the role "Read-only"."""


def missing_privileges(
    machines: Sequence[str],
    session: Session,
    known: Machines,
    *,
    on_machines: Sequence[str] = ON_MACHINES,
    on_datastores: Sequence[str] = ON_DATASTORES,
) -> dict[str, tuple[str, ...]]:
    """{instance uuid: privileges that this session lacks on the VM or its datastores}, empty when nothing is missing.

    VMs that do not exist are left out. `Denied` when the login may not even ask (System.View).
    """
    found = known.read(machines, ("datastore",))
    if not found:
        return {}
    key = _session_key(session)
    stores = {machine: [item.text or "" for item in _list(properties, "datastore")] for machine, properties in found.items()}
    on_vm = _lacking(session, key, {m: known.managed(m) for m in found}, on_machines)
    all_stores = {ref: session.managed("Datastore", ref) for refs in stores.values() for ref in refs}
    on_store = _lacking(session, key, all_stores, on_datastores)
    answer = {
        machine: tuple(
            sorted({*on_vm.get(machine, ()), *(lack for ref in stores[machine] for lack in on_store.get(ref, ()))})
        )
        for machine in found
    }
    return {machine: lacks for machine, lacks in answer.items() if lacks}


def _session_key(session: Session) -> str:
    manager = session.call("reading its session", lambda content: content.sessionManager)
    found = Collector(session).objects({manager: ("currentSession",)})
    for properties in found.values():
        if key := text(properties.get("currentSession"), "key"):
            return key
    raise Denied(
        "the session's own privileges cannot be read",
        subject=session.endpoint.subject,
        remedy="give the login System.View at the root",
        code="NoSession",
    )


def _lacking(session: Session, key: str, entities: dict[str, Any], wanted: Sequence[str]) -> dict[str, list[str]]:
    """{name: privileges that the session lacks on the entity}, in one call for all."""
    if not entities or not wanted:
        return {}
    names = {entity._moId: name for name, entity in entities.items()}
    answer = session.call(
        "checking its privileges",
        lambda content: content.authorizationManager.HasPrivilegeOnEntities(
            entity=list(entities.values()), sessionId=key, privId=list(wanted)
        ),
    )
    return {
        names[entry.entity._moId]: [one.privId for one in entry.privAvailability if not one.isGranted]
        for entry in answer or ()
    }


def _list(properties: Properties, path: str) -> list[Any]:
    value = properties.get(path)
    return [] if value is None else value.findall(VIM + "ManagedObjectReference")
