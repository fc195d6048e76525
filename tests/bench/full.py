"""The recorded state, the clouds and the engine's records of an estate that has been applied whole and is in delta sync.

    python -m tests.bench.full FOLDER

`FOLDER` holds an estate of `tests.bench.estates`. What apply would record is worked out from the plan on an empty state,
so that the state is what this version of wavelift means by "nothing to do".
"""

from __future__ import annotations

import gc
import marshal
import sys
from dataclasses import replace
from pathlib import Path

from planner.artifact import Kind
from planner.engine import ETAG
from planner.inventory import Inventory, VmFacts, loads
from planner.inventory import dumps as inventory_text
from planner.plan import Plan
from planner.state import MachineState, Recorded, State
from planner.state import dumps as state_text
from planner.steps import Create
from replication.model.documents import dumps as document
from replication.model.record import Life, Record
from tests.bench.estates import INVENTORY, OBSERVED
from tests.bench.plan_once import ITEM, RECORDS, NoEngine, RecordedCloud
from wavelift.planning.look import look
from wavelift.workspace import Workspace

STORES = frozenset({Kind.LOG_STORE, Kind.GATEWAY_STORE, Kind.SEED_STORE})


def write(folder: Path) -> None:
    """State beside the estate; what the clouds show and the engine's records beside the inventory."""
    workspace = Workspace.open(folder / "estate")
    inventory = loads((folder / INVENTORY).read_text())
    looked = look(workspace, inventory, RecordedCloud(folder / OBSERVED), NoEngine())
    if looked.plan.errors:
        raise AssertionError(looked.plan.errors[0])
    state = _applied(looked.plan)
    path = Path(workspace.estate.state_path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(state_text(state))
    there = marshal.loads((folder / OBSERVED).read_bytes())
    there |= {
        r.id.lower(): {k: v for k, v in r.spec.items() if k != "tags"}
        for r in state.artifacts.values()
        if r.kind is not Kind.REPLICATION
    }
    (folder / OBSERVED).write_bytes(marshal.dumps(there))
    records = [document(Record(m.uuid, m.replication, 1, 1, Life.DELTA, 1)).decode().rstrip() for m in state.machines.values()]
    (folder / RECORDS).write_text("\n".join(records))
    (folder / INVENTORY).write_text(inventory_text(_tracked(inventory)))


def _tracked(inventory: Inventory) -> Inventory:
    """As it is once apply has switched tracking on."""

    def on(vm: VmFacts) -> VmFacts:
        return replace(vm, tracking=True, disks=tuple(replace(d, tracking=True) for d in vm.disks))

    return Inventory({n: replace(s, vms=tuple(map(on, s.vms))) for n, s in inventory.sources.items()})


def attributes(kind: str, arm_id: str) -> dict[str, str]:
    """What a provider answers for an artifact that it has made."""
    name = arm_id.rpartition("/")[2]
    if kind in STORES:
        return {"blob_endpoint": f"https://{name}.blob.example"}
    if kind == Kind.REPLICATION:
        return {ETAG: ITEM}
    if kind == Kind.KEY_VAULT:
        return {"vault_uri": f"https://{name}.vault.example"}
    return {"endpoint": f"https://{name}.bus.example"} if kind == Kind.SERVICE_BUS else {}


def _applied(plan: Plan) -> State:
    artifacts: dict[str, Recorded] = {}
    machines: dict[str, MachineState] = {}
    for step in plan.steps:
        if not isinstance(step, Create):
            raise AssertionError(f"{step.address}: an empty state is planned with creations alone")
        if step.kind is Kind.TRACKING:
            continue
        found = attributes(step.kind, step.id)
        artifacts[step.address] = Recorded(step.address, step.kind, step.id, step.spec, step.deps, found, step.machine)
        if step.enables is not None:
            machines[step.enables.uuid] = step.enables
    return State(plan.lineage, 1, plan.estate, artifacts, machines)


if __name__ == "__main__":
    gc.disable()  # a short life: what is made stays until it ends
    write(Path(sys.argv[1]))
